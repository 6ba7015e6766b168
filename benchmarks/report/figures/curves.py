"""A metric against the imbalance ratio, with confidence bands."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from scipy import stats

from benchmarks.report.data.names import METRICS, PROPOSED, family_order, harder_first, level_axis, number
from benchmarks.report.data.points import comparable
from benchmarks.report.data.variants import ranked
from benchmarks.report.figures.style import GREY, look, member_look, new_figure
from benchmarks.report.tables.tables import level_average


def highlights(part: pd.DataFrame, metric: str, control: str) -> list[str]:
    """Choose the methods to tell apart: the proposed one, the control, and the best of every family by its average."""
    part = ranked(part)
    average = level_average(part.pivot(index="label", columns="level", values=metric)).dropna() * METRICS[metric].sign
    families = part.drop_duplicates("label").set_index("label")["family"]
    chosen = {name for name in (control, PROPOSED) if name in families.index}
    for family, group in average.groupby(families.reindex(average.index)):
        if not (family == "baseline" and control in chosen) and not (family == "proposed" and PROPOSED in chosen):
            chosen.add(str(group.idxmax()))
    return sorted(chosen, key=lambda name: (family_order(families[name]), name))


def half_width(sd: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return half the 95 % confidence interval of a mean over n seeds (Student's t); NaN for fewer than two."""
    sd, n = np.asarray(sd, dtype=float), np.asarray(n, dtype=float)
    few = n < 2
    safe = np.where(few, 2, n)
    return np.where(few, np.nan, stats.t.ppf(0.975, safe - 1) * sd / np.sqrt(safe))


def extreme(part: pd.DataFrame) -> float:
    """Return the hardest level at which anything was measured."""
    done = part[part["done"].gt(0)]
    measured = (comparable(done) if len(comparable(done)) else done)["level"]
    return float(measured.min() if harder_first(str(part["protocol"].iloc[0])) else measured.max())


def curve_figure(part: pd.DataFrame, metric: str, control: str) -> Figure:
    """Draw one dataset and protocol: the highlighted methods with bands, all others in thin grey."""
    figure = new_figure(6.4, 3.4)
    axes = figure.subplots()
    chosen = highlights(part, metric, control)
    measured = part.loc[part[metric].notna(), "label"].unique()
    others = [label for label in measured if label not in chosen]
    for label in others:
        _thin(axes, part[part["label"].eq(label)], metric)
    if others:
        axes.plot([], [], color=GREY, lw=0.7, label=f"{len(others)} other method{'' if len(others) == 1 else 's'}")
    for label in chosen:
        _curve(axes, part[part["label"].eq(label)], metric, band=label in (control, PROPOSED))
    _axes(axes, part, metric)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles[::-1], labels[::-1], loc="outside right center", title="best of each family", alignment="left"
    )
    seeds = int(part["asked"].max())
    figure.text(0.995, 0.005, f"mean of {seeds} seeds; band: 95 % interval (t)", ha="right", va="bottom", fontsize=6)
    return figure


def family_figure(part: pd.DataFrame, metric: str, control: str) -> Figure:
    """Draw one dataset and protocol as one panel a family, every method named; the control in all of them."""
    families = [
        str(name) for name in part["family"].unique() if (part["family"].eq(name) & part["label"].ne(control)).any()
    ]
    rows, columns = -(-len(families) // 2), min(2, len(families))
    panel, legend, width, height = 2.5, 1.75, 4.35 * columns + 0.5, 2.1 * rows + 0.6
    # A regular grid needs no solver, which took half of the time here; margins in inches, names right of each panel.
    figure = new_figure(width, height, layout=None)
    figure.subplots_adjust(0.5 / width, 0.45 / height, 1 - legend / width, 1 - 0.5 / height, legend / panel, 0.22)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for family, axes in zip(families, panels, strict=False):
        _family_panel(axes, part, family, metric, control)
    for axes in panels[len(families) :]:
        axes.set_visible(False)
    return figure


def _family_panel(axes: Axes, part: pd.DataFrame, family: str, metric: str, control: str) -> None:
    members = part[part["family"].eq(family) & part["label"].ne(control)]
    for place, (label, rows) in enumerate(members.groupby("label", sort=False)):
        drawn = member_look(place)
        y = rows[metric] * METRICS[metric].scale
        axes.plot(
            rows["level"], y, color=drawn.colour, marker=drawn.marker, ls=drawn.dashes, ms=3, lw=1, label=str(label)
        )
    rows = part[part["label"].eq(control)]
    axes.plot(rows["level"], rows[metric] * METRICS[metric].scale, color="black", lw=1.6, label=control)
    _axes(axes, part, metric)
    axes.label_outer()
    axes.set_title(family, loc="left")
    many = members["label"].nunique() > 14
    axes.legend(
        fontsize=5 if many else 6, loc=2, bbox_to_anchor=(1, 1.04), handlelength=2.6, labelspacing=0.2 if many else 0.4
    )


def _thin(axes: Axes, rows: pd.DataFrame, metric: str) -> None:
    axes.plot(rows["level"], rows[metric] * METRICS[metric].scale, color=GREY, lw=0.6, zorder=1)


def _curve(axes: Axes, rows: pd.DataFrame, metric: str, band: bool, label: str | None = None) -> None:
    shown, scale = look(str(rows["family"].iloc[0])), METRICS[metric].scale
    x, y = rows["level"].to_numpy(float), rows[metric].to_numpy(float)
    (line,) = axes.plot(x, y * scale, label=label or str(rows["label"].iloc[0]), zorder=3)
    line.set(color=shown.colour, marker=shown.marker, linestyle=shown.dashes)
    if band:
        half = half_width(rows[f"{metric}_sd"].to_numpy(float), rows[f"{metric}_n"].to_numpy(float))
        low, high = np.clip(y - half, -1, 1) * scale, np.clip(y + half, -1, 1) * scale
        axes.fill_between(x, low, high, color=shown.colour, alpha=0.15, lw=0, zorder=2)


def _axes(axes: Axes, part: pd.DataFrame, metric: str) -> None:
    levels = sorted(part["level"].unique())
    protocol = str(part["protocol"].iloc[0])
    if min(levels) > 0 and len(levels) > 1:
        axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(levels, ["natural" if level <= 0 else number(level) for level in levels])
    if protocol == "few":
        axes.invert_xaxis()
    axes.set_xlabel(level_axis(protocol))
    axes.set_ylabel(METRICS[metric].label)
    axes.grid(True)
    axes.set_axisbelow(True)
