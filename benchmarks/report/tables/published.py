"""Numbers that others published, shown beside the measured ones and marked as such."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

import methods
from benchmarks.report.data.names import AS_IN_PAPER
from benchmarks.report.data.points import levels
from benchmarks.report.data.words import method_title
from benchmarks.report.tables.model import Entry, Table

PUBLISHED = Path(__file__).parent / "published.csv"
PUBLISHED_RULE = (
    "† Published by others, not measured here: ResNet-32, 200 epochs, each source's own runs and draws of the subset; "
    "compare differences to cross-entropy inside one source (the draw alone moves it by 1.5 to 3 points)."
)


def with_published(table: Table, part: pd.DataFrame, metric: str) -> Table:
    """Add the published numbers of a dataset, marked as such, below the measured ones.

    Args:
        table: what was measured.
        part: its points.
        metric: only accuracy was published.
    """
    first = part.iloc[0]
    rows = published()
    rows = rows[rows["dataset"].eq(first["dataset"]) & rows["protocol"].eq(first["protocol"])]
    if rows.empty or metric != "accuracy" or first["comparison"] != AS_IN_PAPER:
        return table
    axis = levels(part)
    lines = []
    for (method, source), group in rows.groupby(["method", "source"], sort=False):
        known = dict(zip(group["ratio"], group["error"], strict=True))
        shown = [Entry(f"{100 - known[x]:.2f}", mark="published") if x in known else Entry("n/a") for x in axis]
        lines.append((f"{method} † ({source})", shown + [Entry("n/a")] * (len(table.columns) - len(axis))))
    table.groups.append(("published, not measured here", lines))
    other = {name: methods.canonical(name) for name in rows["method"].unique()}
    same = [f"{method_title(name)} is {method_title(ours)} here." for name, ours in other.items() if name != ours]
    table.notes.append(" ".join([PUBLISHED_RULE, *same]))
    return table


@cache
def published() -> pd.DataFrame:
    """Return published top-1 errors in percent: dataset, protocol, ratio, method, error, source."""
    return pd.read_csv(PUBLISHED, comment="#")
