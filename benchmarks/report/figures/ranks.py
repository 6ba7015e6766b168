"""Ranks of the methods: a heat map over blocks and the critical-difference diagram."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.report.data.names import level_name
from benchmarks.report.data.words import dataset_name, method_title, protocol_title
from benchmarks.report.figures.names import heads, name, printable, wrapped
from benchmarks.report.figures.style import DOUBLE, Layout, cell_texts, new_figure
from benchmarks.report.statistics.tests import ALPHA, Analysis

DRAWN = 10
"""So many methods stand in the critical-difference diagram, beside the control."""
FULL = 5
"""Up to so many columns leave room for the longest names beside them, over one column of a paper."""
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
    letters = 34 if wide else 32 if ranks.shape[1] <= FULL else 28
    figure = new_figure(DOUBLE if wide else layout.width, 2.9 + 0.17 * len(ranks))
    axes = figure.subplots()
    # A sequential map of one hue keeps its order in greyscale; dark is good.
    image = axes.imshow(ranks.to_numpy(), cmap="Blues_r", aspect="auto", vmin=1, vmax=len(order))
    names = [f"{name(str(label), letters, 1)}  {analysis.ranks[label]:.1f}" for label in shown]
    axes.set_yticks(range(len(names)), names)
    one = ranks.columns.get_level_values("protocol").nunique() == 1
    inches = (figure.get_figwidth() - 2.2) / ranks.shape[1]
    columns, turned = heads([_column(column, not one) for column in ranks.columns], inches)
    axes.set_xticks(range(ranks.shape[1]), columns, rotation=turned)
    axes.tick_params(length=0)
    cell_texts(axes, image, np.char.mod("%.0f", ranks.to_numpy()))
    bar = figure.colorbar(image, ax=axes, location="bottom", aspect=30, fraction=0.3 / figure.get_figheight())
    bar.set_ticks(sorted({1, (1 + len(order)) // 2, len(order)}))
    # below the names, too: the cells of few datasets have no room for it
    figure.supxlabel(f"{wrapped(_among(analysis), 42)};\nbeside each name: its mean", fontsize=8)
    return figure


def critical_difference_diagram(analysis: Analysis) -> Figure:
    """Draw the best mean ranks and the control's in rows; bars join those that Nemenyi's test does not tell apart.

    The ranks and the test are of all methods, whichever are drawn. A row for each, where Demsar hangs names from one
    line: ranks that lie close together stay apart. Always over two columns of a paper.
    """
    nemenyi = analysis.nemenyi
    assert nemenyi is not None, "drawn only where there are enough blocks"
    labels = list(analysis.ranks.index)
    shown = [label for place, label in enumerate(labels) if place < DRAWN or label == analysis.control]
    figure = new_figure(DOUBLE, 1.05 + 0.2 * len(shown))
    axes = figure.subplots()
    rows = range(len(shown))
    axes.plot(analysis.ranks[shown], rows, "o", color="black", ms=4)
    axes.set_yticks(rows, [f"{_one_line(str(label))} ({analysis.ranks[label]:.1f})" for label in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    for place, (first, last) in enumerate(joined(nemenyi.loc[shown, shown])):
        x = 1.02 + 0.02 * place
        ends = first - 0.15, last + 0.15
        axes.plot([x, x], ends, color="#D55E00", lw=2, transform=axes.get_yaxis_transform(), clip_on=False)
    told = f"critical difference {analysis.critical_difference:.1f}: bars join what is not told apart"
    axes.set_xlabel(f"Mean r{_among(analysis)[1:]} (1 is best)\n{told}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(True)
    axes.set_axisbelow(True)
    return figure


def joined(p: pd.DataFrame) -> list[tuple[int, int]]:
    """Return the longest runs of rows, first and last, of which no two are told apart; rows in order of their ranks."""
    runs: list[tuple[int, int]] = []
    for first in range(len(p)):
        last = first
        while last + 1 < len(p) and (p.iloc[first : last + 1, last + 1] >= ALPHA).all():
            last += 1
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return runs


def _one_line(label: str) -> str:
    text = printable(method_title(label))
    return text if len(text) <= 34 else text[:33] + "…"


def _column(column: Any, with_protocol: bool) -> str:
    dataset, protocol, *level = column  # without a level where it was averaged out
    at = [level_name(protocol, value) for value in level] or [protocol_title(protocol)] * with_protocol
    return ", ".join([dataset_name(dataset), *at])


def _among(analysis: Analysis) -> str:
    """Say what ranks are of."""
    return f"Rank among {len(analysis.ranks)} methods by {analysis.metric.words}"
