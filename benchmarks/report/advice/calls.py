"""Which methods are better than the control or behind the leader: said from the runs at hand alone, and rarely wrong.

The levels are averaged first, so that a seed is one observation. One half of the error rate is shared by the
comparisons with the control, the other by all pairs of methods, which covers that the leader is picked as the best of
many; both by all tables of a report (Bonferroni). The variance of a pair's difference is moderated (Smyth,
Statistical Applications in Genetics and Molecular Biology 3, 2004): with three seeds its own two degrees of freedom
say little, so it is drawn towards the variance that all methods share, as far as they do share one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import digamma, polygamma

from benchmarks.report.advice.places import Place

ALPHA = 0.05
MIN_SEEDS = 3
MODERATED_FROM = 5
"""Fewer methods than this say nothing about a shared variance."""


@dataclass(frozen=True)
class Comparison:
    """One method less another, in points.

    Attributes:
        difference: mean over levels and seeds.
        low: lower end of its own 95 % interval, not corrected for the number of comparisons.
        high: upper end.
        sd: standard deviation over seeds, moderated.
        seeds: how many.
        called: -1 behind, 1 better, 0 cannot be told; after correction for all pairs.
        lowest: lower end of its 95 % interval where it is picked from all methods of the table.
        highest: upper end.
    """

    difference: float
    low: float
    high: float
    sd: float
    seeds: int
    called: int = 0
    lowest: float = -np.inf
    highest: float = np.inf


@dataclass(frozen=True)
class Comparisons:
    """All pairs of methods at some places: means over levels by seed, and what their variances share."""

    values: pd.DataFrame
    """Methods x seeds, levels averaged; NaN where a level is missing."""
    freedom: float
    """Degrees of freedom that the shared variance adds to a pair's own."""
    shared: float
    """Variance of a difference of two methods that all pairs share."""
    tables: int = 1

    def against(self, first: str, control: str) -> Comparison:
        """Compare a method with the control, which was named before the runs."""
        return self.between(first, control, max(1, self.tables * (len(self.values) - 1)))

    def between(self, first: str, second: str, among: int = 0) -> Comparison:
        """Compare two methods on the seeds both have; a call is corrected for `among` comparisons, or all pairs."""
        # who has no seed at all levels has no row
        both = self.values.reindex([first, second]).to_numpy(float)
        differences = (both[0] - both[1])[np.isfinite(both).all(axis=0)]
        n = len(differences)
        mean = float(differences.mean()) if n else float("nan")
        if n < 2:
            return Comparison(mean, -np.inf, np.inf, float("nan"), n)
        variance, freedom = self._variance(float(differences.var(ddof=1)), n - 1)
        error = np.sqrt(variance / n)
        half = _quantile(1 - ALPHA / 2, freedom) * error
        # the advised method is picked from all: its interval holds for any of them at once
        wide = _quantile(1 - ALPHA / 2 / max(1, len(self.values) - 1), freedom) * error
        strict = _quantile(1 - ALPHA / 4 / (among or self.pairs), freedom) * error
        called = int(np.sign(mean)) if n >= MIN_SEEDS and abs(mean) > strict else 0
        return Comparison(mean, mean - half, mean + half, float(np.sqrt(variance)), n, called, mean - wide, mean + wide)

    def better(self, control: str) -> list[str]:
        """Return the methods called better than the control; none where it is not there."""
        if control not in self.values.index:
            return []
        return self._called(control, 1, max(1, self.tables * (len(self.values) - 1)))

    def behind(self) -> list[str]:
        """Return the methods called behind the leader."""
        return self._called(self.leader, -1, self.pairs)

    def _called(self, other: str, sign: int, among: int) -> list[str]:
        """Do as `between` does for all methods at once, where there are many."""
        differences = sign * (self.values.to_numpy(float) - self.values.loc[other].to_numpy(float))
        n = np.isfinite(differences).sum(axis=1)
        rows = np.flatnonzero((n >= MIN_SEEDS) & (self.values.index != other))
        n, differences = n[rows], differences[rows]
        own = np.nanvar(differences, axis=1, ddof=1)
        total = self.freedom + n - 1
        error = np.sqrt((self.freedom * self.shared + (n - 1) * own) / total / n)
        quantiles = np.array([_quantile(1 - ALPHA / 4 / among, float(freedom)) for freedom in total])
        return [str(self.values.index[i]) for i in rows[np.nanmean(differences, axis=1) > quantiles * error]]

    @property
    def pairs(self) -> int:
        """How many comparisons share the error rate."""
        methods = len(self.values)
        return max(1, self.tables * methods * (methods - 1) // 2)

    @property
    def means(self) -> pd.Series:
        """Each method's mean over all seeds; of one that lacks some, as far as the others say how these differ."""
        whole = self.values.dropna()
        shared = (whole if len(whole) else self.values).median()
        return self.values.sub(shared, axis="columns").mean(axis=1) + shared.mean()

    @property
    def leader(self) -> str:
        """The best mean over the seeds, among methods that have them all, where there are any (a run may go on)."""
        whole = self.values.dropna()
        return str((whole if len(whole) else self.values).mean(axis=1).idxmax())

    @property
    def detectable(self) -> float:
        """Points of a true gain over the control that four of five such runs would call; NaN with too few seeds."""
        whole = self.values.dropna().to_numpy(float)
        n = whole.shape[1]
        if n < MIN_SEEDS or len(whole) < 2:
            return float("nan")
        rest = whole - whole.mean(axis=1, keepdims=True)
        rest -= rest.mean(axis=0, keepdims=True)
        shared = 2 * float((rest**2).sum()) / (n - 1) / (len(whole) - 1)
        freedom = self.freedom + n - 1
        among = self.tables * (len(self.values) - 1)
        quantiles = _quantile(1 - ALPHA / 4 / among, freedom) + _quantile(0.8, freedom)
        return float(quantiles * np.sqrt(shared / n))

    def _variance(self, own: float, freedom: int) -> tuple[float, float]:
        total = self.freedom + freedom
        return (self.freedom * self.shared + freedom * own) / total, total


@cache
def _quantile(share: float, freedom: float) -> float:
    return float(stats.t.ppf(share, freedom))


def comparisons(places: Sequence[Place], tables: int = 1) -> Comparisons:
    """Prepare all pairs at some places of one dataset.

    Args:
        places: their levels are averaged; methods that lack one have no value there.
        tables: how many such tables the report holds, which share the error rate.
    """
    seeds = sorted(set().union(*(place.values.columns for place in places)))
    names = sorted(set().union(*(place.values.index for place in places)))
    stacked = np.array([place.values.reindex(index=names, columns=seeds).to_numpy(float) for place in places])
    values = pd.DataFrame(stacked.mean(axis=0), index=names, columns=seeds)
    freedom, shared = _shared_variance(values.dropna().to_numpy(float))
    return Comparisons(values.dropna(how="all"), freedom, shared, tables)


def _shared_variance(whole: np.ndarray) -> tuple[float, float]:
    """Return degrees of freedom and variance (of a difference) that the methods share (Smyth 2004, section 6.2)."""
    n, seeds = whole.shape if whole.ndim == 2 else (0, 0)
    if n < MODERATED_FROM or seeds < 2:
        return 0.0, 0.0
    rest = whole - whole.mean(axis=1, keepdims=True)
    rest -= rest.mean(axis=0, keepdims=True)
    own = seeds - 1
    variances = (rest**2).sum(axis=1) / own * n / (n - 1)
    # half of what the whole table has: few methods tell little of how far their variances differ
    most = own * (n - 1) / 2
    if variances.mean() <= 0:
        return 0.0, 0.0
    logs = np.log(np.maximum(variances, 1e-2 * variances.mean())) - digamma(own / 2) + np.log(own / 2)
    excess = float(logs.var(ddof=1) - polygamma(1, own / 2))
    if excess <= 0:
        # nothing speaks for different variances: pool them
        return most, 2 * float(variances.mean())
    freedom = 2 * trigamma_inverse(excess)
    shared = float(np.exp(logs.mean() + digamma(freedom / 2) - np.log(freedom / 2)))
    return min(freedom, most), 2 * shared


def trigamma_inverse(value: float) -> float:
    """Solve trigamma(x) = value by Newton's steps on 1 / trigamma, which is nearly linear."""
    x = 0.5 + 1 / value
    for _ in range(50):
        now = float(polygamma(1, x))
        step = now * (1 - now / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-10:
            break
    return x
