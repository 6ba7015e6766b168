"""What seeds share: test images that several of them judge make their scores alike, which no spread of seeds shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.records.store import Damaged, Store

METRICS = ("accuracy", "balanced_accuracy")
"""Means over test images; of other metrics nothing is known here."""
OWN = "others for each seed"
ONE = "of one seed"
SHARED = "shared by seeds, counted"
UNKNOWN = "not known whether seeds share them (no scores, or the metric is no mean over images)"
Cell = tuple[str, str, str]
"""Folder, id, and digest of the scores; with it, no record has to be read again."""
Terms = Mapping[int, Sequence[tuple[Cell, float]]]
"""By seed: the cells whose results, times these weights, add to the seed's score."""


@dataclass(frozen=True)
class Shared:
    """What two seeds' scores share, on average over the pairs of seeds; of one seed, what its test images leave open.

    Attributes:
        covariance: of the scores, through test images that both judge, in squared stored units; not below 0.
        uncertainty: variance of this estimate.
        case: `OWN`, `ONE`, `SHARED` or `UNKNOWN`.
    """

    covariance: float = 0.0
    uncertainty: float = 0.0
    case: str = UNKNOWN


class TestImages:
    """The test images of cells, read where seeds share them, each cell once."""

    __test__ = False  # no test class for pytest

    def __init__(self, metric: str = "accuracy") -> None:
        self.metric = metric
        self._known: dict[Cell, tuple[np.ndarray, np.ndarray] | None] = {}

    def shared(self, terms: Terms) -> Shared:
        """Return what the seeds share; a cell without usable scores leaves it unknown."""
        if self.metric not in METRICS or not terms or not all(terms.values()):
            return Shared()
        firsts = [self._judged(cells[0][0]) for cells in terms.values()]
        images = [first[0] for first in firsts if first is not None]
        if len(images) < len(firsts):
            return Shared()
        # one cell a seed says what it tests: where nothing is shared, no other is read
        if len(images) > 1 and len(np.unique(np.concatenate(images))) == sum(map(len, images)):
            return Shared(case=OWN)
        rows, columns, values = [], [], []
        for row, cells in enumerate(terms.values()):
            for cell, weight in cells:
                found = self._judged(cell)
                if found is None:
                    return Shared()
                rows.append(np.full(len(found[0]), row))
                columns.append(found[0])
                values.append(weight * found[1])
        names, place = np.unique(np.concatenate(columns), return_inverse=True)
        parts = np.zeros((len(terms), len(names)))
        np.add.at(parts, (np.concatenate(rows), place), np.concatenate(values))
        return covariance(parts)

    def _judged(self, cell: Cell) -> tuple[np.ndarray, np.ndarray] | None:
        if cell not in self._known:
            try:
                folder, name, digest = cell
                scores = Store(Path(folder)).read_scores(name, digest)
                self._known[cell] = scores["indices"], deviations(scores["logits"], scores["labels"], self.metric)
            except Damaged:  # or none were kept; the report names damaged ones where it judges them again
                self._known[cell] = None
        return self._known[cell]


def deviations(logits: np.ndarray, labels: np.ndarray, metric: str = "accuracy") -> np.ndarray:
    """Return what each test image adds to a cell's score, less the mean of its class, (M,).

    Weights are 1 / images, or for balanced accuracy 1 / (classes x images of the class); scaled by n / (n - 1) of the
    class, under the root, so that the sum of squares is an unbiased variance of the score over test images.
    """
    right = (logits.argmax(1) == labels).astype(float)
    sizes = np.bincount(labels).astype(float)
    means = np.bincount(labels, right) / np.maximum(sizes, 1)
    each = sizes[labels]
    weights = (
        1 / (np.count_nonzero(sizes) * each) if metric == "balanced_accuracy" else np.full(len(labels), 1 / len(labels))
    )
    return np.asarray(weights * (right - means[labels]) * np.sqrt(each / np.maximum(each - 1, 1)))


def covariance(parts: np.ndarray) -> Shared:
    """Return what seeds share, from what each image adds to each seed's score, (seeds, images); 0 where not judged."""
    seeds, images = parts.shape
    if seeds == 1:
        return Shared(float((parts**2).sum()), images * float(np.var(parts**2)), ONE)
    products = (parts.sum(0) ** 2 - (parts**2).sum(0)) / (seeds * (seeds - 1))
    return Shared(max(float(products.sum()), 0.0), images * float(np.var(products)), SHARED)
