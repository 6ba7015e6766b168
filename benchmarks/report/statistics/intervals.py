"""Intervals of means: datasets are the unit of a general claim, seeds that of a claim about given datasets.

Seeds that judge the same test images share their luck, which more seeds do not average out: the mean of S seeds with
variance s^2 has variance s^2 / S + C, where C is the mean covariance of two seeds through test images that both judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.report.statistics.images import Shared

CONFIDENCE = 0.95
MIN_DATASETS = 3
"""With fewer, nothing general can be said, and the interval is about these datasets."""

IMAGES = "test images"


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval; infinite where there is none.

    Attributes:
        mean: of the datasets' means.
        low: lower end.
        high: upper end.
        unit: `datasets`, `seeds`, or `test images` (of one seed: another training may differ by more).
        units: how many of them.
    """

    mean: float
    low: float
    high: float
    unit: str
    units: int

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    def scaled(self, scale: float) -> Interval:
        """Return it in other units, `scale` (positive) to one."""
        return replace(self, mean=self.mean * scale, low=self.low * scale, high=self.high * scale)

    @property
    def remark(self) -> str:
        """What has to stand beside the interval."""
        return " (one seed: test images alone)" if self.known and self.unit == IMAGES else ""

    def verdict(self, target: float) -> str:
        """Say whether the mean reaches a target: `holds`, `does not hold` or `cannot be told`."""
        if self.unit == IMAGES:
            return "cannot be told"
        if self.known and self.low >= target:
            return "holds"
        return "does not hold" if self.known and self.high < target else "cannot be told"


def interval(values: pd.DataFrame, shared: Sequence[Shared] = (), tests: int = 1) -> Interval:
    """Return the mean over datasets with Student's interval.

    From three datasets on, their means are the observations: whatever varies below a dataset (seeds, subsets, test
    images) varies its mean, too. With fewer, the datasets are taken as given; the seeds of each vary, with Welch's and
    Satterthwaite's degrees of freedom, and what they share, with its own. Of one seed only the test images are known to
    vary.

    Args:
        values: datasets x seeds, levels averaged; NaN where a seed is missing.
        shared: what the seeds of each dataset share, in squared units of the values; nothing where left out.
        tests: how many such intervals are to hold at once (Bonferroni).
    """
    rows = values.to_numpy(float)
    seeds = np.isfinite(rows).sum(axis=1)
    common = [one for one, size in zip(shared, seeds, strict=True) if size] if shared else []
    rows, seeds = rows[seeds > 0], seeds[seeds > 0]
    count = len(rows)
    if not count:
        return Interval(float("nan"), -np.inf, np.inf, "seeds", 0)
    means, fewest = np.nanmean(rows, axis=1), int(seeds.min())
    mean = float(means.mean())
    if count >= MIN_DATASETS:
        error = float(means.std(ddof=1)) / np.sqrt(count)
        return _student(mean, error, count - 1, ("datasets", count), tests)
    covariance = sum(one.covariance for one in common) / count**2
    if fewest < 2 and not (common and all(one.covariance > 0 for one in common)):
        return Interval(mean, -np.inf, np.inf, "seeds", fewest)
    sources = [_of_seeds(rows - means[:, None], seeds)]
    if covariance > 0:
        uncertainty = sum(one.uncertainty for one in common) / count**4
        # what is hardly known counts as known from two values
        sources.append((covariance, max(1.0, 2 * covariance**2 / uncertainty) if uncertainty > 0 else np.inf))
    whole = sum(variance for variance, _ in sources)
    # weighed by variance (Cochran and Cox 1957): degrees of freedom for the sum, as Satterthwaite's, grow just where
    # few seeds happen to vary little, and with three of them the interval covers 92 % only
    quantile = sum(variance * _quantile(freedom, tests) for variance, freedom in sources) / whole if whole else 0.0
    half = quantile * float(np.sqrt(whole))
    return Interval(mean, mean - half, mean + half, "seeds" if fewest > 1 else IMAGES, fewest)


def _of_seeds(rest: np.ndarray, seeds: np.ndarray) -> tuple[float, float]:
    """Return the variance of a mean over datasets by what their seeds leave, and its degrees of freedom (Welch)."""
    freedoms = np.maximum(seeds - 1, 1)
    parts = np.nansum(rest**2, axis=1) / freedoms / seeds / len(seeds) ** 2
    doubt = float((parts**2 / freedoms).sum())
    return float(parts.sum()), float(parts.sum()) ** 2 / doubt if doubt > 0 else float(freedoms.min())


def half_width(sd: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return half the 95 % confidence interval of a mean over n seeds (Student's t); NaN for fewer than two."""
    sd, n = np.asarray(sd, dtype=float), np.asarray(n, dtype=float)
    few = n < 2
    safe = np.where(few, 2, n)
    return np.where(few, np.nan, stats.t.ppf(0.975, safe - 1) * sd / np.sqrt(safe))


def _student(mean: float, error: float, freedom: float, unit: tuple[str, int], tests: int) -> Interval:
    half = _quantile(freedom, tests) * error
    return Interval(mean, mean - half, mean + half, *unit)


def _quantile(freedom: float, tests: int) -> float:
    return float(stats.t.ppf(1 - (1 - CONFIDENCE) / 2 / tests, freedom))
