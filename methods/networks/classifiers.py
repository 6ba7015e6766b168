"""Classifiers other than a linear layer, for the methods that insist on one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Cosine(nn.Module):
    """Cosines between features and class weights; no bias."""

    def __init__(self, dim: int, num_classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_classes, dim))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw directions at random."""
        nn.init.normal_(self.weight)
        with torch.no_grad():
            self.weight.copy_(F.normalize(self.weight))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, D) to (B, C) cosines in [-1, 1]."""
        return F.linear(F.normalize(features), F.normalize(self.weight))


class Scaled(nn.Module):
    """f_c (w_c h + b_c): a linear layer and one factor for each class, which begins at 1."""

    def __init__(self, dim: int, num_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, num_classes)
        self.scale = nn.Parameter(torch.ones(num_classes))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, D) to (B, C) logits."""
        return self.scale * self.linear(features)


class NearestMean(nn.Module):
    """Minus the squared distance to each class's mean, of centred features of length 1.

    Attributes:
        centre: (D,) what is taken off the features.
        means: (C, D) means of the classes' centred, normalised features.
        known: (C,) bool, classes that have a mean; the others are the farthest of all.
    """

    centre: Tensor
    means: Tensor
    known: Tensor

    def __init__(self, features: Tensor, labels: Tensor, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("centre", features.mean(0))
        x = F.normalize(features - self.centre)
        counts = torch.bincount(labels, minlength=num_classes)
        sums = torch.zeros(num_classes, x.shape[1], device=x.device).index_add_(0, labels, x)
        self.register_buffer("means", sums / counts.clamp(min=1)[:, None])
        self.register_buffer("known", counts > 0)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, D) to (B, C) logits."""
        x = F.normalize(features.float() - self.centre)
        logits = 2 * x @ self.means.T - self.means.square().sum(1) - x.square().sum(1, keepdim=True)
        # two points of the unit ball are at most 2 apart
        return torch.where(self.known, logits, -4.0)


def tau_normalised(weight: Tensor, tau: float) -> Tensor:
    """Return (C, D) weights w_c / ||w_c||^tau."""
    return weight / weight.norm(dim=1, keepdim=True).clamp(min=1e-12) ** tau
