"""Losses, as small callables `(logits (B, C), targets (B,)) -> scalar`.

Weighted losses divide by the batch size, not by the sum of the weights (`reduction="sum"` of the terms over B), so that
a batch of one keeps its weight.
"""

from __future__ import annotations

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
        return (self.weights.float()[targets] * F.cross_entropy(logits.float(), targets, reduction="none")).mean()


@dataclass(frozen=True)
class FocalLoss:
    """(1 - p_y)^gamma CE, p_y from the unweighted cross-entropy (Lin et al. 2017).

    Computed from log p_y, so that neither a loss nor a gradient overflows at large logits.
    """

    gamma: float

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar loss."""
        log_p = -F.cross_entropy(logits.float(), targets, reduction="none")
        miss = -torch.expm1(log_p)
        # pow(0, gamma < 1) has an infinite slope: a certain image contributes nothing, and so must its gradient
        return -(miss.clamp(min=1e-12).pow(self.gamma) * log_p).mean()


@dataclass(frozen=True)
class AdjustedCrossEntropy:
    """CE(z + offset), with a (C,) offset for the classes."""

    offset: Tensor

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar loss."""
        return F.cross_entropy(logits.float() + self.offset.float(), targets)


def log_prior(counts: Tensor) -> Tensor:
    """Return (C,) log pi_c; a class without images counts as one with half an image, so that it stays finite."""
    n = counts.float().clamp(min=0.5)
    return (n / n.sum()).log()
