"""What happens to each class at the hardest level: recall, confusion, many / medium / few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.figures.style import look, new_figure

FEW_CLASSES = 4
MAX_NUMBERS = 12
"""Up to so many classes, numbers stand in the cells and classes are named."""


def recall_figure(frame: pd.DataFrame, labels: Sequence[str], level: float) -> Figure:
    """Draw the recall of every class (mean over seeds), classes in order of their training images."""
    rows = _rows(frame, labels, level)
    names, counts = rows["class_names"].iloc[0], np.asarray(rows["counts"].iloc[0])
    order = np.argsort(-counts, kind="stable")
    recall = np.stack([np.mean(np.stack(group["recall"].to_list()), axis=0)[order] for _, group in _each(rows, labels)])
    present = [label for label, _ in _each(rows, labels)]
    wide = len(order) > MAX_NUMBERS
    figure = new_figure(6.4 if wide else 2.6 + 0.55 * len(order), 1.3 + 0.24 * len(present))
    axes = figure.subplots()
    image = axes.imshow(recall * 100, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    axes.set_yticks(range(len(present)), present)
    if wide:
        axes.set_xlabel(f"classes, from {counts.max()} to {counts.min()} training images")
    else:
        axes.set_xticks(
            range(len(order)), [f"{names[i]}\n({counts[i]})" for i in order], rotation=45 if len(order) > 4 else 0
        )
        axes.set_xlabel("class (training images)")
        _cell_numbers(axes, recall * 100)
    axes.tick_params(length=0)
    figure.colorbar(image, ax=axes, label="recall (%)", pad=0.02)
    return figure


def confusion_figure(frame: pd.DataFrame, labels: Sequence[str], level: float) -> Figure:
    """Draw confusion matrices side by side: shares of each true class, summed over seeds."""
    rows = _rows(frame, labels, level)
    each, names = _each(rows, labels), rows["class_names"].iloc[0]
    small = len(names) <= FEW_CLASSES
    columns, size = min(4 if small else 3, len(each)), 1.75 if small else 2.5
    lines = -(-len(each) // columns)
    figure = new_figure(size * columns + 1.1, (size + 0.15) * lines + 0.5)
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, (label, group) in zip(panels, each, strict=False):
        total = np.sum(np.stack(group["confusion"].to_list()), axis=0, dtype=np.int64)
        share = 100 * total / np.maximum(total.sum(axis=1, keepdims=True), 1)
        image = axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
        axes.set_title(label, fontsize=7)
        axes.tick_params(length=0)
        if len(names) <= MAX_NUMBERS:
            axes.set_xticks(range(len(names)), names, rotation=0 if len(names) < 3 else 90)
            axes.set_yticks(range(len(names)), names)
            _cell_numbers(axes, share, *((7, 0) if small else (5, 0.5)))
    for axes in panels[len(each) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(each) - columns) : len(each)]:
        axes.tick_params(labelbottom=True)
    figure.supxlabel("predicted class", fontsize=8)
    figure.supylabel("true class", fontsize=8)
    figure.colorbar(image, ax=list(panels), label="share of the true class (%)", shrink=0.7, pad=0.02)
    return figure


def shots_figure(part: pd.DataFrame, labels: Sequence[str], level: float) -> Figure:
    """Draw the recall of classes with many, medium and few training images, a group that is empty left out."""
    rows = part[part["level"].eq(level)].set_index("label").reindex(list(labels))
    groups = [name for name in ("many", "medium", "few") if rows[name].notna().any()]
    figure = new_figure(6.4, 3.0)
    axes = figure.subplots()
    width = 0.8 / len(labels)
    hatches = ("", "///", "...", "xxx", "\\\\\\", "++", "")
    for place, (label, row) in enumerate(rows.iterrows()):
        x = np.arange(len(groups)) + (place - (len(labels) - 1) / 2) * width
        bars: dict[str, Any] = {
            "color": look(str(row["family"])).colour,
            "hatch": hatches[place % 7],
            "edgecolor": "white",
            "lw": 0.4,
        }
        error = [row[f"{name}_sd"] * 100 for name in groups]
        axes.bar(
            x, [row[name] * 100 for name in groups], width, yerr=error, error_kw={"lw": 0.7}, label=str(label), **bars
        )
    titles = {"many": "many (> 100)", "medium": "medium (20-100)", "few": "few (< 20)"}
    axes.set_xticks(range(len(groups)), [titles[name] for name in groups])
    axes.set_xlabel("classes by training images")
    axes.set_ylabel("Mean recall and sd (%)")
    axes.set_ylim(0, 100)
    figure.legend(loc="outside right center")
    return figure


def _rows(frame: pd.DataFrame, labels: Sequence[str], level: float) -> pd.DataFrame:
    return frame[frame["label"].isin(labels) & frame["level"].eq(level) & frame["status"].eq("done")]


def _each(rows: pd.DataFrame, labels: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    present = set(rows["label"])
    return [(label, rows[rows["label"].eq(label)]) for label in labels if label in present]


def _cell_numbers(axes: Axes, values: np.ndarray, size: float = 7, least: float = 0) -> None:
    for (i, j), value in np.ndenumerate(values):
        if value < least:
            continue
        colour = "white" if value > 55 else "black"
        axes.text(j, i, f"{value:.0f}", ha="center", va="center", fontsize=size, color=colour)
