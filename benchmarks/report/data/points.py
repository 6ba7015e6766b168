"""Means over seeds: one row per comparison, dataset, protocol, level and method."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd

from benchmarks.records.asked import Asked, Skip
from benchmarks.report.data.frame import GROUPS, SCALARS
from benchmarks.report.data.loading import Collection
from benchmarks.report.data.names import BETWEEN, EQUAL_FOOTING, METRICS, family_order, variant

KEY = ["comparison", "dataset", "protocol", "level", "label"]
NUMBERS = (*SCALARS, *GROUPS)


def points(collection: Collection) -> pd.DataFrame:
    """Average the seeds.

    Returns:
        One row per point, sorted by family and name, with the columns of `KEY`, `family`, `done`, `failed`, `asked`
        (seeds), `seconds`, `steps` and `tested` (test images; medians), and `<metric>`, `<metric>_sd`, `<metric>_n`
        for every metric. A point asked for without any record has a row too, with NaN.
    """
    frame = both_comparisons(collection.frame)
    names = list(numbers_of(frame))
    frame = frame.assign(**{name: frame["status"].eq(name) for name in ("done", "failed")})
    frame["tested"] = [float("nan") if counts is None else float(counts.sum()) for counts in frame["confusion"]]
    grouped = frame.groupby(KEY, sort=False)
    parts = {"": grouped[names].mean(), "_sd": grouped[names].std(), "_n": grouped[names].count()}
    numbers = pd.concat([part.add_suffix(ending) for ending, part in parts.items()], axis="columns")
    table = numbers.join(
        grouped.agg(
            family=("family", "first"),
            done=("done", "sum"),
            failed=("failed", "sum"),
            seconds=("seconds_fit", "median"),
            steps=("steps", "median"),
            tested=("tested", "median"),
        )
    )
    return _sort(_with_asked(table.reset_index(), collection))


def numbers_of(frame: pd.DataFrame) -> tuple[str, ...]:
    """Name the metrics that records hold: those of every record, and those of scores that were judged again."""
    return (*NUMBERS, *(name for name in METRICS if name in frame and name not in NUMBERS))


def levels(table: pd.DataFrame) -> list[float]:
    """Return the levels of one dataset and protocol, in order of growing numbers."""
    return sorted(float(level) for level in table["level"].unique())


def skipped(grids: Sequence[Asked], dataset: str, protocol: str) -> dict[float, str]:
    """Return the levels that the data cannot support, with the reason."""
    return {skip.level.value: skip.reason for skip in _skips(grids, dataset, protocol) if not skip.labels}


def skipped_methods(grids: Sequence[Asked], dataset: str, protocol: str) -> dict[float, tuple[set[str], str]]:
    """Return the levels that some methods cannot learn at: their labels, and why."""
    found: dict[float, tuple[set[str], str]] = {}
    for skip in _skips(grids, dataset, protocol):
        if skip.labels:
            known = found.get(skip.level.value, (set(), ""))[0]
            found[skip.level.value] = known | set(skip.labels), skip.reason
    return found


def _skips(grids: Sequence[Asked], dataset: str, protocol: str) -> list[Skip]:
    found = [skip for grid in grids for skip in grid.skipped]
    return [skip for skip in found if (skip.dataset, skip.level.protocol) == (dataset, protocol)]


def comparable(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out the points that only methods without need of a minority can have: no mean or test may hold them."""
    return table[~(table["protocol"].eq("few") & table["level"].eq(0))]


def both_comparisons(frame: pd.DataFrame) -> pd.DataFrame:
    """Let the proposed methods stand in both comparisons: they bring the multi-scale network with them.

    Not those that transfer from a source task, which no other method does: on equal footing they are run without it.
    """
    base = frame["comparison"].str.partition(BETWEEN)
    where = pd.MultiIndex.from_arrays([frame["dataset"], frame["protocol"], base[2]])
    on_equal_footing = base[0].eq(EQUAL_FOOTING)
    shared = frame["family"].eq("proposed") & frame["head"].eq("multi-scale") & ~on_equal_footing
    shared &= where.isin(where[on_equal_footing].unique())
    shared &= ~frame["parameters"].where(shared, "{}").map(lambda text: bool(json.loads(text).get("source")))
    if not shared.any():
        return frame
    also = frame[shared].assign(comparison=EQUAL_FOOTING + (base[1] + base[2])[shared])
    both = pd.concat([frame, also], ignore_index=True)
    return both.drop_duplicates([*KEY, "seed", "settings"], keep="first")


def _with_asked(table: pd.DataFrame, collection: Collection) -> pd.DataFrame:
    """Add how many seeds were asked for, and rows for what was asked for and has no record."""
    families = {cell.label: cell.family for grid in collection.grids for cell in grid.cells}
    asked = _asked(collection).groupby(KEY)["seed"].nunique().rename("asked").reset_index()
    table = table.merge(asked, on=KEY, how="outer")
    for name in ("asked", "done", "failed", *(f"{metric}_n" for metric in numbers_of(collection.frame))):
        table[name] = table[name].fillna(0).astype(int)
    # what stands in a second comparison as well, or apart because of its settings, is asked for under another name
    table["asked"] = table["asked"].clip(lower=table["done"] + table["failed"])
    return table.assign(family=table["family"].fillna(table["label"].map(families)))


def _asked(collection: Collection) -> pd.DataFrame:
    """List every cell asked for, once."""
    rows = [
        (
            cell.comparison + variant(cell.budget, cell.backbone, collection.main),
            *(cell.dataset, cell.level.protocol, cell.level.value, cell.label, cell.seed),
        )
        for grid in collection.grids
        for cell in grid.cells
    ]
    return pd.DataFrame(rows, columns=[*KEY, "seed"]).drop_duplicates().astype({"level": float})


def _sort(table: pd.DataFrame) -> pd.DataFrame:
    order = table["family"].map(family_order)
    table = table.assign(order=order).sort_values(["comparison", "dataset", "protocol", "order", "label", "level"])
    return table.drop(columns="order").reset_index(drop=True)
