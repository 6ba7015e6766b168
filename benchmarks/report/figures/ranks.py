"""Ranks of the methods: a heat map over blocks and the critical-difference diagram."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scikit_posthocs
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.data.names import level_name
from benchmarks.report.data.words import dataset_name, method_title, protocol_title
from benchmarks.report.figures.names import name, printable, wrapped
from benchmarks.report.figures.style import DOUBLE, Layout, new_figure
from benchmarks.report.statistics.tests import ALPHA, Analysis

DRAWN = 10
"""So many methods stand in the critical-difference diagram, beside the control."""
BLOCKS, DATASETS = 16, 7
"""Columns that fit beside the names, over two columns of a paper and over one."""


def rank_heat_map(analysis: Analysis, layout: Layout | None = None) -> Figure:
    """Draw the rank of the best methods in every block, best mean rank on top; where blocks are many, in every dataset.

    Ranks are among all methods, whichever are drawn.
    """
    layout = layout or Layout()
    ranks = (-analysis.metric.sign * analysis.values).rank(axis="columns", method="average").T
    order = list(analysis.ranks.index)
    shown = [label for place, label in enumerate(order) if place < max(layout.top, 20) or label == analysis.control]
    ranks = ranks.reindex(shown)
    if ranks.shape[1] > (BLOCKS if layout.columns == 2 else DATASETS):
        ranks = ranks.T.groupby(level=["dataset", "protocol"], sort=False).mean().T
    wide = layout.columns == 2 or ranks.shape[1] > DATASETS
    figure = new_figure(DOUBLE if wide else layout.width, 2.9 + 0.17 * len(ranks))
    axes = figure.subplots()
    # A sequential map of one hue keeps its order in greyscale; dark is good.
    image = axes.imshow(ranks.to_numpy(), cmap="Blues_r", aspect="auto", vmin=1, vmax=len(order))
    names = [f"{name(str(label), 26, 1)}  {analysis.ranks[label]:.1f}" for label in shown]
    axes.set_yticks(range(len(names)), names)
    heads = [wrapped(_column(column), 34, 1) for column in ranks.columns]
    axes.set_xticks(range(ranks.shape[1]), heads, rotation=90)
    axes.tick_params(length=0)
    _numbers(axes, ranks, len(order))
    label = f"Rank of {len(order)} by {analysis.metric.title.lower()}"
    bar = figure.colorbar(image, ax=axes, location="bottom", aspect=30, fraction=0.3 / figure.get_figheight())
    bar.set_label(f"{label}\n(with the name: mean)")
    return figure


def critical_difference_diagram(analysis: Analysis) -> Figure:
    """Draw the best mean ranks and the control's on a line; bars join those that Nemenyi's test does not tell apart.

    The ranks and the test are of all methods, whichever are drawn. Always over two columns of a paper.
    """
    nemenyi = analysis.nemenyi
    assert nemenyi is not None, "drawn only where there are enough blocks"
    labels = list(analysis.ranks.index)
    shown = [label for place, label in enumerate(labels) if place < DRAWN or label == analysis.control]
    titles = {label: _one_line(str(label)) for label in shown}
    figure = new_figure(DOUBLE, 0.8 + 0.2 * len(shown))
    axes = figure.subplots()
    scikit_posthocs.critical_difference_diagram(
        analysis.ranks[shown].rename(titles),
        nemenyi.loc[shown, shown].rename(index=titles, columns=titles),
        ax=axes,
        alpha=ALPHA,
        label_fmt_left="{label} ({rank:.1f}) ",
        label_fmt_right=" ({rank:.1f}) {label}",
        label_props={"size": 8},
        crossbar_props={"color": "#D55E00", "linewidth": 1.6, "marker": ""},
        marker_props={"s": 10, "color": "black"},
        elbow_props={"linewidth": 0.7, "color": "black"},
    )
    return figure


def _one_line(label: str) -> str:
    text = printable(method_title(label))
    return text if len(text) <= 34 else text[:33] + "…"


def _column(column: Any) -> str:
    dataset, protocol, *level = column  # without a level where it was averaged out
    at = [level_name(protocol, value) for value in level] or [protocol_title(protocol)]
    return ", ".join([dataset_name(dataset), *at])


def _numbers(axes: Axes, ranks: pd.DataFrame, worst: int) -> None:
    for (i, j), rank in np.ndenumerate(ranks.to_numpy()):
        colour = "white" if rank < worst / 2 else "black"
        axes.text(j, i, f"{rank:.0f}", ha="center", va="center", fontsize=8, color=colour)
