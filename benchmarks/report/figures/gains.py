"""Differences to the control: the picture beside the advice, and a map of all methods and levels."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.report.advice.decision import Advice
from benchmarks.report.advice.places import decided_by
from benchmarks.report.data.names import METRICS, harder_first, level_axis, level_tick
from benchmarks.report.data.words import method_title
from benchmarks.report.figures.names import name, printable, wrapped
from benchmarks.report.figures.style import DOUBLE, SINGLE, cell_texts, look_of, new_figure, ticks

PALE = 0.05
"""A map's darkest colours are of at least so large a difference, in stored units: what chance alone gives is pale."""


def advice_figure(
    advice: Advice, families: pd.Series, top: int = 12, columns: int = 1, metric: str = "accuracy"
) -> Figure:
    """Draw the methods by their expected gain over the control, best above: interval, and each seed's own difference.

    Args:
        advice: what was decided.
        families: family by method.
        top: so many methods, beside the control.
        columns: 1 or 2, of a paper.
        metric: what was asked for.
    """
    shown = advice.means.head(top)
    if advice.control in advice.means.index and advice.control not in shown.index:
        shown = pd.concat([shown, advice.means.loc[[advice.control]]])
    place = np.arange(len(shown))[::-1]
    names = [name(str(label)) for label in shown.index]
    row_height = 0.3 if any("\n" in each for each in names) else 0.26
    figure = new_figure(SINGLE if columns == 1 else DOUBLE, 0.95 + row_height * len(shown))
    axes = figure.subplots()
    known = advice.control in advice.runs.index
    base = advice.runs.loc[advice.control] if known else advice.runs.mean()
    for y, (label, row) in zip(place, shown.iterrows(), strict=True):
        drawn = look_of(str(label), str(families.get(str(label), "")))
        # none where a method has no seed at all levels
        seeds = (advice.runs.reindex([str(label)]).iloc[0] - base).dropna().to_numpy(float)
        axes.plot(seeds, np.full(len(seeds), y - 0.3), ".", color="0.5", ms=3, zorder=2)
        axes.plot([row["low"], row["high"]], [y, y], color=drawn.colour, lw=1.2, zorder=3)
        axes.plot(row["expected"], y, marker=drawn.marker, color=drawn.colour, ms=4.5, zorder=4)
    axes.axvline(0, color="0.5", lw=0.7, zorder=1)
    axes.set_yticks(place, names)
    axes.set_ylim(-0.7, len(shown) - 0.3)
    axes.xaxis.set_major_locator(ticks(6))
    over = f"over {printable(method_title(advice.control))}" if known else "over the mean of all"
    unit = wrapped(f"Points of {METRICS[decided_by(metric)].words} {over}:", 48 * columns)
    figure.supxlabel(f"{unit}\nexpected, with 95 % interval; grey dots: seeds", fontsize=8)
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
    if harder_first(str(part["protocol"].iloc[0])):
        gains = gains[gains.columns[::-1]]  # harder to the right, as along the curves
    gains = gains.loc[(shown.sign * gains.mean(axis=1)).sort_values(ascending=False).index[:top]]
    labels = [name(str(label)) for label in gains.index]
    figure = new_figure(
        # a few rows have only what the levels below them and the colour bar leave
        SINGLE if columns == 1 else DOUBLE,
        1.75 + (0.26 if any("\n" in label for label in labels) else 0.2) * len(gains),
    )
    axes = figure.subplots()
    bound = max(float(np.nanpercentile(np.abs(gains.to_numpy()), 95)), PALE * shown.scale)
    # blue is better, red is worse, whichever way the metric counts
    colours = "RdBu" if shown.higher_is_better else "RdBu_r"
    image = axes.imshow(gains.to_numpy(), cmap=colours, vmin=-bound, vmax=bound, aspect="auto")
    cell_texts(axes, image, np.vectorize(_gain, otypes=[object])(gains.to_numpy(), 0 if shown.scale > 1 else 2))
    protocol = str(part["protocol"].iloc[0])
    axes.set_xticks(range(gains.shape[1]), [level_tick(protocol, float(level)) for level in gains.columns])
    axes.set_xlabel(level_axis(protocol) if columns > 1 else wrapped(level_axis(protocol)))
    axes.set_yticks(range(len(gains)), labels)
    beyond = "both" if np.nanmax(np.abs(gains.to_numpy())) > bound else "neither"
    bar = figure.colorbar(
        image, ax=axes, location="bottom", aspect=30, fraction=0.3 / figure.get_figheight(), extend=beyond
    )
    bar.locator = ticks(6)
    bar.update_ticks()
    unit = f"{shown.points.capitalize()} of {shown.words}" if shown.points else shown.title
    bar.set_label(f"{wrapped(unit, 26)}\n{wrapped('over ' + method_title(control), 26)}")
    return figure


def _gain(value: float, decimals: int) -> str:
    if not np.isfinite(value):
        return ""
    rounded = round(float(value), decimals) + 0.0
    return f"{rounded:+.{decimals}f}".replace("-", "\N{MINUS SIGN}") if rounded else "0"
