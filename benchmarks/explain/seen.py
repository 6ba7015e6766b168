"""Train one cell again, and look into what it has learnt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax

import methods
from benchmarks.explain import cams, scores
from benchmarks.explain.features import Cloud, method_features, project
from benchmarks.explain.panels import Column
from benchmarks.explain.view import View
from benchmarks.grid.cells import Cell
from benchmarks.report.data.names import AS_IN_PAPER
from benchmarks.running import cell as cells
from benchmarks.running.isolation import deterministic
from methods import Images


@dataclass(frozen=True)
class Seen:
    """What one trained cell shows.

    Attributes:
        cell: the cell.
        column: its column of the panels.
        frame: scores, one row for each outlined test image.
        cloud: its features in two dimensions, where asked for.
        logits: (M, C) of all test images.
    """

    cell: Cell
    column: Column
    frame: pd.DataFrame
    cloud: Cloud | None
    logits: np.ndarray


def where(cell: Cell) -> str:
    """Name a cell's point of the grid."""
    footing = "" if cell.comparison == AS_IN_PAPER else f", {cell.comparison}"
    return f"{cell.level}{footing}"


def see(cell: Cell, view: View, cache: Path, device: torch.device, with_features: bool) -> Seen:
    """Train a cell by the code that its record is made by, and explain it.

    Args:
        cell: what to train.
        view: which test images to look at.
        cache: folder of decoded images and maps.
        device: where to train.
        with_features: whether to project the features too.

    Raises:
        Unexplainable: the method has no network with maps that decides.
    """
    cams.check(methods.create(cell.method, **cell.parameters))
    with deterministic(device):
        fitted = cells.fit(cell, cache, device, cells.Clock(), cells.Notes())
        logits = cells.predict(fitted.method, fitted.prepared, fitted.train, fitted.test)
        shown = _maps(fitted, view.shown, view.explained, view.imageset.images.shape[-1], device)
        labels = view.imageset.labels[view.marked]
        marked = _maps(fitted, view.marked, labels, view.masks.shape[-1], device)
        cloud = _cloud(cell, fitted, logits) if with_features else None
    probabilities = softmax(logits.astype(np.float64), axis=1)
    column = Column(cell.label, shown, probabilities[view.places(view.shown)])
    return Seen(cell, column, _frame(cell, view, marked, probabilities), cloud, logits)


def _images(fitted: cells.Fitted, rows: np.ndarray) -> Images:
    """Copy images, normalised as the training images are."""
    images = fitted.prepared.images(rows)
    return Images(images.levels, fitted.train.images.mean, fitted.train.images.std)


def _maps(fitted: cells.Fitted, rows: np.ndarray, classes: np.ndarray, side: int, device: torch.device) -> np.ndarray:
    if not len(rows):
        return np.zeros((0, side, side), np.float32)
    return cams.method_maps(fitted.method, _images(fitted, rows), classes, side, device)


def _frame(cell: Cell, view: View, maps: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    labels, p = view.imageset.labels[view.marked], probabilities[view.places(view.marked)]
    return pd.DataFrame(
        {
            "comparison": cell.comparison,
            "dataset": cell.dataset,
            "protocol": cell.level.protocol,
            "level": cell.level.value,
            "seed": cell.seed,
            "family": cell.family,
            "label": cell.label,
            "image": view.marked,
            "class": np.array(view.imageset.index.class_names)[labels],
            "probability": p[np.arange(len(p)), labels],
            "right": p.argmax(1) == labels,
            "energy": scores.energy(maps, view.masks),
            "pointing": scores.pointing(maps, view.masks),
            "area": scores.area(view.masks),
        }
    )


def _cloud(cell: Cell, fitted: cells.Fitted, logits: np.ndarray) -> Cloud:
    train = method_features(fitted.method, fitted.train.images)
    test = method_features(fitted.method, _images(fitted, fitted.test))
    labels = fitted.prepared.imageset.labels
    train, test, variance = project(train, test)
    accuracy = float((logits.argmax(1) == labels[fitted.test]).mean())
    return Cloud(cell.label, train, labels[fitted.rows], test, labels[fitted.test], variance, accuracy)
