"""Differences to the control: the picture beside the advice, and a map of all methods and levels."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.report.advice.decision import Advice
from benchmarks.report.data.names import METRICS, level_name
from benchmarks.report.figures.style import look, new_figure

SINGLE, DOUBLE = 3.3, 6.9
"""Inches: a figure over one column of a paper, and over two."""
NAME_WIDTH = 24
"""Letters of a method's name on one line."""


def advice_figure(advice: Advice, families: pd.Series, top: int = 12, columns: int = 1) -> Figure:
    """Draw the methods by their expected gain over the control, best above: interval, and each seed's own difference.

    Args:
        advice: what was decided.
        families: family by method.
        top: so many methods, beside the control.
        columns: 1 or 2, of a paper.
    """
    shown = advice.means.head(top)
    if advice.control in advice.means.index and advice.control not in shown.index:
        shown = pd.concat([shown, advice.means.loc[[advice.control]]])
    place = np.arange(len(shown))[::-1]
    figure = new_figure(SINGLE if columns == 1 else DOUBLE, 0.75 + 0.21 * len(shown))
    axes = figure.subplots()
    known = advice.control in advice.runs.index
    base = advice.runs.loc[advice.control] if known else advice.runs.mean()
    for y, (label, row) in zip(place, shown.iterrows(), strict=True):
        drawn = look(str(families.get(str(label), "")))
        seeds = (advice.runs.loc[str(label)] - base).dropna().to_numpy(float)
        axes.plot(seeds, np.full(len(seeds), y), ".", color="0.65", ms=3.5, zorder=2)
        axes.plot([row["low"], row["high"]], [y, y], color=drawn.colour, lw=1.2, zorder=3)
        axes.plot(row["expected"], y, marker=drawn.marker, color=drawn.colour, ms=4.5, zorder=4)
    axes.axvline(0, color="0.5", lw=0.7, zorder=1)
    axes.set_yticks(place, [wrapped(str(label)) for label in shown.index])
    axes.set_ylim(-0.7, len(shown) - 0.3)
    over = f"over {advice.control}" if known else "over the mean of all"
    figure.supxlabel(f"Points {over}: expected, 95 % interval; grey: seeds", fontsize=7)
    axes.grid(True, axis="x")
    axes.set_axisbelow(True)
    return figure


def gain_map(part: pd.DataFrame, metric: str, control: str, top: int = 43, columns: int = 1) -> Figure | None:
    """Draw methods x levels, coloured by the difference of means to the control; None without the control."""
    shown = METRICS[metric]
    values = part.pivot(index="label", columns="level", values=metric).dropna(how="all") * shown.scale
    if control not in values.index or len(values) < 2:
        return None
    gains = (values.drop(index=control) - values.loc[control]).dropna(axis="columns", how="all")
    if gains.empty:
        return None
    gains = gains.loc[(shown.sign * gains.mean(axis=1)).sort_values(ascending=False).index[:top]]
    names = [wrapped(str(label)) for label in gains.index]
    row = 0.24 if any("\n" in name for name in names) else 0.18
    figure = new_figure(SINGLE if columns == 1 else DOUBLE, 1.15 + row * len(gains))
    axes = figure.subplots()
    bound = max(float(np.nanpercentile(np.abs(gains.to_numpy()), 95)), 1e-9)
    # blue is better, red is worse, whichever way the metric counts
    colours = "RdBu" if shown.higher_is_better else "RdBu_r"
    image = axes.imshow(gains.to_numpy(), cmap=colours, vmin=-bound, vmax=bound, aspect="auto")
    decimals = 0 if shown.scale > 1 else 2
    for (i, j), value in np.ndenumerate(gains.to_numpy()):
        if np.isfinite(value):
            light = "white" if abs(value) > 0.7 * bound else "black"
            axes.text(j, i, f"{value:+.{decimals}f}", ha="center", va="center", fontsize=6, color=light)
    protocol = str(part["protocol"].iloc[0])
    axes.set_xticks(range(gains.shape[1]), [level_name(protocol, float(level)) for level in gains.columns])
    if gains.shape[1] > 3 and columns == 1:
        axes.tick_params(axis="x", rotation=40)
    axes.set_yticks(range(len(gains)), names)
    bar = figure.colorbar(image, ax=axes, location="bottom", aspect=30, fraction=0.3 / figure.get_figheight())
    bar.locator = MaxNLocator(5)
    bar.update_ticks()
    unit = f"{shown.points} of {shown.title.lower()}" if shown.points else shown.title
    figure.supxlabel(f"{unit} over {control}", fontsize=7)
    return figure


def wrapped(label: str) -> str:
    """Break a long name, so that it leaves room for the data."""
    return "\n".join(textwrap.wrap(label, NAME_WIDTH, break_long_words=True)[:2])
