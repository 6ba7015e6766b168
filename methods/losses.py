"""Losses, as small callables `(logits (B, C), targets (B,)) -> scalar`.

Two conventions of weighted losses exist: division by the sum of the weights in the batch (torch), and by the batch size
(Cui et al. 2019's code). Here it is the batch size everywhere (`reduction="mean"` of the weighted terms), so that a
batch of one keeps its weight.

All are computed in float32, whatever the precision of the logits, from logarithms, so that neither a value nor a
gradient overflows at large logits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class WeightedCrossEntropy:
    """Sum of w_y CE over the batch, divided by the batch size.

    Attributes:
        weights: (C,) float class weights.
    """

    weights: Tensor

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar loss."""
        return (self.weights.float()[targets] * cross_entropies(logits, targets)).mean()


@dataclass(frozen=True)
class FocalLoss:
    """(1 - p_y)^gamma CE, p_y from the unweighted cross-entropy (Lin et al. 2017).

    Attributes:
        gamma: focus.
        weights: (C,) float class weights, or None; they scale the terms and leave p_y alone.
    """

    gamma: float
    weights: Tensor | None = None

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar loss."""
        terms = cross_entropies(logits, targets)
        miss = -torch.expm1(-terms)
        # pow(0, gamma < 1) has an infinite slope: a certain image contributes nothing, and so must its gradient
        terms = miss.clamp(min=1e-12).pow(self.gamma) * terms
        return (terms if self.weights is None else self.weights.float()[targets] * terms).mean()


@dataclass(frozen=True)
class SigmoidFocalLoss:
    """Focal loss of C binary problems, summed over classes and divided by the batch size (Cui et al. 2019).

    For class c, t = 1[c = y] and s = sigmoid(z_c): w_y (t ? 1 - s : s)^gamma BCE(z_c, t).

    Attributes:
        gamma: focus.
        weights: (C,) float class weights.
    """

    gamma: float
    weights: Tensor

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar loss."""
        signed = logits.float() * (1 - 2 * F.one_hot(targets, logits.shape[1]).float())
        # signed = -z for the true class and z for the others: BCE is softplus(signed), the miss sigmoid(signed)
        terms = torch.exp(self.gamma * F.logsigmoid(signed)) * F.softplus(signed)
        return (self.weights.float()[targets] * terms.sum(1)).mean()


@dataclass(frozen=True)
class AdjustedCrossEntropy:
    """CE(scale z + offset).

    Attributes:
        offset: (C,) float, added to the logits of the classes.
        scale: (C,) float, or a number.
    """

    offset: Tensor | float = 0.0
    scale: Tensor | float = 1.0

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar loss."""
        z = logits.float()
        return F.cross_entropy(z * _like(self.scale, z) + _like(self.offset, z), targets)


@dataclass(frozen=True)
class MarginLoss:
    """w_y CE(s (z - m_y onehot(y))), divided by the batch size (LDAM, Cao et al. 2019).

    Attributes:
        margins: (C,) float m.
        scale: s.
        weights: (C,) float class weights, or None.
    """

    margins: Tensor
    scale: float
    weights: Tensor | None = None

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar loss."""
        margin = F.one_hot(targets, logits.shape[1]) * self.margins.float()[targets][:, None]
        terms = cross_entropies(self.scale * (logits.float() - margin), targets)
        return (terms if self.weights is None else self.weights.float()[targets] * terms).mean()


@dataclass(frozen=True)
class SmoothedCrossEntropy:
    """(1 - e_y) CE - e_y mean_c log p_c (label-aware smoothing, Zhong et al. 2021).

    Attributes:
        smoothing: (C,) float e.
    """

    smoothing: Tensor

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar loss."""
        log_p = F.log_softmax(logits.float(), 1)
        smoothing = self.smoothing.float()[targets]
        return ((smoothing - 1) * log_p.gather(1, targets[:, None])[:, 0] - smoothing * log_p.mean(1)).mean()


@dataclass(frozen=True)
class InfluenceBalancedLoss:
    """w_y CE alpha / (|p - onehot(y)|_1 |h|_1 + 1e-3) (Park et al. 2021), h the features entering the classifier.

    As in the authors' code, the gradient passes through the divisor too.

    Attributes:
        alpha: scale of the weights.
        weights: (C,) float class weights.
    """

    alpha: float
    weights: Tensor

    def __call__(self, logits: Tensor, targets: Tensor, features: Tensor) -> Tensor:
        """Return the scalar loss."""
        p = F.softmax(logits.float(), 1)
        influence = (p - F.one_hot(targets, p.shape[1])).abs().sum(1) * features.float().abs().sum(1)
        terms = self.weights.float()[targets] * cross_entropies(logits, targets)
        return (terms * (self.alpha / (influence + 1e-3))).mean()


@dataclass(frozen=True)
class DiverseExpertsLoss:
    """Sum over experts of CE(z + offset) (Zhang et al. 2022).

    Attributes:
        offsets: (E, C) float, added to the experts' logits.
    """

    offsets: Tensor

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar loss of (E, B, C) logits."""
        shifted = logits.float() + self.offsets.to(torch.float32)[:, None]
        return sum((F.cross_entropy(z, targets) for z in shifted), shifted.new_zeros(()))


def dot_regression(cosines: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of 1/2 (w_y.h - 1)^2 (Yang et al. 2022), from (B, C) cosines w_c.h."""
    return 0.5 * (cosines.float().gather(1, targets[:, None]) - 1).square().mean()


def _like(value: Tensor | float, logits: Tensor) -> Tensor | float:
    """Return a tensor in the logits' precision: class probabilities come in float64, which GPUs are slow at."""
    return value.to(logits) if isinstance(value, Tensor) else value


def cross_entropies(logits: Tensor, targets: Tensor) -> Tensor:
    """Return (B,) cross-entropies in float32."""
    return F.cross_entropy(logits.float(), targets, reduction="none")


def present(counts: Tensor) -> Tensor:
    """Return (C,) float counts; a class without images counts as one with a single image, so that all stays finite."""
    return counts.float().clamp(min=1)


def inverse_weights(counts: Tensor, gamma: float) -> Tensor:
    """Return (C,) weights (n_min / n_c)^gamma."""
    n = present(counts)
    return (n.min() / n) ** gamma


def class_balanced_weights(counts: Tensor, beta: float) -> Tensor:
    """Return (C,) weights (1 - beta) / (1 - beta^n_c), scaled to sum to C; all ones for beta = 0."""
    # beta^n_c is near 1 for small classes; in float32, 1 - beta^n_c would lose what expm1 keeps
    log_beta = math.log(beta) if beta else -math.inf
    weights = -1 / torch.expm1(present(counts) * log_beta)
    return weights * (len(weights) / weights.sum())


def ldam_margins(counts: Tensor, largest: float) -> Tensor:
    """Return (C,) margins n_c^(-1/4), scaled so that their maximum is `largest`."""
    margins = present(counts) ** -0.25
    return margins * (largest / margins.max())


def label_aware_smoothing(counts: Tensor, head: float, tail: float) -> Tensor:
    """Return (C,) e_c = tail + (head - tail) sin(pi/2 (n_c - n_min) / (n_max - n_min)); tail where all are alike."""
    n = present(counts)
    place = (n - n.min()) / (n.max() - n.min()).clamp(min=1)
    return tail + (head - tail) * torch.sin(place * (torch.pi / 2))


def log_prior(counts: Tensor) -> Tensor:
    """Return (C,) log pi_c; a class without images counts as one with half an image, so that it stays finite."""
    n = counts.float().clamp(min=0.5)
    return (n / n.sum()).log()


def reversed_ranks(values: Tensor) -> Tensor:
    """Return (C,) values in which each class has that of the class at the opposite rank."""
    order = torch.argsort(values, stable=True)
    return torch.empty_like(values).index_copy(0, order, values[order.flip(0)])
