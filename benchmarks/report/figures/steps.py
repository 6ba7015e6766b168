"""A metric against the gradient steps: who is trained to the end."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.report.data.names import Metric
from benchmarks.report.figures.names import SHORT, name
from benchmarks.report.figures.style import Layout, below, looks, new_figure, standing
from benchmarks.report.statistics.axes import SideBySide, ended


def steps_figure(
    found: SideBySide, metric: Metric, families: pd.Series, control: str, layout: Layout | None = None
) -> Figure:
    """Draw the best methods and the control over the steps; a ring marks the fewest that train one to its end."""
    layout = layout or Layout()
    means = found.means[sorted(found.means.columns)] * metric.scale
    best = (metric.sign * means.mean(axis=1)).sort_values(ascending=False).index
    shown = [str(label) for place, label in enumerate(best) if place < layout.top or label == control]
    ends = ended(found.means)
    figure = new_figure(layout.width, 2 + 0.5 * layout.columns + 0.27 * -(-len(shown) // (2 * layout.columns)))
    axes = figure.subplots()
    of = {label: str(families[label]) for label in shown}
    drawn_as = looks(shown, of, standing(shown, of, control))
    for label in shown:
        drawn = drawn_as[label]
        style: dict[str, Any] = {"color": drawn.colour, "marker": drawn.marker, "ls": drawn.dashes, "lw": 1.2}
        axes.plot(means.columns, means.loc[label], label=name(label, SHORT), **style)
        if label in ends:
            axes.plot(
                [ends[label]], [float(means[ends[label]][label])], "o", ms=9, mfc="none", mec=drawn.colour, zorder=1
            )
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(list(means.columns), [str(steps) for steps in means.columns])
    axes.set_xlabel("Gradient steps (ring: trained to the end)")
    axes.set_ylabel(f"{metric.label},\nmean over datasets")
    axes.grid(True)
    axes.set_axisbelow(True)
    below(figure, axes, layout)
    return figure
