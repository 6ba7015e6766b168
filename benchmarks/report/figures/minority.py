"""Accuracy and ROC-AUC against the number of minority images, from none to as many as were measured."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.report.data.names import METRICS
from benchmarks.report.data.points import comparable
from benchmarks.report.figures.curves import draw_curve, highlights, level_ticks
from benchmarks.report.figures.style import Layout, below, new_figure

PANELS = ("accuracy", "roc_auc")


def minority_figure(part: pd.DataFrame, control: str, layout: Layout | None = None) -> Figure | None:
    """Draw the best of each family, with the one-class methods and the suite's own; None where one level was measured.

    Args:
        part: points of one dataset under the protocol `few`, or of their means over datasets.
        control: the method that others are compared with.
        layout: the figure's width.
    """
    layout = layout or Layout()
    chosen = highlights(comparable(part), "accuracy", control)[: layout.top]
    shown = [metric for metric in PANELS if part[metric].notna().any()]
    if comparable(part)["level"].nunique() < 2 or not shown:
        return None
    stacked = layout.columns == 1
    legend = 0.27 * -(-len(chosen) // (2 * layout.columns))
    figure = new_figure(layout.width, (0.5 + 1.75 * len(shown) if stacked else 2.5) + legend)
    rows, columns = (len(shown), 1) if stacked else (1, len(shown))
    panels = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for axes, metric in zip(panels, shown, strict=True):
        for label in chosen:
            draw_curve(axes, part[part["label"].eq(label)], metric, band=False)
        level_ticks(axes, part)
        axes.set_ylabel(METRICS[metric].label)
    if stacked:
        for axes in panels[:-1]:
            axes.set_xlabel("")
        panels[-1].set_xlabel("Training images of the minority class")
    figure.align_ylabels(list(panels))
    below(figure, panels[0], layout)
    return figure
