"""A metric against what it costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.report.data.names import METRICS
from benchmarks.report.data.points import comparable
from benchmarks.report.figures.names import SHORT, name
from benchmarks.report.figures.style import GREY, Layout, below, look_of, new_figure, ticks
from benchmarks.report.tables.tables import level_average, shared_levels

SIZE, STAR = 6, 8.5
"""Points; a star's points take as much of its size as others' bodies."""


def cost_figure(part: pd.DataFrame, metric: str, chosen: Sequence[str], layout: Layout | None = None) -> Figure | None:
    """Draw every method by its training time and its mean over the levels; None where times are unknown."""
    layout = layout or Layout()
    part, shown = comparable(part), METRICS[metric]
    average = level_average(shared_levels(part.pivot(index="label", columns="level", values=metric))) * shown.scale
    seconds = part.groupby("label")["seconds"].median()
    families = part.drop_duplicates("label").set_index("label")["family"]
    rows = pd.DataFrame({"x": seconds, "y": average, "family": families}).dropna()
    rows = rows[rows["x"].gt(0)]
    if rows.empty:
        return None
    figure = new_figure(layout.width, 2.4 + 0.27 * -(-(len(chosen) + 1) // (2 * layout.columns)))
    axes = figure.subplots()
    others = rows.drop(index=[label for label in chosen if label in rows.index])
    if len(others):
        count = f"{len(others)} other method" + ("" if len(others) == 1 else "s")
        axes.plot(others["x"], others["y"], "o", color=GREY, ms=3, label=count)
    for label in [label for label in chosen if label in rows.index]:
        row = rows.loc[label]
        drawn = look_of(label, str(row["family"]))
        axes.plot(
            row["x"],
            row["y"],
            drawn.marker,
            color=drawn.colour,
            ms=STAR if drawn.marker == "*" else SIZE,
            mec="white",
            mew=0.4,
            label=name(label, SHORT),
            zorder=2.5 if row["family"] == "baseline" else 2,  # others lie close to it, and not to be hidden
        )
    axes.xaxis.set_major_locator(ticks())
    if rows["x"].max() > 3 * rows["x"].min():
        _logarithmic(axes, np.log10(rows["x"].max() / rows["x"].min()))
    axes.set_xlabel("Training time, median of runs (s)")
    axes.yaxis.set_major_locator(ticks())
    axes.set_ylabel(f"{shown.label},\nmean over levels")
    axes.grid(True)
    axes.set_axisbelow(True)
    below(figure, axes, layout)
    return figure


def _logarithmic(axes: Axes, decades: float) -> None:
    """Label powers of ten, and where there are few of them their double and their half."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2 else (1.0, 2.0, 5.0), numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
