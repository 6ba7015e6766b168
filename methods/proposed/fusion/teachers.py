"""What learns from the few minority images: ridge regressions, held out in closed form, and a logistic regression."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from methods.proposed.fusion.logistic import Logistic
from methods.proposed.fusion.views import Array, Rows

LANDMARKS = 1500
"""Training images beyond which kernels are approximated from so many (Nystrom)."""


class Kind(NamedTuple):
    """One teacher: its blocks of features, its kernel, and the penalty relative to the kernel's mean eigenvalue."""

    blocks: Literal["pooled", "whole", "both"]
    kernel: Literal["linear", "gaussian"]
    penalty: float


KINDS = (
    Kind("whole", "linear", 0.3),
    Kind("whole", "linear", 1.0),
    Kind("both", "linear", 0.3),
    Kind("both", "linear", 1.0),
    Kind("both", "gaussian", 0.3),
    Kind("pooled", "linear", 1.0),
)

POOLED = np.array([*(kind.blocks == "pooled" for kind in KINDS), True])
"""Which teachers know no more than the heads of other methods do, mean and maximum: the last of these is logistic."""
HALF = 3
"""Minority images at which those have half of the most they can weigh."""


def weights(number: int, share: float) -> Array:
    """Return (T,) the teachers' weights, of sum 1, for a class of `number` images.

    With many images what is strange tells less than what is learnt: the POOLED weigh share x number / (number + HALF)
    together.
    """
    part = share * number / (number + HALF)
    return np.asarray(np.where(POOLED, part / POOLED.sum(), (1 - part) / (~POOLED).sum()))


class Ridge:
    """Weighted kernel ridge regression of one-hot labels, its bias free."""

    def __init__(self, kernel: Array, targets: Array, weights: Array, penalty: float) -> None:
        """Fit to the (N, N) kernel, (N, C) targets and (N,) positive weights."""
        self.share = weights / weights.sum()
        self.row_means, self.root = kernel @ self.share, np.sqrt(weights / weights.mean())
        values, self.vectors = np.linalg.eigh(self.root[:, None] * self._centred(kernel) * self.root)
        values = values.clip(min=0)
        penalty *= max(values.mean(), 1e-12)
        self.bias, self.targets = self.share @ targets, targets
        rest = self.root[:, None] * (targets - self.bias)
        turned = self.vectors.T @ rest
        self.shrink = values / (values + penalty)
        self.residual = rest - (self.vectors * self.shrink) @ turned
        self.dual = self.root[:, None] * (self.vectors @ (turned / (values + penalty)[:, None]))

    def held_out(self, groups: Rows) -> Array:
        """Return (N, C) scores of each image without its group: y - (I - H)^-1 r over the group.

        A class whose images are all of one group would be unknown without it: they are held out one by one.
        """
        unit = self.root / np.linalg.norm(self.root)
        leverage = (self.vectors**2) @ self.shrink + unit**2
        alone = self.targets - self.residual / (1 - leverage).clip(1e-3)[:, None] / self.root[:, None]
        out = alone.copy()
        for rows in (np.flatnonzero(groups == group) for group in np.unique(groups)):
            if 1 < len(rows) < len(groups):
                hat = (self.vectors[rows] * self.shrink) @ self.vectors[rows].T + np.outer(unit[rows], unit[rows])
                left = np.linalg.solve((1 + 1e-6) * np.eye(len(rows)) - hat, self.residual[rows])
                out[rows] = self.targets[rows] - left / self.root[rows][:, None]
        for own in (self.targets[:, c] > 0 for c in range(self.targets.shape[1])):
            if own.any() and len(np.unique(groups[own])) < 2:
                out[own] = alone[own]
        return np.asarray(out)

    def predict(self, kernel: Array) -> Array:
        """Return (M, C) scores for the (M, N) kernel between new images and training images."""
        return np.asarray(self._centred(kernel) @ self.dual + self.bias)

    def _centred(self, kernel: Array) -> Array:
        """Return a kernel of features less their weighted mean."""
        means = (kernel @ self.share)[:, None]
        return np.asarray(kernel - means - self.row_means[None] + self.share @ self.row_means)


class Standard:
    """Mean 0, variance 1, over the square root of the number of features: every block weighs the same."""

    def __init__(self, x: Array) -> None:
        self.mean = x.mean(0)
        self.spread = (x.std(0) + 1e-3 * x.std() + 1e-8) * np.sqrt(x.shape[1])

    def __call__(self, x: Array) -> Array:
        """Return (N, D) features on that scale."""
        return np.asarray((x - self.mean) / self.spread)


class Teachers:
    """The regressions of KINDS and a logistic one, on the whole image's features and those of its strangest cells."""

    def __init__(self, whole: Array, parts: list[Array], labels: Rows, counts: Rows, seed: int) -> None:
        """Fit to N training images.

        Args:
            whole: (N, 3 F) features of the whole image, F each of mean, maximum and standard deviation.
            parts: (N, D) features of its strangest cells, for each number of them.
            labels: (N,).
            counts: (C,) images of each class.
            seed: of the landmarks.
        """
        rng = np.random.default_rng(seed)
        self.standards = [Standard(_pooled(whole)), Standard(whole), *map(Standard, parts)]
        self.anchors = self._features(whole, parts)
        weights = 1 / counts[labels]
        n = len(labels)
        self.landmarks = None
        if n > LANDMARKS:
            self.landmarks = rng.choice(n, LANDMARKS, replace=False, p=weights / weights.sum())
        some = self.anchors["both"][rng.permutation(n)[:500]]
        apart = _squares(some, some)[np.triu_indices(len(some), 1)]
        self.bandwidth = float(np.median(apart)) + 1e-12 if len(apart) else 1.0
        targets = np.eye(len(counts))[labels]
        self.ridges = [
            Ridge(
                self._kernel(self.anchors[kind.blocks], kind),
                targets,
                weights if kind.kernel == "linear" else np.ones(n),
                kind.penalty,
            )
            for kind in KINDS
        ]
        self.logistic = Logistic(_unit(self.anchors["pooled"]), labels, len(counts))

    def held_out(self, groups: Rows) -> list[Array]:
        """Return each teacher's (N, C) scores of the training images, without their groups."""
        return [*(ridge.held_out(groups) for ridge in self.ridges), self.logistic.held_out(groups)]

    def predict(self, whole: Array, parts: list[Array]) -> list[Array]:
        """Return each teacher's (M, C) scores."""
        features = self._features(whole, parts)
        pairs = zip(self.ridges, KINDS, strict=True)
        scores = [ridge.predict(self._kernel(features[kind.blocks], kind)) for ridge, kind in pairs]
        return [*scores, self.logistic.predict(_unit(features["pooled"]))]

    def _features(self, whole: Array, parts: list[Array]) -> dict[str, Array]:
        pooled, a, *b = (
            standard(x) for standard, x in zip(self.standards, [_pooled(whole), whole, *parts], strict=True)
        )
        both = np.concatenate([a / np.sqrt(2), *(x / np.sqrt(2 * len(b)) for x in b)], 1)
        return {"pooled": pooled, "whole": a, "both": both}

    def _kernel(self, a: Array, kind: Kind) -> Array:
        """Return the kernel between features (M, F) and the training images."""
        b = self.anchors[kind.blocks]
        if self.landmarks is None:
            return self._raw(a, b, kind)
        c = b[self.landmarks]
        inner = self._raw(c, c, kind)
        inner[np.diag_indices_from(inner)] += 1e-6 * inner.trace() / len(inner)
        return np.asarray(self._raw(a, c, kind) @ np.linalg.solve(inner, self._raw(c, b, kind)))

    def _raw(self, a: Array, b: Array, kind: Kind) -> Array:
        return np.asarray(a @ b.T if kind.kernel == "linear" else np.exp(-_squares(a, b) / self.bandwidth))


def _squares(a: Array, b: Array) -> Array:
    return np.asarray(((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T).clip(min=0))


def _pooled(whole: Array) -> Array:
    """Return the means and maxima."""
    return whole[:, : 2 * whole.shape[1] // 3]


def _unit(x: Array) -> Array:
    """Return features of variance 1, of those of a Standard."""
    return np.asarray(x * np.sqrt(x.shape[1]))
