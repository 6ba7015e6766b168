"""Ranks of the methods: a heat map over blocks and the critical-difference diagram."""

from __future__ import annotations

from typing import Any

import pandas as pd
import scikit_posthocs
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.data.names import dataset_title, level_name
from benchmarks.report.figures.style import new_figure
from benchmarks.report.statistics.tests import ALPHA, Analysis

DRAWN = 10
"""So many methods stand in the critical-difference diagram, beside the control."""
MAX_BLOCKS = 36
"""Beyond this many columns the heat map shows means over the levels of a dataset."""


def rank_heat_map(analysis: Analysis) -> Figure:
    """Draw the rank of every method in every block, best mean rank on top."""
    ranks = (-analysis.metric.sign * analysis.values).rank(axis="columns", method="average").T
    ranks = ranks.reindex(analysis.ranks.index)
    if ranks.shape[1] > MAX_BLOCKS:
        ranks = ranks.T.groupby(level=["dataset", "protocol"], sort=False).mean().T
    figure = new_figure(max(4.8, 2.6 + 0.27 * ranks.shape[1]), 1.2 + 0.16 * len(ranks))
    axes = figure.subplots()
    # A sequential map of one hue keeps its order in greyscale; dark is good.
    image = axes.imshow(ranks.to_numpy(), cmap="Blues_r", aspect="auto", vmin=1, vmax=len(analysis.ranks))
    names = [f"{name}  ({rank:.1f})" for name, rank in analysis.ranks.items()]
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(ranks.shape[1]), [_column(column) for column in ranks.columns], rotation=90)
    axes.tick_params(length=0)
    _numbers(axes, ranks, len(analysis.ranks))
    label = f"rank by {analysis.metric.title.lower()} (mean in brackets)"
    figure.colorbar(image, ax=axes, label=label, shrink=0.5, pad=0.02).ax.invert_yaxis()
    return figure


def critical_difference_diagram(analysis: Analysis) -> Figure:
    """Draw the best mean ranks and the control's on a line; bars join those that Nemenyi's test does not tell apart.

    The ranks and the test are of all methods, whichever are drawn.
    """
    nemenyi = analysis.nemenyi
    assert nemenyi is not None, "drawn only where there are enough blocks"
    labels = list(analysis.ranks.index)
    shown = [name for place, name in enumerate(labels) if place < DRAWN or name == analysis.control]
    figure = new_figure(6.9, 0.8 + 0.16 * len(shown))
    axes = figure.subplots()
    scikit_posthocs.critical_difference_diagram(
        analysis.ranks[shown],
        nemenyi.loc[shown, shown],
        ax=axes,
        alpha=ALPHA,
        label_fmt_left="{label} ({rank:.2f}) ",
        label_fmt_right=" ({rank:.2f}) {label}",
        label_props={"size": 7},
        crossbar_props={"color": "#D55E00", "linewidth": 1.6, "marker": ""},
        marker_props={"s": 10, "color": "black"},
        elbow_props={"linewidth": 0.7, "color": "black"},
    )
    return figure


def _column(column: Any) -> str:
    dataset, protocol, *level = column  # without a level where it was averaged out
    return " ".join([dataset_title(dataset), protocol, *(level_name(protocol, value) for value in level)])


def _numbers(axes: Axes, ranks: pd.DataFrame, worst: int) -> None:
    for i, line in enumerate(ranks.to_numpy()):
        for j, rank in enumerate(line):
            colour = "white" if rank < worst / 2 else "black"
            text = f"{rank:.0f}" if rank == int(rank) else f"{rank:.1f}"
            axes.text(j, i, text, ha="center", va="center", fontsize=5, color=colour)
