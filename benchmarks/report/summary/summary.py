"""Which methods lead, by how much, at what cost: found from the numbers by the rules in `RULES`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.report.data.names import AS_IN_PAPER, LOW_IMBALANCE, METRICS, Metric, number

DRAWS = 4000
SEED = 20210512
MIN_SEEDS = 3
RULES = [
    f"Ranges: low imbalance is IR up to {LOW_IMBALANCE}, high imbalance is beyond; a balanced training set (IR 1) "
    f"belongs to neither. Where minority images are counted, fewer than {LOW_IMBALANCE} of them are high imbalance.",
    "The leader of a range has the best mean over its levels, seeds averaged first, among the methods measured at all "
    "of them. Ablations of the proposed method count like any other method.",
    "Two methods are compared on the same training images (same level and seed). The interval is the 95 % percentile "
    "bootstrap of the mean difference; seeds and levels are drawn anew independently of each other, because runs of "
    "one seed share images. A method whose interval against the leader includes 0 is not distinguishable from it.",
    "In a range of one level, the interval is Student's for the mean of the seeds' differences. "
    f"With fewer than {MIN_SEEDS} seeds nothing is called distinguishable. The leader is picked "
    "as the best of many, so its lead is somewhat flattered.",
    "The advice is the best mean among the methods that are not distinguishable from the leader and train in at most "
    "1.2 times the seconds of the quickest of them; plain cross-entropy, if it is one of them.",
]


@dataclass(frozen=True)
class Rival:
    """A method beside the leader: difference to it (positive is better) with interval, and its cost ratio."""

    label: str
    difference: float
    low: float
    high: float
    cost: float


@dataclass
class Finding:
    """What the numbers say on one dataset, protocol and range of levels."""

    comparison: str
    dataset: str
    protocol: str
    high_imbalance: bool
    levels: list[float]
    seeds: int
    leader: str = ""
    mean: float = float("nan")
    gain: Rival | None = None
    """The leader against the control; None where the leader is the control, or that was not measured."""
    tied: list[Rival] = field(default_factory=list)
    behind: int = 0
    advice: str = ""
    control_tied: bool = False
    enough: bool = True

    @property
    def range_text(self) -> str:
        """The range and its levels in words."""
        values = ", ".join(number(level) for level in self.levels)
        if self.protocol == "few":
            return f"{values} minority images"
        if self.protocol == "natural":
            return "the natural imbalance"
        return f"{'high' if self.high_imbalance else 'low'} imbalance (IR {values})"


def findings(frame: pd.DataFrame, metric: str, control: str) -> list[Finding]:
    """Find the leaders of every dataset, protocol and range, as in the paper."""
    done = frame[frame["status"].eq("done") & frame["comparison"].eq(AS_IN_PAPER) & frame[metric].notna()]
    result = []
    for (dataset, protocol), part in done.groupby(["dataset", "protocol"], sort=False):
        for high, levels in _ranges(str(protocol), part):
            found = Finding(AS_IN_PAPER, str(dataset), str(protocol), high, levels, int(part["seed"].nunique()))
            _fill(found, part[part["level"].isin(levels)], metric, control)
            result.append(found)
    return result


def _ranges(protocol: str, part: pd.DataFrame) -> Iterator[tuple[bool, list[float]]]:
    levels = sorted(float(level) for level in part["level"].unique())
    if protocol == "natural":
        yield False, levels
        return
    hard = [x < LOW_IMBALANCE if protocol == "few" else x > LOW_IMBALANCE for x in levels]
    balanced = [protocol != "few" and x <= 1 for x in levels]
    for wanted in (False, True):
        chosen = [x for x, h, b in zip(levels, hard, balanced, strict=True) if h is wanted and not b]
        if chosen:
            yield wanted, chosen


def _fill(found: Finding, part: pd.DataFrame, metric: str, control: str) -> None:
    shown = METRICS[metric]
    values = _grids(part, found, metric)
    means = pd.Series({label: _level_mean(grid) for label, grid in values.items()}).dropna() * shown.sign
    if means.empty:
        return
    seconds = part.groupby("label")["seconds_fit"].median()
    # Where plain training is as good as the best, there is nothing that leads it.
    found.leader = control if means.get(control) == means.max() else str(means.idxmax())
    found.mean = float(means.max() * shown.sign)
    best = values[found.leader]
    found.enough = _enough(best)
    base = float(seconds.get(control, np.nan))
    rivals = [
        _rival(label, values[label], best, shown, float(seconds[label]) / base)
        for label in means.sort_values(ascending=False).index
        if label != found.leader
    ]
    if control in values and control != found.leader:
        cost = float(seconds[found.leader]) / base
        found.gain = _rival(found.leader, best, values[control], shown, cost)
    found.tied = [rival for rival in rivals if not rival.high < 0]
    found.behind = len(rivals) - len(found.tied)
    found.control_tied = control == found.leader or control in {rival.label for rival in found.tied}
    found.advice = _advice(found, means, seconds, control)


def _grids(part: pd.DataFrame, found: Finding, metric: str) -> dict[str, np.ndarray]:
    """Lay every method's values out as levels x seeds; NaN where a run is missing."""
    seeds = sorted(part["seed"].unique())
    table = part.pivot_table(index=["label", "level"], columns="seed", values=metric, aggfunc="first")
    labels = table.index.get_level_values("label").unique()
    whole = pd.MultiIndex.from_product([labels, found.levels], names=["label", "level"])
    values = table.reindex(index=whole, columns=seeds).to_numpy(float)
    return dict(zip(map(str, labels), values.reshape(len(labels), len(found.levels), len(seeds)), strict=True))


def _level_mean(grid: np.ndarray) -> float:
    """Average the seeds of each level, then the levels; NaN where a level has no run."""
    counts = np.isfinite(grid).sum(axis=1)
    if (counts == 0).any():
        return float("nan")
    return float((np.nansum(grid, axis=1) / counts).mean())


def _enough(grid: np.ndarray) -> bool:
    return bool(np.isfinite(grid).any(axis=0).sum() >= MIN_SEEDS)


def _rival(label: str, grid: np.ndarray, other: np.ndarray, metric: Metric, cost: float) -> Rival:
    """Compare two methods run by run: the first less the second, positive is better."""
    differences = metric.sign * (grid - other)
    if not _enough(differences):
        mean = float(np.nanmean(differences)) if np.isfinite(differences).any() else float("nan")
        return Rival(label, mean, float("-inf"), float("inf"), cost)
    mean, low, high = paired_interval(differences)
    return Rival(label, mean, low, high, cost)


def paired_interval(differences: np.ndarray) -> tuple[float, float, float]:
    """Return mean and 95 % interval of differences (levels x seeds, NaN allowed).

    A two-way bootstrap (Owen 2007); with one level, where that has too few draws to choose from, Student's t.
    """
    if len(differences) == 1:
        return _student(differences[np.isfinite(differences)])
    present = np.isfinite(differences)
    filled = np.where(present, differences, 0.0)
    levels, seeds = _draws(*differences.shape)
    total, weight = (((levels @ part) * seeds).sum(axis=1) for part in (filled, present.astype(float)))
    low, high = np.percentile(total[weight > 0] / weight[weight > 0], [2.5, 97.5])
    return float(filled.sum() / present.sum()), float(low), float(high)


@cache
def _draws(levels: int, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each level and each seed is drawn: the same draws for every pair of methods."""
    rng = np.random.default_rng(SEED)
    by_level, by_seed = (rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(float) for n in (levels, seeds))
    return by_level, by_seed


def _student(values: np.ndarray) -> tuple[float, float, float]:
    half = float(stats.t.ppf(0.975, len(values) - 1)) * float(values.std(ddof=1)) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


def _advice(found: Finding, means: pd.Series, seconds: pd.Series, control: str) -> str:
    """Choose among equals: cross-entropy if it is one of them, else the best of the quick ones."""
    if not found.enough:
        return ""
    if found.control_tied:
        return control
    equals = [found.leader, *(rival.label for rival in found.tied)]
    quickest = float(seconds[equals].min())
    quick = [label for label in equals if not float(seconds[label]) > 1.2 * quickest]
    return str(means[quick].idxmax())
