"""Which test images are looked at: the same for every method and ratio of one dataset and seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import datasets
from benchmarks.grid.cells import DataSpec
from benchmarks.grid.rows import split
from datasets import ImageSet, generator


@dataclass(frozen=True)
class View:
    """Test images of one dataset and seed.

    Attributes:
        imageset: the decoded images.
        test: (M,) int64 rows of all test images, ascending.
        shown: (K,) rows of those in the panels.
        explained: (K,) the class whose maps the panels show.
        outlines: (K, H, W) bool masks of those in the panels; None where the dataset has none.
        marked: (N,) rows of all test images with an outline.
        masks: (N, H, W) bool.
    """

    imageset: ImageSet
    test: np.ndarray
    shown: np.ndarray
    explained: np.ndarray
    outlines: np.ndarray | None
    marked: np.ndarray
    masks: np.ndarray

    def places(self, rows: np.ndarray) -> np.ndarray:
        """Return where rows of the dataset stand in the test set."""
        return np.searchsorted(self.test, rows)


def look(spec: DataSpec, seed: int, number: int, cache: Path) -> View:
    """Choose the images.

    Args:
        spec: the dataset.
        seed: of the split.
        number: of images in the panels.
        cache: folder of decoded images.

    Raises:
        UserError: the dataset or an outline cannot be read.
    """
    dataset = datasets.create(spec.name, **spec.settings.parameters)
    imageset = datasets.load(dataset, spec.size, cache)
    test = split(spec, imageset.index, seed).test
    shown = choose(imageset.labels, test, number, spec.name, seed)
    labels = imageset.labels[shown]
    # of two classes the second is the defect or the finding: the panels ask what speaks for it, also where it is absent
    explained = np.ones_like(labels) if len(imageset.index.class_names) == 2 else labels
    masks = dataset.masks(test.tolist(), spec.size)
    if masks is None:
        none = np.zeros((0, spec.size, spec.size), dtype=bool)
        return View(imageset, test, shown, explained, None, test[:0], none)
    has = masks.any((1, 2))
    return View(imageset, test, shown, explained, masks[np.searchsorted(test, shown)], test[has], masks[has])


def choose(labels: np.ndarray, test: np.ndarray, number: int, dataset: str, seed: int) -> np.ndarray:
    """Choose test images for the panels: from each class in turn, the last (rarest) first; then sorted by class.

    Args:
        labels: (L,) of the whole dataset.
        test: (M,) rows.
        number: how many, fewer where the test set has fewer.
        dataset: name; with the seed it decides the draw.
        seed: of the split.

    Returns:
        (K,) rows.
    """
    order = generator("explain", dataset, seed).permutation(test)
    turns = np.empty(len(order), dtype=np.int64)
    for label in np.unique(labels[order]):
        mine = labels[order] == label
        turns[mine] = np.arange(mine.sum())
    chosen = order[np.lexsort((-labels[order], turns))][:number]
    return chosen[np.argsort(-labels[chosen], kind="stable")]
