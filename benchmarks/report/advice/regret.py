"""How good the advice is: made from some seeds, scored on the others.

At every level of every dataset, advice is made from at most three seeds and from other datasets, and its method's
accuracy is read off the seeds left out. Beside it stand three simpler rules and the best in hindsight. What the
advice loses lies between two numbers:

- at most (`upper`): against the best method of the very seeds that score it. That best is picked for its luck too.
- at least (`lower`): against the method that all seeds but the scoring one call best, which needs no luck, but need
  not be the best. It is negative where the advice knows better.

Seeds are not equally hard, so methods that lack one at some level are neither chosen nor rivals here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from benchmarks.report.advice.decision import best_at, by_level
from benchmarks.report.advice.model import Estimator, Posterior, measured_everywhere
from benchmarks.report.advice.places import Place
from benchmarks.report.data.names import Metric
from benchmarks.report.statistics.decimals import beside
from benchmarks.report.statistics.intervals import half_width

SEEDS = 3
SPLITS = 10
POLICIES = {
    "advice": "the advice",
    "advice_whole": "its one method for all levels",
    "best_mean": "best mean of these seeds at this level",
    "others": "other datasets alone",
    "control": "the control",
}
"""Rules that choose a method from some seeds, scored on the others."""


def regret(places: Sequence[Place], estimator: Estimator, control: str) -> pd.DataFrame:
    """Score the advice at every level of every dataset that has two seeds or more.

    Returns:
        Indexed by dataset, protocol and level: `seeds` (that advice was made from), `splits`, the mean held-out
        points by each of `POLICIES`, `hindsight` (the best on the scoring seeds), `upper` and `lower` (see the module).
    """
    groups: dict[tuple[str, str], list[Place]] = {}
    for place in places:
        groups.setdefault((place.dataset, place.protocol), []).append(place)
    rows: list[dict[str, object]] = []
    for mine in groups.values():
        levels = [place for place in mine if not place.balanced] or mine
        rows += _score(levels, estimator, control)
    index = ["dataset", "protocol", "level"]
    if not rows:
        columns = [*index, "seeds", "splits", *POLICIES, "hindsight", "upper", "lower"]
        return pd.DataFrame(columns=columns).set_index(index)
    table = pd.DataFrame(rows)
    means = table.groupby(index, sort=False).mean(numeric_only=True)
    return means.assign(splits=table.groupby(index, sort=False).size())


def over_levels(table: pd.DataFrame) -> Metric:
    """Return how means over the levels of a score are written: by the interval of what is lost, levels being units."""
    lost = table["upper"]
    return beside(float(2 * half_width(np.array([lost.std()]), np.array([len(lost)]))[0]))


def _score(levels: list[Place], estimator: Estimator, control: str) -> list[dict[str, object]]:
    seeds = sorted(set.intersection(*({int(seed) for seed in place.values.columns} for place in levels)))
    levels = [replace(place, values=place.values[seeds].dropna()) for place in levels]
    allowed = measured_everywhere(levels)
    if len(seeds) < 2 or len(allowed) < 2:
        return []
    size = min(SEEDS, len(seeds) - 1)
    splits = list(combinations(seeds, size))
    chosen = splits if len(splits) <= SPLITS else [splits[int(i)] for i in np.linspace(0, len(splits) - 1, SPLITS)]
    # neither depends on the seeds that advice is made from, but for the unit of points
    before = estimator.posterior(levels, False, draw=False)
    fixed = [
        {"others": _others(before, i, place.measured, control), "control": control} for i, place in enumerate(levels)
    ]
    honest = [_honest_bests(place.values) for place in levels]
    return [row for made_from in chosen for row in _split(levels, made_from, allowed, estimator, fixed, honest)]


def _split(
    levels: list[Place],
    made_from: tuple[int, ...],
    allowed: pd.Index,
    estimator: Estimator,
    fixed: list[dict[str, str]],
    honest: list[pd.Series],
) -> list[dict[str, object]]:
    mine = [place.at(made_from) for place in levels]
    found = estimator.posterior(mine, draw=False)
    advised = by_level(found, allowed)
    rows: list[dict[str, object]] = []
    for i, place in enumerate(levels):
        values = place.values
        picks = {
            "advice": advised[i],
            "advice_whole": best_at(found, range(len(levels)), allowed),
            "best_mean": str(mine[i].values.mean(axis=1).idxmax()),
            **fixed[i],
        }
        held = [seed for seed in map(int, values.columns) if seed not in made_from]
        score = values[held].mean(axis=1)
        got = {name: float(score.get(label, np.nan)) for name, label in picks.items()}
        rows.append(
            {
                "dataset": place.dataset,
                "protocol": place.protocol,
                "level": place.level,
                "seeds": len(made_from),
                **got,
                "hindsight": float(score.max()),
                "upper": float(score.max()) - got["advice"],
                "lower": float(honest[i][held].mean()) - got["advice"],
            }
        )
    return rows


def _others(before: Posterior, level: int, allowed: pd.Index, control: str) -> str:
    """Return what other datasets alone would choose; the control where there are none."""
    return best_at(before, [level], allowed) if before.datasets else control


def _honest_bests(values: pd.DataFrame) -> pd.Series:
    """Return, for each scoring seed, the points of the method that all other seeds call best."""
    best = {int(seed): str(values.drop(columns=seed).mean(axis=1).idxmax()) for seed in values.columns}
    return pd.Series({seed: float(values[seed][label]) for seed, label in best.items()})
