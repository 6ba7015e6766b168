"""A metric against what it costs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.report.data.names import METRICS
from benchmarks.report.figures.style import look, new_figure
from benchmarks.report.tables.tables import level_average


def cost_figure(part: pd.DataFrame, metric: str, chosen: Sequence[str]) -> Figure | None:
    """Draw every method by its training time and its mean over the levels; None where times are unknown."""
    shown = METRICS[metric]
    average = level_average(part.pivot(index="label", columns="level", values=metric)) * shown.scale
    seconds = part.groupby("label")["seconds"].median()
    families = part.drop_duplicates("label").set_index("label")["family"]
    rows = pd.DataFrame({"x": seconds, "y": average, "family": families}).dropna()
    rows = rows[rows["x"].gt(0)]
    if rows.empty:
        return None
    figure = new_figure(6.4, 3.6)
    axes = figure.subplots()
    for family in families.unique():
        group, drawn = rows[rows["family"].eq(family)], look(str(family))
        axes.scatter(
            group["x"], group["y"], s=26, color=drawn.colour, marker=drawn.marker, lw=0, label=family, alpha=0.85
        )
    if rows["x"].max() > 3 * rows["x"].min():
        axes.set_xscale("log")
        plain = FuncFormatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_major_formatter(plain)
        axes.xaxis.set_minor_formatter(plain)
    _name(axes, rows.loc[[name for name in chosen if name in rows.index]].sort_values("y", ascending=False))
    axes.set_xlabel("Training time of one cell, median (s)")
    axes.set_ylabel(f"{shown.label}, mean over levels")
    axes.grid(True)
    axes.set_axisbelow(True)
    figure.legend(loc="outside right center", title="family", alignment="left")
    return figure


def _name(axes: Axes, rows: pd.DataFrame) -> None:
    """Name some methods in a column of their own, best first, a line from each name to its point: none overlap."""
    low, high = axes.get_ylim()
    last = 1.02
    for label, row in rows.iterrows():
        last = min((float(row["y"]) - low) / (high - low), last - 0.06)
        axes.annotate(
            str(label),
            (float(row["x"]), float(row["y"])),
            xytext=(0.6, last),
            textcoords="axes fraction",
            va="center",
            fontsize=6,
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": "0.6", "shrinkA": 1, "shrinkB": 2},
        )
