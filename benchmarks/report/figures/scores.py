"""Curves from the stored scores: precision against recall of the rarest class, and reliability."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve

from benchmarks.records.store import Damaged, Store
from benchmarks.report.data.names import level_name
from benchmarks.report.figures.names import SHORT, name, wrapped
from benchmarks.report.figures.style import Layout, below, look_of, new_figure

BINS = 10
MIN_IN_BIN = 5
"""A share over fewer images says nothing; such bins are not drawn."""


def score_figure(
    folders: Sequence[Path], frame: pd.DataFrame, labels: Sequence[str], level: float, layout: Layout | None = None
) -> Figure | None:
    """Draw both panels for some methods at one level, one seed; None where no scores are stored."""
    rows = frame[frame["label"].isin(labels) & frame["level"].eq(level) & frame["status"].eq("done")]
    rows = rows[rows["seed"].eq(rows["seed"].min())].set_index("label")
    found = {label: scores for label in labels if label in rows.index if (scores := _scores(folders, rows, label))}
    if not found:
        return None
    layout = layout or Layout()
    legend = 0.15 + 0.27 * -(-len(found) // (2 * layout.columns))
    figure = new_figure(layout.width, (4.6 if layout.columns == 1 else 2.6) + legend)
    left, right = figure.subplots(3 - layout.columns, layout.columns)
    first = rows.iloc[0]
    rarest = int(np.argmin(first["counts"]))
    for place, (label, (probability, truth)) in enumerate(found.items()):
        family = str(rows.loc[label, "family"])
        # markers for readers without colours, not all in one place
        _precision_recall(left, probability[:, rarest], truth == rarest, label, family, (0.02 + 0.025 * place, 0.3))
        _reliability(right, probability, truth, label, family)
    _finish(left, right, wrapped(str(first["class_names"][rarest]), 20, 1))
    below(figure, right, layout, f"One seed at {level_name(str(first['protocol']), level)}:")
    return figure


def _scores(folders: Sequence[Path], rows: pd.DataFrame, label: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return probabilities and true classes of the test images, or nothing where they were not kept or are damaged."""
    cell_id = str(rows.loc[label, "id"])
    store = next((store for store in map(Store, folders) if (store.scores / f"{cell_id}.npz").exists()), None)
    try:
        stored = None if store is None else store.read_scores(cell_id, str(rows.loc[label, "scores_digest"]))
    except Damaged:  # the report says so once, see `benchmarks.report.rescore.split`
        return None
    if stored is None or stored["logits"].shape[1] != len(rows["counts"].to_dict()[label]):
        return None
    return softmax(stored["logits"].astype(np.float64), axis=1), stored["labels"]


def _precision_recall(
    axes: Axes, score: np.ndarray, positive: np.ndarray, label: str, family: str, marked: tuple[float, float]
) -> None:
    precision, recall, _ = precision_recall_curve(positive, score)
    shown = look_of(label, family)
    # between two thresholds there is nothing: a straight line would promise what no threshold gives
    style: dict[str, Any] = {"color": shown.colour, "ls": shown.dashes, "lw": 1.2, "drawstyle": "steps-post"}
    axes.plot(recall * 100, precision * 100, marker=shown.marker, ms=3, markevery=marked, **style)


def _reliability(axes: Axes, probability: np.ndarray, truth: np.ndarray, label: str, family: str) -> None:
    confidence = probability.max(axis=1)
    correct = probability.argmax(axis=1) == truth
    confidence = np.clip(confidence, 0, 1)
    share, mean = calibration_curve(correct, confidence, n_bins=BINS)
    edges = np.linspace(0, 1, BINS + 1)
    # scikit-learn leaves out empty bins and puts a score on an edge into the lower bin; count the same way.
    counts = np.bincount(np.searchsorted(edges[1:-1], confidence), minlength=BINS)
    whole = counts[counts > 0] >= MIN_IN_BIN
    share, mean, shown = share[whole], mean[whole], look_of(label, family)
    axes.plot(
        mean * 100,
        share * 100,
        color=shown.colour,
        marker=shown.marker,
        ls=shown.dashes,
        lw=1.2,
        label=name(label, SHORT),
    )


def _finish(left: Axes, right: Axes, rarest: str) -> None:
    left.set(xlabel=f"Recall of {rarest} (%)", ylabel=f"Precision of {rarest} (%)", xlim=(0, 101), ylim=(0, 102))
    right.plot([0, 100], [0, 100], color="#888888", lw=0.8, ls=":")
    right.set(xlabel="Confidence (%)", ylabel="Correct (%)", xlim=(0, 101), ylim=(0, 102))
    for axes in (left, right):
        axes.grid(True)
