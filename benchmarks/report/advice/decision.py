"""The decision: which method to use on a dataset's images, how sure that is, and what it would cost to be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import pandas as pd

from benchmarks.report.advice.calls import Comparison, Comparisons, comparisons
from benchmarks.report.advice.model import Estimator, Posterior, measured_everywhere
from benchmarks.report.advice.places import Place

MARGIN = 1.0
"""Points: less than this makes no difference in practice."""
SURE = 0.95
SECONDS, FACTOR = 60.0, 2.0
"""A cheaper method is worth a word where it saves at least so many seconds a training and this factor of the steps."""
MOST_SEEDS = 100


@dataclass(frozen=True)
class Choice:
    """One method for some levels.

    Attributes:
        places: the levels.
        label: the advised method: the best expected mean over them.
        gain: expected gain over the control, in points, with 95 % interval; all that is known counts. NaN without
            control.
        prior_gain: the same, expected from other datasets alone; NaN where there are none.
        best: probability that no other method is better.
        within: probability that none is better by more than the margin.
        shortfall: expected points lost against the best, over what is not known.
        spread: width of the 95 % interval of these points.
        measured: the method less the control, on these runs alone; None where it is the control or that is missing.
        equals: methods shown to be within the margin of the advised one, by these runs alone.
        rival: the method most likely to be better; empty where there is none.
        more_seeds: so many more would tell the rival from it; None where no number up to 100 would.
    """

    places: list[Place]
    label: str
    gain: tuple[float, float, float]
    prior_gain: float
    best: float
    within: float
    shortfall: float
    spread: float
    measured: Comparison | None
    equals: list[str]
    rival: str
    more_seeds: int | None

    @property
    def decided(self) -> bool:
        """Whether the method is within the margin of the best, as surely as is asked."""
        return self.within >= SURE


@dataclass(frozen=True)
class Advice:
    """What to use on one dataset and protocol.

    Attributes:
        dataset: its name.
        protocol: how the training subsets were made imbalanced.
        control: what others are compared with.
        seeds: how many.
        choice: for all levels together.
        apart: levels at which another method is expected to be better by more than half the margin.
        unsure: levels at which what is advised is less sure than over all of them, one by one.
        fewer: methods that lack seeds: they are judged by those they have, and less sure.
        partial: methods that lack a level: they are candidates only where they ran.
        better: methods called better than the control, by these runs alone, corrected for all pairs.
        behind: methods called behind the leader of these runs, likewise.
        leader: the best mean of these runs.
        rho: how well other datasets' results agree with these, 0 to 1; NaN where there are none.
        datasets: how many other datasets speak.
        cheaper: an equal method that trains in at most half the steps, where that saves a minute; else empty.
        methods: how many were compared.
        detectable: points of a true gain over the control that four of five such runs would call.
        runs: methods x seeds in points, levels averaged.
        means: per method, best first: mean over the levels, expected effect against the control with its interval,
            and the probability of being the best.
        in_a_row: what the pixels say where files in a row seem to show one thing; else empty.
    """

    dataset: str
    protocol: str
    control: str
    seeds: int
    choice: Choice
    apart: list[Choice]
    unsure: list[Choice]
    fewer: list[str]
    partial: list[str]
    better: list[str]
    behind: list[str]
    leader: str
    rho: float
    datasets: int
    cheaper: str = ""
    methods: int = 0
    detectable: float = float("nan")
    runs: pd.DataFrame = field(default_factory=pd.DataFrame)
    means: pd.DataFrame = field(default_factory=pd.DataFrame)
    in_a_row: str = ""


def advise(
    mine: Sequence[Place], estimator: Estimator, control: str, cost: pd.DataFrame | None = None, tables: int = 1
) -> Advice | None:
    """Decide for one dataset and protocol.

    Args:
        mine: its places; a balanced one takes part only where there is no other.
        estimator: what is known of other datasets.
        control: the method that others are compared with.
        cost: `steps` and `seconds` by method.
        tables: how many such decisions the report holds.

    Returns:
        The advice, or None where fewer than two methods have runs at all levels.
    """
    levels = [place for place in mine if not place.balanced] or list(mine)
    allowed = measured_everywhere(levels)
    if len(allowed) < 2:
        return None
    found = estimator.posterior(levels)
    runs = comparisons([_only(place, allowed) for place in levels], tables)
    whole = _choose(found, list(range(len(levels))), allowed, runs, control)
    picks = by_level(found, allowed)
    ran = set().union(*(place.measured for place in levels))
    return Advice(
        dataset=levels[0].dataset,
        protocol=levels[0].protocol,
        control=control,
        seeds=runs.values.shape[1],
        choice=whole,
        apart=_apart(found, whole, picks, control),
        unsure=_unsure(found, whole, picks, control),
        fewer=sorted({str(name) for place in levels for name in place.measured.difference(place.complete)}),
        partial=sorted(map(str, ran - set(allowed))),
        better=runs.better(control),
        behind=runs.behind(),
        leader=runs.leader,
        rho=found.rho,
        datasets=found.datasets,
        cheaper=_cheaper(whole, cost),
        methods=len(allowed),
        detectable=runs.detectable,
        runs=runs.values,
        means=_means(found, allowed, runs, control),
    )


def best_at(found: Posterior, levels: Sequence[int], allowed: pd.Index) -> str:
    """Return the method with the best expected mean over some levels."""
    mean = pd.Series(found.mean[:, list(levels)].mean(axis=1), index=found.methods)
    return str(mean[allowed].idxmax())


def by_level(found: Posterior, allowed: pd.Index) -> list[str]:
    """Return what is advised at each level: one method, unless another is expected better there by half the margin.

    Args:
        found: what is believed.
        allowed: candidates for the one method; at its own level every method that ran there is one.
    """
    whole = best_at(found, range(len(found.at)), allowed)
    chosen = []
    for i, place in enumerate(found.at):
        mean = pd.Series(found.mean[:, i], index=found.methods)[place.measured]
        chosen.append(str(mean.idxmax()) if mean.max() - mean[whole] > MARGIN / 2 else whole)
    return chosen


def _only(place: Place, methods: pd.Index) -> Place:
    values = place.values.reindex(methods)
    return Place(place.dataset, place.protocol, place.level, place.counts, values)


def _apart(found: Posterior, whole: Choice, picks: Sequence[str], control: str) -> list[Choice]:
    """Choose again at the levels where the choice for all loses, consecutive levels of one method together."""
    groups = [(label, [i for i, _ in group]) for label, group in groupby(enumerate(picks), key=lambda each: each[1])]
    return [_choose_at(found, levels, control, label) for label, levels in groups if label != whole.label]


def _unsure(found: Posterior, whole: Choice, picks: Sequence[str], control: str) -> list[Choice]:
    """Judge what is advised level by level where it is decided over all: a mean over levels hides a single one."""
    if not whole.decided or len(picks) < 2:
        return []
    each = [_choose_at(found, [i], control, label) for i, label in enumerate(picks)]
    return [choice for choice in each if not choice.decided]


def _choose_at(found: Posterior, levels: list[int], control: str, label: str) -> Choice:
    """Judge a method at some levels, against all that ran there."""
    allowed = measured_everywhere([found.at[i] for i in levels])
    runs = comparisons([_only(found.at[i], allowed) for i in levels])
    return _choose(found, levels, allowed, runs, control, label)


def _choose(
    found: Posterior, levels: list[int], allowed: pd.Index, runs: Comparisons, control: str, label: str = ""
) -> Choice:
    label = label or best_at(found, levels, allowed)
    draws = pd.DataFrame(found.draws[:, :, levels].mean(axis=2), columns=found.methods)[allowed]
    lost = draws.max(axis="columns") - draws[label]
    gain, prior = (float("nan"),) * 3, float("nan")
    if control in draws:
        against = draws[label] - draws[control]
        low, high = np.percentile(against, [2.5, 97.5])
        gain = (float(against.mean()), float(low), float(high))
        if found.datasets:
            expected = pd.Series(found.prior[:, levels].mean(axis=1), index=found.methods)
            prior = float(expected[label] - expected[control])
    rival = _rival(draws, label)
    known = label != control and {label, control} <= set(runs.values.index)
    measured = runs.between(label, control) if known else None
    return Choice(
        places=[found.at[i] for i in levels],
        label=label,
        gain=gain,
        prior_gain=prior,
        best=float((lost <= 0).mean()),
        within=float((lost <= MARGIN).mean()),
        shortfall=float(lost.mean()),
        spread=float(np.ptp(np.percentile(lost, [2.5, 97.5]))),
        measured=measured,
        equals=_equals(runs, label),
        rival=rival,
        more_seeds=_more_seeds(runs.between(label, rival)) if rival else None,
    )


def _rival(draws: pd.DataFrame, label: str) -> str:
    """Return the other method that is most often the best."""
    others = draws.drop(columns=label)
    return str(others.idxmax(axis="columns").value_counts().idxmax()) if others.shape[1] else ""


def _equals(runs: Comparisons, label: str) -> list[str]:
    """Return the methods whose whole interval against this one lies inside the margin."""
    pairs = {name: runs.between(name, label) for name in runs.values.index if name != label}
    return [name for name, pair in pairs.items() if pair.seeds > 2 and pair.low > -MARGIN and pair.high < MARGIN]


def _more_seeds(pair: Comparison) -> int | None:
    """Return how many more seeds would tell two methods apart, or show that they are within the margin."""
    if not np.isfinite(pair.sd):
        return None
    wanted = max(abs(pair.difference), MARGIN)
    total = int(np.ceil((1.96 * pair.sd / wanted) ** 2))
    more = max(1, total - pair.seeds)
    return more if more <= MOST_SEEDS else None


def _cheaper(whole: Choice, cost: pd.DataFrame | None) -> str:
    """Name the cheapest equal; never by seconds that differ between machines alone, so steps decide."""
    if cost is None or whole.label not in cost.index:
        return ""
    equals = cost.reindex(whole.equals).dropna()
    own = cost.loc[whole.label]
    equals = equals[(equals["steps"] * FACTOR <= own["steps"]) & (equals["seconds"] + SECONDS <= own["seconds"])]
    return str(equals["steps"].idxmin()) if len(equals) else ""


def _means(found: Posterior, allowed: pd.Index, runs: Comparisons, control: str) -> pd.DataFrame:
    draws = pd.DataFrame(found.draws.mean(axis=2), columns=found.methods)[allowed]
    against = draws.sub(draws[control] if control in draws else draws.mean(axis="columns"), axis="index")
    low, high = np.percentile(against, [2.5, 97.5], axis=0)
    best = draws.idxmax(axis="columns").value_counts(normalize=True)
    table = pd.DataFrame({"mean": runs.means, "expected": against.mean(), "low": low, "high": high})
    return table.assign(best=best.reindex(table.index).fillna(0.0)).sort_values("expected", ascending=False)
