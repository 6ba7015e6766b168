"""Intervals of means: datasets are the unit of a general claim, seeds that of a claim about given datasets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95
MIN_DATASETS = 3
"""With fewer, nothing general can be said, and the interval is about these datasets."""


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval; infinite where there is none.

    Attributes:
        mean: of the datasets' means.
        low: lower end.
        high: upper end.
        unit: `datasets` or `seeds`, what was taken to vary.
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

    def verdict(self, target: float) -> str:
        """Say whether the mean reaches a target: `holds`, `does not hold` or `cannot be told`."""
        if self.known and self.low >= target:
            return "holds"
        return "does not hold" if self.known and self.high < target else "cannot be told"


def interval(values: pd.DataFrame) -> Interval:
    """Return the mean over datasets with Student's interval.

    From three datasets on, their means are the observations: whatever varies below a dataset (seeds, subsets, test
    images) varies its mean, too. With fewer, the datasets are taken as given and the seeds of each vary, with Welch's
    and Satterthwaite's degrees of freedom.

    Args:
        values: datasets x seeds, levels averaged; NaN where a seed is missing.
    """
    means = values.mean(axis=1).dropna()
    if means.empty:
        return Interval(float("nan"), -np.inf, np.inf, "seeds", 0)
    if len(means) >= MIN_DATASETS:
        error, freedom = float(means.std(ddof=1)) / np.sqrt(len(means)), float(len(means) - 1)
        return _student(float(means.mean()), error, freedom, "datasets", len(means))
    rows = values.loc[means.index]
    seeds = rows.notna().sum(axis=1)
    if seeds.min() < 2:
        return Interval(float(means.mean()), -np.inf, np.inf, "seeds", int(seeds.min()))
    parts = rows.var(axis=1, ddof=1) / seeds / len(means) ** 2
    whole = float(parts.sum())
    freedom = whole**2 / float((parts**2 / (seeds - 1)).sum()) if whole > 0 else float(seeds.min() - 1)
    return _student(float(means.mean()), float(np.sqrt(whole)), freedom, "seeds", int(seeds.min()))


def _student(mean: float, error: float, freedom: float, unit: str, units: int) -> Interval:
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    return Interval(mean, mean - half, mean + half, unit, units)
