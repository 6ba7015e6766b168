"""A metric against the imbalance: the best of each family, and every family by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from matplotlib.transforms import ScaledTranslation

from benchmarks.report.data.names import FUSION, METRICS, PROPOSED, family_order, harder_first, level_axis, level_tick
from benchmarks.report.data.points import comparable
from benchmarks.report.data.variants import ranked
from benchmarks.report.figures.names import LETTER, SHORT, name, printable
from benchmarks.report.figures.style import DOUBLE, GREY, Layout, Look, below, look_of, looks, new_figure
from benchmarks.report.statistics.intervals import half_width
from benchmarks.report.tables.tables import level_average, shared_levels

APART = 1.1
"""Points between the seeds of one method and those of the next."""


def highlights(part: pd.DataFrame, metric: str, control: str) -> list[str]:
    """Choose the methods to tell apart: the control, the proposed one, the suite's own, and the best of every family.

    Best by the average over the levels that most methods have.
    """
    part = comparable(ranked(part)) if len(comparable(part)) else ranked(part)
    values = shared_levels(part.pivot(index="label", columns="level", values=metric))
    average = level_average(values).dropna() * METRICS[metric].sign
    families = part.drop_duplicates("label").set_index("label")["family"]
    chosen = {label for label in (control, PROPOSED, FUSION) if label in families.index}
    for family, group in average.groupby(families.reindex(average.index)):
        if not (family == "baseline" and control in chosen) and not (family == "proposed" and chosen - {control}):
            chosen.add(str(group.idxmax()))
    return sorted(chosen, key=lambda label: (family_order(families[label]), label))


def extreme(part: pd.DataFrame) -> float:
    """Return the hardest level at which anything was measured."""
    done = part[part["done"].gt(0)]
    measured = (comparable(done) if len(comparable(done)) else done)["level"]
    return float(measured.min() if harder_first(str(part["protocol"].iloc[0])) else measured.max())


def curve_figure(
    part: pd.DataFrame, metric: str, control: str, layout: Layout | None = None, runs: pd.DataFrame | None = None
) -> Figure:
    """Draw one dataset and protocol: the highlighted methods, seeds as dots, all others in thin grey.

    Args:
        part: points.
        metric: what is drawn.
        control: the method that others are compared with.
        layout: the figure's width.
        runs: `label`, `level` and the metric of every seed; no dots without them.
    """
    layout = layout or Layout()
    chosen = highlights(part, metric, control)
    figure = new_figure(layout.width, 2 + 0.5 * layout.columns + 0.27 * -(-(len(chosen) + 3) // (2 * layout.columns)))
    axes = figure.subplots()
    measured = part.loc[part[metric].notna(), "label"].unique()
    others = [label for label in measured if label not in chosen]
    for label in others:
        rows = part[part["label"].eq(label)]
        axes.plot(rows["level"], rows[metric] * METRICS[metric].scale, color=GREY, lw=0.6, zorder=1)
    for place, label in enumerate(chosen):
        draw_curve(axes, part[part["label"].eq(label)], metric, band=label in (control, PROPOSED, FUSION))
        if runs is not None:
            family = str(part.loc[part["label"].eq(label), "family"].iloc[0])
            _dots(axes, runs[runs["label"].eq(label)], metric, family, APART * (place - (len(chosen) - 1) / 2))
    if others:
        count = f"{len(others)} other method" + ("" if len(others) == 1 else "s")
        axes.plot([], [], color=GREY, lw=0.7, label=count)
    banded = part["label"].isin({control, PROPOSED, FUSION})
    two = part["level"].nunique() > 1 and part.loc[banded, f"{metric}_n"].eq(2).any()
    cut = " (cut off)" if two and _cut_bands(axes) else ""
    axes.fill_between([], [], [], color="0.5", alpha=0.25, lw=0, label=f"95 % interval{cut}")
    if runs is not None:
        axes.plot([], [], ".", color="0.4", ms=2.5, label="one seed")
    level_ticks(axes, part)
    axes.set_ylabel(METRICS[metric].label)
    below(figure, axes, layout)
    return figure


def family_figure(part: pd.DataFrame, metric: str, control: str, layout: Layout | None = None) -> Figure:
    """Draw one dataset and protocol as one panel a family, the best of it named; the control in all of them.

    Always over two columns of a paper: so many names have no room in one.
    """
    layout = layout or Layout()
    families = [
        str(family)
        for family in part["family"].unique()
        if (part["family"].eq(family) & part["label"].ne(control)).any()
    ]
    shown = {family: _best(part[part["family"].eq(family)], metric, control, layout.top) for family in families}
    rows, columns = -(-len(families) // 2), min(2, len(families))
    lines = [1 + sum(1 + name(label, 23).count("\n") for label in members) for members in shown.values()]
    # each row as high as its longer list of names
    heights = [max(1.35, 0.152 * max(lines[at : at + columns]) + 0.2) for at in range(0, len(lines), columns)]
    legend, top, bottom = 1.72, 0.25, 0.45
    width, height = (DOUBLE if columns == 2 else DOUBLE / 2), sum(heights) + 0.32 * (rows - 1) + top + bottom
    # A regular grid needs no solver, which took half of the time here; margins in inches, names right of each panel.
    figure = new_figure(width, height, layout=None)
    inner = (width - 0.5 - columns * legend - (columns - 1) * 0.15) / columns
    gaps = (legend + 0.15) / inner, 0.32 * rows / sum(heights)
    figure.subplots_adjust(0.5 / width, bottom / height, 1 - legend / width, 1 - top / height, *gaps)
    ratios = {"height_ratios": heights}
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False, gridspec_kw=ratios).ravel()
    of, chosen = dict(zip(part["label"], part["family"], strict=True)), highlights(part, metric, control)
    for family, axes in zip(families, panels, strict=False):
        drawn = looks([control, *shown[family]], {control: "baseline", **of}, [control, *chosen])
        _family_panel(axes, part, shown[family], family, metric, control, inner, drawn)
    for axes in panels[len(families) :]:
        axes.set_visible(False)
    for axes in panels[len(families) - columns : (rows - 1) * columns]:
        # nothing stands below
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(level_axis(str(part["protocol"].iloc[0])))
    figure.supylabel(METRICS[metric].label, fontsize=8, x=0.005, ha="left")
    return figure


def _best(members: pd.DataFrame, metric: str, control: str, most: int) -> list[str]:
    """Return the best of a family by the average over the levels, in the order of the table."""
    members = members[members["label"].ne(control)]
    means = members.groupby("label")[metric].mean() * METRICS[metric].sign
    kept = set(means.sort_values(ascending=False, na_position="last").index[:most])
    return [str(label) for label in members["label"].unique() if label in kept]


def _family_panel(
    axes: Axes,
    part: pd.DataFrame,
    members: list[str],
    family: str,
    metric: str,
    control: str,
    inches: float,
    drawn: Mapping[str, Look],
) -> None:
    for label in [*members, control]:
        rows, look = part[part["label"].eq(label)], drawn[label]
        style: dict[str, Any] = {"color": look.colour, "marker": look.marker, "ls": look.dashes, "ms": 3}
        if len(rows):
            y = rows[metric] * METRICS[metric].scale
            axes.plot(rows["level"], y, lw=1.6 if label == control else 1, label=name(label, 23), **style)
    level_ticks(axes, part, inches)
    axes.label_outer()
    left_out = part.loc[part["family"].eq(family) & part["label"].ne(control), "label"].nunique() - len(members)
    more = f", best {len(members)}" if left_out else ""
    axes.text(0, 1.02, printable(f"{family}{more}"), transform=axes.transAxes, va="bottom", fontweight="bold")
    axes.legend(loc=2, bbox_to_anchor=(1, 1.06), handlelength=2.4, labelspacing=0.15, borderpad=0.1, handletextpad=0.4)


def draw_curve(axes: Axes, rows: pd.DataFrame, metric: str, band: bool) -> None:
    """Draw one method's means over the levels, with its 95 % interval where asked."""
    label, family = str(rows["label"].iloc[0]), str(rows["family"].iloc[0])
    drawn, scale = look_of(label, family), METRICS[metric].scale
    x, y = rows["level"].to_numpy(float), rows[metric].to_numpy(float)
    (line,) = axes.plot(x, y * scale, label=name(label, SHORT), zorder=3)
    line.set(color=drawn.colour, marker=drawn.marker, linestyle=drawn.dashes)
    if band:
        half = half_width(rows[f"{metric}_sd"].to_numpy(float), rows[f"{metric}_n"].to_numpy(float))
        # an interval does not leave the metric's range
        least = 0 if METRICS[metric].unit == "%" else -1
        low, high = np.clip(y - half, least, 1) * scale, np.clip(y + half, least, 1) * scale
        axes.fill_between(x, low, high, color=drawn.colour, alpha=0.12, lw=0, zorder=2)
        if np.isfinite(y).sum() == 1:
            axes.vlines(x, low, high, color=drawn.colour, alpha=0.25, lw=4, zorder=2)  # such a band has no width


def _cut_bands(axes: Axes) -> bool:
    """Frame the means and seeds alone where bands would take most of the figure, and say whether.

    The interval of two seeds is thirteen times as wide as these are apart.
    """
    drawn = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()])
    low, high = float(np.nanmin(drawn)), float(np.nanmax(drawn))
    bottom, top = axes.get_ylim()
    if low == high or top - bottom < 2 * (high - low):
        return False
    room = 0.05 * (high - low)
    axes.set_ylim(low - room, high + room)
    return True


def _dots(axes: Axes, runs: pd.DataFrame, metric: str, family: str, aside: float) -> None:
    """Draw each seed, so many points beside its level: the seeds of several methods stay apart."""
    if len(runs):
        colour = look_of(str(runs["label"].iloc[0]), family).colour
        shift = ScaledTranslation(aside / 72, 0, axes.figure.dpi_scale_trans)
        at: dict[str, Any] = {"transform": axes.transData + shift, "zorder": 2}
        axes.plot(runs["level"], runs[metric] * METRICS[metric].scale, ".", color=colour, ms=2.5, alpha=0.6, **at)


def level_ticks(axes: Axes, part: pd.DataFrame, inches: float | None = None) -> None:
    """Label the levels of the protocol's axis: logarithmic, with a place for no minority image at all.

    Args:
        axes: where.
        part: points.
        inches: width of the axes, where it is small: a name that would touch a harder level's is left out.
    """
    levels = sorted(part["level"].unique())
    protocol = str(part["protocol"].iloc[0])
    if len(levels) > 1 and protocol == "few":
        axes.set_xscale("symlog", linthresh=1)
    elif len(levels) > 1 and min(levels) > 0:
        axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    heads = [level_tick(protocol, level) for level in levels]
    if inches is not None and len(levels) > 1:
        places = axes.xaxis.get_transform().transform(np.array(levels, dtype=float))
        heads = _apart(places * inches / 1.1 / np.ptp(places), heads, from_left=protocol == "few")
    axes.set_xticks(levels, heads)
    if protocol == "few":
        axes.xaxis.set_inverted(True)  # turning it round would undo what another panel of a shared axis did
    axes.set_xlabel(level_axis(protocol))
    axes.grid(True)
    axes.set_axisbelow(True)


def _apart(places: np.ndarray, heads: list[str], from_left: bool) -> list[str]:
    """Blank the names that would touch the one kept before, beginning with the hardest; places in inches."""
    order = range(len(heads)) if from_left else range(len(heads) - 1, -1, -1)
    kept = [""] * len(heads)
    before: tuple[float, float] | None = None
    for place in order:
        wide = LETTER * len(heads[place]) / 2
        if before is None or abs(places[place] - before[0]) > wide + before[1] + LETTER:
            kept[place], before = heads[place], (float(places[place]), wide)
    return kept
