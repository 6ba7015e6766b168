"""Tables along an axis of the grid (minority images, steps, backbones, tuning), and what they say in words."""

from __future__ import annotations

from collections.abc import Collection as Collection_
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmarks.report.data.loading import Collection
from benchmarks.report.data.names import AS_IN_PAPER, METRICS, Metric, family_order, number, slug
from benchmarks.report.data.points import comparable
from benchmarks.report.data.variants import ranked, set_apart
from benchmarks.report.data.words import listed, place_title
from benchmarks.report.figures.curves import highlights
from benchmarks.report.figures.minority import PANELS
from benchmarks.report.statistics import axes
from benchmarks.report.statistics.decimals import carried, of_points, signed
from benchmarks.report.statistics.intervals import Interval
from benchmarks.report.summary.health import Health
from benchmarks.report.tables.model import BEST, Entry, Groups, Table
from benchmarks.report.tables.tables import marks

NAMED = 8
"""So many methods are named one by one."""
END_RULE = (
    "Trained to the end: three times the steps, and any further threefold measured, change the mean by less than one "
    "point. Methods that take no steps are left out. Means over the levels of each dataset, then over datasets (parts "
    "and protocols of one set of images are one), on the blocks that all methods have at every number of steps."
)


@dataclass
class AlongAxes:
    """What the axes of a run show.

    Attributes:
        tables: all tables.
        sentences: in words.
        steps: methods over steps; None where all cells took the same.
        minority: points over minority images, datasets averaged; None with fewer than two datasets.
    """

    tables: list[Table] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    steps: axes.SideBySide | None = None
    minority: pd.DataFrame | None = None


def along_axes(
    table: pd.DataFrame, collection: Collection, metric: str, control: str, health: Sequence[Health] = ()
) -> AlongAxes:
    """Look along every axis that a run has several values of.

    Args:
        table: points, variants set apart.
        collection: what was read.
        metric: what is compared.
        control: the method that others are compared with.
        health: what is known of collapsed cells.
    """
    main, cells = collection.main, set_apart(collection.frame)
    made = AlongAxes(steps=axes.by_steps(ranked(cells), main, metric))
    made.minority = axes.over_datasets(ranked(table), PANELS)
    families = table.drop_duplicates("label").set_index("label")["family"]
    few = ranked(table[table["comparison"].eq(AS_IN_PAPER) & table["protocol"].eq("few")])
    parts = [part for _, part in few.groupby("dataset", sort=False)]
    for part in [*([] if made.minority is None else [made.minority]), *parts]:
        if comparable(part)["level"].nunique() > 1:
            _minority(made, part, control)
    if made.steps is not None:
        collapsed = _collapsed(health, main, made.steps.blocks)
        _steps(made, made.steps, _shown(table, made.steps, metric), families, collapsed)
    backbones = axes.by_backbone(ranked(cells), main, metric)
    if backbones is not None:
        _backbones(made, backbones, _shown(table, backbones, metric), families)
    tuned = axes.by_tuning(cells, metric)
    if tuned is not None:
        _tuned(made, tuned, _shown(table, tuned, metric), families)
    return made


def _shown(table: pd.DataFrame, found: axes.SideBySide, metric: str) -> Metric:
    """Return the metric with the decimals that means over these datasets carry."""
    return of_points(table, metric, found.datasets.index.get_level_values("dataset").nunique())


def _minority(made: AlongAxes, part: pd.DataFrame, control: str) -> None:
    """Add the table of one dataset (or of all) and where its lines cross."""
    dataset = str(part["dataset"].iloc[0])
    chosen = highlights(comparable(part), "accuracy", control)
    levels = sorted(part["level"].unique())
    metrics = [metric for metric in PANELS if part[metric].notna().any()]
    lines: dict[str, list[Entry]] = {label: [] for label in chosen}
    for metric in metrics:
        values, shown = (
            part.pivot(index="label", columns="level", values=metric).reindex(chosen),
            of_points(part, metric),
        )
        for level in levels:
            best = marks(values[level], values[level].notna(), shown)
            for label in chosen:
                lines[label].append(Entry(shown.text(values.loc[label, level]), mark=best.get(label, "")))
    heads = [f"{number(level)}: {METRICS[metric].words}" for metric in metrics for level in levels]
    said = [_crossing(*pair) for pair in axes.crossings(part, "accuracy", control)]
    where = "the mean of all datasets" if dataset == axes.DATASETS else place_title(dataset, "few")
    caption = f"Accuracy (%) and ROC-AUC by training images of the minority class, best of each family: {where}"
    families = part.drop_duplicates("label").set_index("label")["family"]
    name = f"minority-{slug(dataset)}"
    made.tables.append(Table(name, caption, heads, _groups(lines, families), [BEST, *said]))
    if dataset == axes.DATASETS or made.minority is None:
        made.sentences += [f"By minority images, {where}: {sentence}" for sentence in said]


def _crossing(first: str, second: str, ahead: list[float], behind: list[float]) -> str:
    if not behind or not ahead:
        winner, loser = (first, second) if ahead else (second, first)
        return f"{winner} is ahead of {loser} at every number measured ({_span(ahead or behind)})."
    if max(ahead) < min(behind):
        return f"{first} is ahead of {second} {_up_to(ahead)}, and behind from {number(min(behind))} on."
    if max(behind) < min(ahead):
        return f"{first} is behind {second} {_up_to(behind)}, and ahead from {number(min(ahead))} on."
    text = f"{first} and {second} cross more than once: the first is ahead at {_span(ahead)}"
    return f"{text}, and behind at {_span(behind)}."


def _up_to(levels: list[float]) -> str:
    return f"{'at' if len(levels) == 1 else 'up to'} {number(max(levels))}"


def _span(levels: list[float]) -> str:
    return ", ".join(map(number, levels))


def _steps(
    made: AlongAxes, found: axes.SideBySide, metric: Metric, families: pd.Series, collapsed: pd.DataFrame
) -> None:
    means, ends = found.means[sorted(found.means.columns)], axes.ended(found.means)
    taken = [int(str(steps)) for steps in means]
    best = {steps: marks(means[steps], means[steps].notna(), metric) for steps in taken}
    lines = {}
    for label in map(str, means.index):
        counts = {steps: _count_of(collapsed, label, steps) for steps in taken}
        entries = [
            Entry(metric.text(float(means[steps][label])), remark=counts[steps], mark=best[steps].get(label, ""))
            for steps in taken
        ]
        lines[label] = [*entries, Entry(str(ends[label]) if label in ends else "n/a")]
    heads = [*(f"{steps} steps" for steps in means), "Trained to the end"]
    notes = [END_RULE, f"{BEST} (n collapsed): so many cells predict one class.", f"{len(found.blocks)} blocks."]
    made.tables.append(Table("steps", f"{metric.label} by gradient steps", heads, _groups(lines, families), notes))
    if axes.tripled(means):
        yet = [label for label in map(str, means.index) if label not in ends]
        text = f"Trained to the end at the steps measured: {len(ends)} of {len(means)} methods"
        made.sentences.append(f"{text}; others rise or fall further: {listed(yet, NAMED)}." if yet else f"{text}.")
    ranking = " and ".join(
        str(means[steps].mul(metric.sign).idxmax()) for steps in (means.columns[0], means.columns[-1])
    )
    made.sentences.append(f"Best at {means.columns[0]} and at {means.columns[-1]} steps: {ranking}.")
    turned = [label for label in map(str, means.index) if _turns(collapsed, label, taken)]
    if turned:
        made.sentences.append(f"Collapse (one class predicted) at some numbers of steps only: {listed(turned, NAMED)}.")


def _collapsed(
    health: Sequence[Health], main: tuple[int, str], blocks: Collection_[tuple[str, str, float]]
) -> pd.DataFrame:
    """Count collapsed cells by method and steps, in some blocks."""
    parts = []
    for each in health:
        levels = {level for dataset, protocol, level in blocks if (dataset, protocol) == (each.dataset, each.protocol)}
        cells = each.cells[each.cells["level"].isin(levels)]
        parts.append(cells.assign(comparison=each.comparison))
    if not parts:
        return pd.DataFrame(columns=["label", "at_steps", "collapsed"])
    cells = axes.with_axes(pd.concat(parts), main)
    cells = cells[cells["base"].eq(AS_IN_PAPER) & cells["at_backbone"].eq(main[1])]
    return cells.groupby(["label", "at_steps"])["collapsed"].sum().reset_index()


def _count_of(collapsed: pd.DataFrame, label: str, steps: int) -> str:
    at = collapsed[collapsed["label"].eq(label) & collapsed["at_steps"].eq(steps)]
    return f"{int(at['collapsed'].iloc[0])} collapsed" if len(at) and at["collapsed"].iloc[0] else ""


def _turns(collapsed: pd.DataFrame, label: str, steps: list[int]) -> bool:
    """Say whether a method collapses at some numbers of steps and not at others."""
    own = collapsed[collapsed["label"].eq(label) & collapsed["at_steps"].isin(steps)]["collapsed"]
    return bool(own.gt(0).any() and own.eq(0).any())


def _backbones(made: AlongAxes, found: axes.SideBySide, metric: Metric, families: pd.Series) -> None:
    means = found.means
    names = list(map(str, means))
    best = {name: marks(means[name], means[name].notna(), metric) for name in names}
    lines = {
        label: [Entry(metric.text(float(means[name][label])), mark=best[name].get(label, "")) for name in names]
        for label in map(str, means.index)
    }
    said = []
    for first, second, tau, p in axes.agreement(means) if len(means) > 2 else []:
        depends = "these two rank alike" if tau > 0.7 else "these two rank otherwise"
        if not np.isfinite(tau) or (p > 0.05 and len(means) < 8):
            depends = "too few methods to say whether they rank alike"
        said.append(f"Backbones {first} and {second}: Kendall's tau {tau:.2f} of {len(means)} methods; {depends}.")
    notes = [BEST, *said, f"{len(found.blocks)} blocks."]
    made.tables.append(Table("backbones", f"{metric.label} by backbone", names, _groups(lines, families), notes))
    made.sentences += said


def _tuned(made: AlongAxes, found: axes.SideBySide, metric: Metric, families: pd.Series) -> None:
    means, gains = found.means, axes.changes(found, "default", "tuned")
    best = {name: marks(means[name], means[name].notna(), metric) for name in ("default", "tuned")}
    lines = {}
    for label in map(str, means.index):
        entries = [
            Entry(metric.text(float(means[name][label])), mark=best[name].get(label, ""))
            for name in ("default", "tuned")
        ]
        lines[label] = [*entries, Entry(_change(gains[label], metric))]
    notes = [BEST, f"{len(found.blocks)} blocks; intervals: 95 %, Student's over datasets, from three on."]
    heads = ["Default", "Tuned", "Tuned less default"]
    caption = f"{metric.label}, default and tuned side by side"
    made.tables.append(Table("default-and-tuned", caption, heads, _groups(lines, families), notes))
    first, second = (str((metric.sign * means[name]).idxmax()) for name in ("default", "tuned"))
    made.sentences.append(f"Default and tuned: best by default {first}, best after equal tuning {second}.")


def _change(found: Interval, metric: Metric) -> str:
    shown = carried(metric, found.high - found.low)
    bounds = [signed(value, shown) for value in (found.mean, found.low, found.high)]
    return f"{bounds[0]} [{bounds[1]}, {bounds[2]}]" if found.known else bounds[0]


def _groups(lines: dict[str, list[Entry]], families: pd.Series) -> Groups:
    order: dict[str, list[tuple[str, list[Entry]]]] = {}
    places = {label: (family_order(str(families[label])), place) for place, label in enumerate(families.index)}
    for label in sorted(lines, key=lambda label: places[label]):
        order.setdefault(str(families[label]), []).append((label, lines[label]))
    return list(order.items())
