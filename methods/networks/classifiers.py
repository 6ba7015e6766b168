"""Classifiers other than a linear layer, for the methods that insist on one."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PROJECTED = 64
"""Dimensions in which the vertices of a fixed simplex lie: the width of the heads with layers of their own."""


class ZeroLinear(nn.Linear):
    """A linear layer that begins at zero: over features that do not learn, random weights are noise to unlearn."""

    def reset_parameters(self) -> None:
        """Begin at zero."""
        nn.init.zeros_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


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
        logits: Tensor = self.scale * self.linear(features)
        return logits


class Aligned(nn.Module):
    """s (alpha_c z_c + beta_c) + (1 - s) z_c, z a linear layer and s = sigmoid(v.h + b); begins as z (DisAlign)."""

    def __init__(self, dim: int, num_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, num_classes)
        self.scale = nn.Parameter(torch.ones(num_classes))
        self.offset = nn.Parameter(torch.zeros(num_classes))
        self.confidence = nn.Linear(dim, 1)
        nn.init.normal_(self.confidence.weight, std=0.01)
        nn.init.zeros_(self.confidence.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, D) to (B, C) logits."""
        z, share = self.linear(features), self.confidence(features).sigmoid()
        logits: Tensor = share * (self.scale * z + self.offset) + (1 - share) * z
        return logits


class SimplexETF(nn.Module):
    """Cosines between batch-normalised projections of the features and the fixed vertices of a regular simplex.

    The projection is a linear layer that learns, to `PROJECTED` dimensions or as many as there are classes: the
    vertices do not learn, and over a frozen backbone nothing before them would.

    Attributes:
        vertices: (C, D) of length 1, every two of which have the cosine -1 / (C - 1).
    """

    vertices: Tensor

    def __init__(self, dim: int, num_classes: int) -> None:
        super().__init__()
        projected = max(PROJECTED, num_classes)
        self.project = nn.Linear(dim, projected)
        self.norm = nn.BatchNorm1d(projected)
        self.register_buffer("vertices", simplex(nn.init.orthogonal_(torch.empty(projected, num_classes))))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, D) to (B, C) cosines in [-1, 1]."""
        return F.linear(F.normalize(self.norm(self.project(features)).float()), self.vertices)


def simplex(basis: Tensor) -> Tensor:
    """Return the (C, D) vertices sqrt(C / (C - 1)) (U (I - 11' / C))' of a (D, C) orthonormal basis U."""
    c = basis.shape[1]
    return math.sqrt(c / max(c - 1, 1)) * (basis - basis.mean(1, keepdim=True)).T


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
    normalised: Tensor = weight / weight.norm(dim=1, keepdim=True).clamp(min=1e-12) ** tau
    return normalised
