"""What an axis of the grid changes: gradient steps, backbones, tuning, and the number of minority images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.report.data.names import AS_IN_PAPER, BETWEEN, FUSION, METRICS
from benchmarks.report.data.origin import image_sets
from benchmarks.report.data.points import comparable
from benchmarks.report.statistics.intervals import Interval, interval

BLOCK = ["dataset", "protocol", "level"]
TUNED = " (tuned)"
STEPS = " steps"
POINT = 0.01
"""A mean that changes by less, in the stored unit, has not changed."""
THRICE = 3.0
DATASETS = "all datasets"


@dataclass(frozen=True)
class SideBySide:
    """Methods under several values of one axis, over the same blocks.

    Attributes:
        means: methods x values, stored units; levels averaged within a part of a dataset, parts, then datasets.
        datasets: (method, dataset) x values, before the datasets are averaged; one of each set of images.
        blocks: the blocks (dataset, protocol, level) behind each mean.
    """

    means: pd.DataFrame
    datasets: pd.DataFrame
    blocks: frozenset[tuple[str, str, float]]


def axes_of(comparison: str, main: tuple[int, str]) -> tuple[str, int, str]:
    """Return a comparison's base name, steps and backbone; `main` are those that go without saying."""
    base, *others = comparison.split(BETWEEN)
    steps, backbone = main
    for other in others:
        if other.endswith(STEPS):
            steps = int(other.removesuffix(STEPS))
        else:
            backbone = other
    return base, steps, backbone


def with_axes(table: pd.DataFrame, main: tuple[int, str]) -> pd.DataFrame:
    """Add `base`, `at_steps` and `at_backbone` to rows with a comparison."""
    known = {name: axes_of(str(name), main) for name in table["comparison"].unique()}
    parts = zip(*(known[name] for name in table["comparison"]), strict=True)
    return table.assign(**dict(zip(("base", "at_steps", "at_backbone"), parts, strict=True)))


def side_by_side(cells: pd.DataFrame, axis: str, metric: str) -> SideBySide | None:
    """Lay methods out over the values of one axis, on the blocks that they all have; None where there are none.

    Seeds are not equally hard: a method's cell counts where there is one of the same seed at every value of the axis.

    Args:
        cells: one row a cell, with the axis as a column.
        axis: the column.
        metric: what is compared.
    """
    wide = cells.pivot_table(index=["label", *BLOCK, "seed"], columns=axis, values=metric)
    wide = wide.dropna(axis="columns", how="all")
    if wide.shape[1] < 2:
        return None
    wide = wide.dropna().groupby(level=["label", *BLOCK]).mean()
    if wide.empty:
        return None
    held = wide.groupby(level=BLOCK).size()
    blocks = frozenset(held[held >= held.max() / 2].index)
    rows = wide[[index[1:] in blocks for index in wide.index]]
    size = rows.groupby(level="label").size()
    rows = rows[rows.index.get_level_values("label").isin(size[size.eq(len(blocks))].index)]
    if rows.empty:
        return None
    parts = rows.groupby(level=["label", "dataset", "protocol"], sort=False).mean()
    names = parts.index.get_level_values("dataset")
    images = names.map(image_sets(names)).rename("dataset")
    datasets = parts.groupby([parts.index.get_level_values("label"), images], sort=False).mean()
    return SideBySide(datasets.groupby(level="label", sort=False).mean(), datasets, blocks)


def by_steps(cells: pd.DataFrame, main: tuple[int, str], metric: str) -> SideBySide | None:
    """Lay methods that take gradient steps out over their number, as in the paper; None where all took the same."""
    rows = with_axes(comparable(cells), main)
    rows = rows[rows["base"].eq(AS_IN_PAPER) & rows["at_backbone"].eq(main[1]) & rows["steps"].gt(0)]
    return side_by_side(rows, "at_steps", metric)


def by_backbone(cells: pd.DataFrame, main: tuple[int, str], metric: str) -> SideBySide | None:
    """Lay methods out over the backbones, at the main number of steps; None where there is one."""
    rows = with_axes(comparable(cells), main)
    rows = rows[rows["base"].eq(AS_IN_PAPER) & rows["at_steps"].eq(main[0])]
    return side_by_side(rows, "at_backbone", metric)


def by_tuning(cells: pd.DataFrame, metric: str) -> SideBySide | None:
    """Lay methods out as default and tuned; None where nothing was tuned."""
    rows = comparable(cells[cells["comparison"].eq(AS_IN_PAPER)])
    tuned = rows["label"].str.endswith(TUNED)
    named = rows.assign(label=rows["label"].str.removesuffix(TUNED), tuning=np.where(tuned, "tuned", "default"))
    return side_by_side(named, "tuning", metric)


def ended(means: pd.DataFrame) -> dict[str, int]:
    """Return, by method, the fewest steps from which on three times as many never change its mean by a point.

    Only steps beside their threefold say anything; a method whose mean changes from the most of these is left out.
    """
    steps = sorted(map(int, means.columns))
    pairs = [pair for pair in combinations(steps, 2) if _thrice(*pair)]
    found: dict[str, int] = {}
    for label in map(str, means.index):
        for fewer, more in reversed(pairs):
            if abs(means[more][label] - means[fewer][label]) >= POINT:
                break
            found[label] = fewer
    return found


def tripled(means: pd.DataFrame) -> bool:
    """Say whether any two numbers of steps are three times one another."""
    return any(_thrice(*pair) for pair in combinations(sorted(map(int, means.columns)), 2))


def _thrice(fewer: int, more: int) -> bool:
    return abs(more / fewer / THRICE - 1) <= 0.1


def changes(found: SideBySide, first: str, second: str) -> dict[str, Interval]:
    """Return each method's change from one value to another, with its interval over the datasets."""
    difference = found.datasets[second] - found.datasets[first]
    return {str(label): interval(part.to_frame()) for label, part in difference.groupby(level="label", sort=False)}


def agreement(means: pd.DataFrame) -> list[tuple[str, str, float, float]]:
    """Return Kendall's tau between the rankings under every two values, with its p-value."""
    result = []
    for first, second in combinations(means.columns, 2):
        test = stats.kendalltau(means[first], means[second])
        result.append((str(first), str(second), float(test.statistic), float(test.pvalue)))
    return result


def over_datasets(table: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame | None:
    """Average the points of protocol `few` over the datasets, at the levels that all have; None with fewer than two.

    Parts of one set of images are averaged first, and count as one dataset.

    Returns:
        Points like those of one dataset: `<metric>`, `<metric>_sd` over the datasets, and `<metric>_n`, their number.
    """
    point = ["family", "label", "level"]
    rows = table[table["comparison"].eq(AS_IN_PAPER) & table["protocol"].eq("few")]
    names = image_sets(rows["dataset"])
    datasets = len(set(names.values()))
    if datasets < 2:
        return None
    levels = rows.groupby("level")["dataset"].nunique()
    rows = rows[rows["level"].isin(levels[levels.eq(len(names))].index) & rows[list(metrics)].notna().any(axis=1)]
    rows = rows[rows.groupby(point)["dataset"].transform("nunique").eq(len(names))]
    sets = (
        rows.assign(dataset=rows["dataset"].map(names)).groupby([*point, "dataset"], sort=False)[list(metrics)].mean()
    )
    grouped = sets.reset_index().groupby(point, sort=False)
    parts = {
        "": grouped[list(metrics)].mean(),
        "_sd": grouped[list(metrics)].std(),
        "_n": grouped[list(metrics)].count(),
    }
    made = pd.concat([part.add_suffix(ending) for ending, part in parts.items()], axis="columns").reset_index()
    made = made.assign(comparison=AS_IN_PAPER, dataset=DATASETS, protocol="few", done=datasets, asked=datasets)
    return made.assign(failed=0).sort_values(["label", "level"], kind="stable") if len(made) else None


def crossings(part: pd.DataFrame, metric: str, control: str) -> list[tuple[str, str, list[float], list[float]]]:
    """Say where the lines over the number of minority images cross, by the means.

    Compared are the suite's own method, the best one-class method and the best of the others.

    Returns:
        Pairs (first, second, levels at which the first is ahead, levels at which it is not).
    """
    whole = part.pivot(index="label", columns="level", values=metric) * METRICS[metric].sign
    values = whole[sorted(comparable(part)["level"].unique())].dropna()
    families = part.drop_duplicates("label").set_index("label")["family"].reindex(values.index)
    means = values.mean(axis=1)
    one_class, others = families.eq("one-class"), ~families.isin(["one-class", "variants"]) & (families.index != FUSION)
    picked = [FUSION] if FUSION in values.index else []
    picked += [str(means[mask].idxmax()) for mask in (one_class, others) if mask.any()]
    result = []
    for first, second in combinations(picked, 2):
        both = whole.loc[[first, second]].dropna(axis="columns")
        ahead = (both.loc[first] > both.loc[second]).to_dict()
        at = [[float(str(level)) for level, won in ahead.items() if bool(won) is side] for side in (True, False)]
        result.append((first, second, at[0], at[1]))
    return result
