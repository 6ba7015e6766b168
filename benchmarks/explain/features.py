"""Figure: the features that enter each method's classifier, projected to two dimensions."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.report.data.words import method_title
from benchmarks.report.figures.style import new_figure
from methods import Images, Method, NetworkMethod
from methods.ensemble.members import Ensemble

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "^", "s", "D", "v", "P", "X")
PANEL = 2.0
"""Side of a panel in inches."""


@dataclass(frozen=True)
class Cloud:
    """One method's features in two dimensions.

    Attributes:
        label: display name.
        train: (N, 2).
        train_labels: (N,).
        test: (M, 2).
        test_labels: (M,).
        variance: share of the test features' variance along each of the two axes.
        accuracy: on the test images.
    """

    label: str
    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    variance: tuple[float, float]
    accuracy: float


def method_features(method: Method, images: Images) -> np.ndarray:
    """Return the (N, D) features that enter a method's classifier; those of an ensemble's members side by side."""
    if isinstance(method, Ensemble):
        return np.concatenate([method_features(member, images) for member in method.trained()], 1)
    assert isinstance(method, NetworkMethod)
    return method.features(images).to(torch.float64).numpy()


def project(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Project features on two principal components of the test features.

    The test set is class-balanced: the axes are not those of the majority alone, as the training subset's would be.
    The decomposition is exact, so that the same features always give the same picture.

    Args:
        train: (N, D).
        test: (M, D).

    Returns:
        (N, 2) and (M, 2), and the share of the test features' variance along each axis.
    """
    from sklearn.decomposition import PCA

    pca = PCA(n_components=2, svd_solver="full").fit(test)
    along = pca.explained_variance_ratio_
    return pca.transform(train), pca.transform(test), (float(along[0]), float(along[1]))


def feature_figure(clouds: Sequence[Cloud], class_names: Sequence[str], title: str) -> Figure:
    """Draw one panel a method."""
    across = min(4, len(clouds))
    down = math.ceil(len(clouds) / across)
    width = max(5.6, PANEL * across + 0.3)
    figure = new_figure(width, (PANEL + 0.35) * down + 0.8)
    grid = figure.subplots(down, across, squeeze=False)
    for axes in grid.flat[len(clouds) :]:
        axes.set_visible(False)
    for axes, cloud in zip(grid.flat, clouds, strict=False):
        _draw(axes, cloud)
    figure.suptitle(textwrap.fill(title, int(13 * width)), x=0.01, ha="left", fontsize=9)
    figure.legend(handles=_handles(clouds[0], class_names), loc="outside lower left", ncols=4)
    return figure


def _draw(axes: Axes, cloud: Cloud) -> None:
    # the majority's points are many: whatever is rare is drawn over them
    for label in np.argsort(-np.bincount(cloud.train_labels), kind="stable"):
        colour, marker = look(int(label))
        train, test = cloud.train[cloud.train_labels == label], cloud.test[cloud.test_labels == label]
        (x, y), (u, v) = train.T, test.T
        axes.scatter(x, y, 13, marker=marker, facecolors="none", edgecolors=colour, linewidths=0.6, alpha=0.6)
        axes.scatter(u, v, 13, marker=marker, color=colour, edgecolors="white", linewidths=0.4)
    axes.set(xticks=[], yticks=[])
    axes.set_title(f"{method_title(cloud.label)}\ntest accuracy {100 * cloud.accuracy:.1f} %", fontsize=8)
    axes.set_xlabel(f"component 1 ({100 * cloud.variance[0]:.0f} %)")
    axes.set_ylabel(f"component 2 ({100 * cloud.variance[1]:.0f} %)")


def look(label: int) -> tuple[str, str]:
    """Return colour and marker of a class; pairs repeat after 49."""
    lap = label // len(COLOURS)
    return COLOURS[label % len(COLOURS)], MARKERS[(label + lap) % len(MARKERS)]


def _handles(cloud: Cloud, class_names: Sequence[str]) -> list[Line2D]:
    handles = []
    for label, name in enumerate(class_names):
        colour, marker = look(label)
        counts = [int((labels == label).sum()) for labels in (cloud.train_labels, cloud.test_labels)]
        hollow = {"markerfacecolor": "none", "markeredgecolor": colour}
        handles.append(_handle(marker, f"{name}, train ({counts[0]})", hollow))
        handles.append(_handle(marker, f"{name}, test ({counts[1]})", {"color": colour}))
    return handles


def _handle(marker: str, label: str, colours: dict[str, str]) -> Line2D:
    return Line2D([], [], linestyle="none", marker=marker, label=label, **colours)  # type: ignore[arg-type]
