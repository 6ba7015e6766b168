"""Balanced logistic regression with scores of images that it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from methods.decomposition import svd
from methods.one_class.base import folds_of_groups
from methods.proposed.fusion.views import Array, Rows

C = 0.01
"""scikit-learn's inverse of the penalty, features standardised."""
FOLDS = 5
UNSEEN = -20.0
"""Score of a class without images."""


class Logistic:
    """L2 logistic regression, classes weighing alike; no gradient step of this suite is taken."""

    def __init__(self, x: Array, labels: Rows, classes: int) -> None:
        """Fit to (N, D) features and (N,) labels of `classes` classes, two of them with images at least."""
        # the weights lie in the span of the rows: in coordinates of that span they are the same, and sooner found
        self.basis = svd(x)[2].T
        self.rows, self.labels, self.classes = x @ self.basis, labels, classes
        self.model = self._fitted(np.arange(len(labels)))

    def predict(self, x: Array) -> Array:
        """Return (M, C) scores."""
        return self._scores(self.model, x @ self.basis)

    def held_out(self, groups: Rows) -> Array:
        """Return (N, C) scores of images by regressions that have not seen their groups.

        A class's only image is scored by one that has seen it.
        """
        out = self._scores(self.model, self.rows)
        for inside, outside in splits(self.labels, groups):
            out[outside] = self._scores(self._fitted(inside), self.rows[outside])
        return out

    def _fitted(self, rows: Rows) -> Any:
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=C, class_weight="balanced", max_iter=1000)
        return model.fit(self.rows[rows], self.labels[rows])

    def _scores(self, model: Any, rows: Array) -> Array:
        decided = model.decision_function(rows)
        if decided.ndim == 1:
            decided = np.stack([-decided, decided], 1) / 2
        out = np.full((len(rows), self.classes), UNSEEN)
        out[:, model.classes_] = decided
        return out


def splits(labels: Rows, groups: Rows) -> list[tuple[Rows, Rows]]:
    """Return rows inside and outside of each fold of whole groups; every class stays inside of each.

    The images of a class that a fold would take whole are held out in parts, their group-mates staying.
    """
    everything, found = np.arange(len(labels)), []
    seen = np.zeros(len(labels), dtype=bool)
    for part in folds_of_groups(torch.from_numpy(groups), FOLDS):
        out = np.zeros(len(labels), dtype=bool)
        out[part.numpy()] = True
        out &= np.isin(labels, labels[~out])
        seen |= out
        found.append((everything[~out], everything[out]))
    for label in np.unique(labels):
        own = everything[(labels == label) & ~seen]
        if len(own) and (labels == label).sum() > 1:
            found += [(np.setdiff1d(everything, part), part) for part in np.array_split(own, min(FOLDS, len(own)))]
    return [(inside, outside) for inside, outside in found if len(outside)]
