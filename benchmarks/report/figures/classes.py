"""What happens to each class at the hardest level: recall, confusion, many / medium / few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.data.names import level_name
from benchmarks.report.figures.names import SHORT, heads, name, wrapped
from benchmarks.report.figures.style import Layout, below, cell_texts, look_of, new_figure

FEW_CLASSES = 4
"""Up to so many classes, numbers stand in the cells of a confusion matrix."""
NAMED = 7
"""Up to so many classes are named, over one column of a paper."""
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++", "---", "|||", "oo", "**")


def recall_figure(frame: pd.DataFrame, labels: Sequence[str], level: float, layout: Layout | None = None) -> Figure:
    """Draw the recall of every class (mean over seeds), classes in order of their training images."""
    layout = layout or Layout()
    rows = _rows(frame, labels, level)
    names, counts = rows["class_names"].iloc[0], np.asarray(rows["counts"].iloc[0])
    order = np.argsort(-counts, kind="stable")
    recall = np.stack([np.mean(np.stack(group["recall"].to_list()), axis=0)[order] for _, group in _each(rows, labels)])
    present = [name(label) for label, _ in _each(rows, labels)]
    wide = len(order) > NAMED * layout.columns
    figure = new_figure(layout.width, 2.3 + 0.24 * len(present))
    axes = figure.subplots()
    image = axes.imshow(recall * 100, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    axes.set_yticks(range(len(present)), present)
    if wide:
        axes.set_xlabel(f"Classes, from {counts.max()} to {counts.min()}\ntraining images")
    else:
        # names of methods stand left of the cells
        inches = (layout.width - 1.5) / len(order)
        shown, turned = heads([f"{wrapped(str(names[i]), 14, 1)} ({counts[i]})" for i in order], inches)
        axes.set_xticks(range(len(order)), shown, rotation=turned)
        axes.set_xlabel("Class (training images)")
        cell_texts(axes, image, _rounded(recall * 100))
    axes.tick_params(length=0)
    figure.colorbar(image, ax=axes, label=f"Recall (%), {_at(rows)}", location="bottom", aspect=30, fraction=0.05)
    return figure


def confusion_figure(frame: pd.DataFrame, labels: Sequence[str], level: float, layout: Layout | None = None) -> Figure:
    """Draw confusion matrices side by side: shares of each true class, summed over seeds."""
    layout = layout or Layout()
    rows = _rows(frame, labels, level)
    each, names = _each(rows, labels), [wrapped(str(text), 12, 1) for text in rows["class_names"].iloc[0]]
    columns = _beside(len(each), layout.columns)
    lines = -(-len(each) // columns)
    # two classes need no square: ten methods of them fit one column of a page
    size = min((layout.width - 0.9) / columns, 1.5, 0.3 + 0.15 * len(names))
    figure = new_figure(layout.width, (size + 0.35) * lines + 1.75)
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, (label, group) in zip(panels, each, strict=False):
        total = np.sum(np.stack(group["confusion"].to_list()), axis=0, dtype=np.int64)
        share = 100 * total / np.maximum(total.sum(axis=1, keepdims=True), 1)
        image = axes.imshow(share, cmap="Blues", vmin=0, vmax=100, aspect="auto")
        axes.set_title(name(label, SHORT))
        axes.tick_params(length=0)
        if len(names) <= NAMED:
            axes.set_xticks(range(len(names)), names, rotation=90)
            axes.set_yticks(range(len(names)), names)
        else:
            axes.set(xticks=[], yticks=[])
        if len(names) <= FEW_CLASSES:
            cell_texts(axes, image, _rounded(share))
    for axes in panels[len(each) :]:
        axes.set_visible(False)
    for axes in panels[(lines - 1) * columns : len(each)]:
        axes.set_xlabel("Predicted")
    for axes in panels[max(0, len(each) - columns) : (lines - 1) * columns]:
        _hang(axes, names if len(names) <= NAMED else [])
    for axes in panels[: len(each) : columns]:
        axes.set_ylabel("True")
    label = f"Share of the true class (%),\n{_at(rows)}"  # one panel alone is narrow
    figure.colorbar(image, ax=list(panels), label=label, location="bottom", aspect=30, fraction=0.04)
    return figure


def _beside(panels: int, columns: int) -> int:
    """Return how many panels stand in a row, over one or two columns of a paper: few places stay empty."""
    if columns == 1 or panels <= 5:
        return min(2 if columns == 1 else 5, panels)
    return min((5, 4), key=lambda each: -panels % each)


def _hang(axes: Axes, names: Sequence[str]) -> None:
    """Write the predicted classes, if named, into the empty place below a panel, which needs no room for them."""
    style: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "top", "in_layout": False}
    for place, text in enumerate(names):
        axes.annotate(text, (place, 0), (0, -4), xycoords=("data", "axes fraction"), rotation=90, **style)
    if not names:
        axes.annotate("Predicted", (0.5, 0), (0, -4), xycoords="axes fraction", **style)


def shots_figure(part: pd.DataFrame, labels: Sequence[str], level: float, layout: Layout | None = None) -> Figure:
    """Draw the recall of classes with many, medium and few training images, a group that is empty left out."""
    layout = layout or Layout()
    rows = part[part["level"].eq(level)].set_index("label").reindex(list(labels))
    groups = [group for group in ("many", "medium", "few") if rows[group].notna().any()]
    figure = new_figure(layout.width, 2.4 + 0.27 * -(-len(rows) // (2 * layout.columns)))
    axes = figure.subplots()
    width = 0.8 / len(labels)
    for place, (label, row) in enumerate(rows.iterrows()):
        x = np.arange(len(groups)) + (place - (len(labels) - 1) / 2) * width
        bars: dict[str, Any] = {
            "color": look_of(str(label), str(row["family"])).colour,
            "hatch": HATCHES[place % len(HATCHES)],
            "edgecolor": "white",
            "lw": 0.4,
        }
        error = [row[f"{group}_sd"] * 100 for group in groups]
        values = [row[group] * 100 for group in groups]
        axes.bar(x, values, width, yerr=error, error_kw={"lw": 0.7}, label=name(str(label), SHORT), **bars)
    titles = {"many": "many\n(> 100)", "medium": "medium\n(20-100)", "few": "few\n(< 20)"}
    axes.set_xticks(range(len(groups)), [titles[group] for group in groups])
    axes.set_xlabel(f"Classes by training images, {_at(rows)}")
    axes.set_ylabel("Mean recall and sd (%)")
    axes.set_ylim(0, 100)
    below(figure, axes, layout)
    return figure


def _rows(frame: pd.DataFrame, labels: Sequence[str], level: float) -> pd.DataFrame:
    return frame[frame["label"].isin(labels) & frame["level"].eq(level) & frame["status"].eq("done")]


def _each(rows: pd.DataFrame, labels: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    present = set(rows["label"])
    return [(label, rows[rows["label"].eq(label)]) for label in labels if label in present]


def _at(rows: pd.DataFrame) -> str:
    """Name the level that all rows are of."""
    return level_name(str(rows["protocol"].iloc[0]), float(rows["level"].iloc[0]))


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.char.mod("%.0f", values)
