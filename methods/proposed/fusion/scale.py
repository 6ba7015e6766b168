"""One scale for all scores: standard deviations of held-out images, and a threshold among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from methods.proposed.fusion.views import Array


@dataclass(frozen=True)
class Prior:
    """What is expected of a class's scores before its images are seen, in standard deviations of the others'.

    Attributes:
        mean: of its scores.
        strength: images that the mean counts for.
        variance: of its scores; it counts for VARIANCE_STRENGTH images.
    """

    mean: float
    strength: float
    variance: float


VARIANCE_STRENGTH = 5
LEAST = 0.3
"""Least distance between the two means: a class never lies below the others."""


@dataclass(frozen=True)
class Scale:
    """Scores in standard deviations of other scores.

    Attributes:
        mean: of the others.
        std: of the others.
    """

    mean: float
    std: float

    @classmethod
    def of(cls, scores: Array, weights: Array | None = None) -> Scale:
        """Take weighted mean and standard deviation of (N,) scores."""
        mean = float(np.average(scores, weights=weights))
        return cls(mean, float(np.sqrt(np.average((scores - mean) ** 2, weights=weights))) + 1e-9)

    def __call__(self, scores: Array) -> Array:
        """Return scores on this scale."""
        return np.asarray((scores - self.mean) / self.std)


@dataclass(frozen=True)
class Logit:
    """Logit of one class against the rest: (z - threshold) x slope."""

    scale: Scale
    threshold: float
    slope: float

    @classmethod
    def between(cls, rest: Array, weights: Array | None, own: Array, prior: Prior) -> Logit:
        """Place the threshold between held-out scores of the rest and of a class's own few images.

        Both are taken as Gaussian, both are as likely; the class's mean and variance are drawn to the prior while its
        images are few; a single one tells nothing. The threshold is where the densities cross, on the class's side.
        """
        scale = Scale.of(rest, weights)
        z = scale(own) if len(own) > 1 else own[:0]
        n = len(z)
        distance = max((z.sum() + prior.strength * prior.mean) / (n + prior.strength), LEAST)
        spread = (n - 1) * z.var() if n else 0.0
        variance = (spread + VARIANCE_STRENGTH * prior.variance) / (max(n - 1, 0) + VARIANCE_STRENGTH)
        at = np.linspace(0, max(distance, 0.5), 201)
        likelier = at**2 - (at - distance) ** 2 / variance - np.log(variance) > 0
        threshold = float(at[likelier.argmax()]) if likelier.any() else distance / 2
        return cls(scale, threshold, float(2 * distance / (1 + variance)))

    def __call__(self, scores: Array) -> Array:
        """Return (M,) logits."""
        return np.asarray((self.scale(scores) - self.threshold) * self.slope)
