"""Distances of pooled features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from pydantic import PositiveInt
from torch import Tensor

from methods.base import SearchSpace
from methods.networks.frozen import FrozenBackbone
from methods.one_class.base import OneClass, left_out_squares
from methods.registry import register
from methods.training.context import Context
from methods.training.data import Images


@dataclass(frozen=True)
class Gaussian:
    """Mean and shrunk covariance of standardised features.

    Attributes:
        mean: (D,).
        std: (D,).
        factor: (D, D) float64, Cholesky factor of the covariance.
        data: share of the data's scatter in the covariance.
    """

    mean: Tensor
    std: Tensor
    factor: Tensor
    data: float

    @classmethod
    def of(cls, features: Tensor) -> Gaussian:
        """Fit (N, D) features; the covariance is shrunk by Ledoit and Wolf's rule."""
        from sklearn.covariance import ledoit_wolf

        x = features.double()
        mean, std = x.mean(0), _positive(x.std(0, correction=0))
        covariance, shrinkage = ledoit_wolf(((x - mean) / std).numpy(), assume_centered=True)
        ridge = covariance + 1e-6 * np.eye(len(covariance))
        return cls(mean, std, torch.from_numpy(np.linalg.cholesky(ridge)), 1 - float(shrinkage))

    def distances(self, features: Tensor) -> Tensor:
        """Return (N,) Mahalanobis distances."""
        return self._squares(features).sqrt().float()

    def left_out(self, features: Tensor) -> Tensor:
        """Return (N,) Mahalanobis distances of the features it was fitted to, each to the Gaussian of the others."""
        return left_out_squares(self._squares(features), len(features), len(features), self.data).sqrt().float()

    def _squares(self, features: Tensor) -> Tensor:
        x = (features.double() - self.mean) / self.std
        distances: Tensor = torch.linalg.solve_triangular(self.factor, x.T, upper=False).square().sum(0)
        return distances


@dataclass(frozen=True)
class DepthGaussians:
    """A Gaussian for each depth."""

    gaussians: list[Gaussian]

    def left_out(self, backbone: FrozenBackbone, images: Images) -> Tensor:
        """Return (N,) scores of the images that it was fitted to, each without itself."""
        pooled = backbone.pooled(images, ("mean",))
        return torch.stack([g.left_out(x) for g, x in zip(self.gaussians, pooled, strict=True)]).sum(0)

    def scores(self, backbone: FrozenBackbone, images: Images) -> Tensor:
        """Return (N,) sums over depths of Mahalanobis distances."""
        pooled = backbone.pooled(images, ("mean",))
        return torch.stack([g.distances(x) for g, x in zip(self.gaussians, pooled, strict=True)]).sum(0)


@register("mahalanobis", family="one-class", source="Rippel et al. 2020")
class Mahalanobis(OneClass):
    """A Gaussian over the pooled maps (mean) of each depth, covariance by Ledoit-Wolf; distances summed over depths."""

    def memory(self, backbone: FrozenBackbone, images: Images, context: Context, purpose: str) -> DepthGaussians:
        """Fit a Gaussian to each depth."""
        return DepthGaussians([Gaussian.of(x) for x in backbone.pooled(images, ("mean",))])


@dataclass(frozen=True)
class Neighbours:
    """Standardised features of one class's images.

    Attributes:
        mean: (D,).
        std: (D,).
        features: (N, D).
        k: how many of the nearest count.
    """

    mean: Tensor
    std: Tensor
    features: Tensor
    k: int

    def scores(self, backbone: FrozenBackbone, images: Images) -> Tensor:
        """Return (N,) mean distances to the k nearest."""
        return self._apart((torch.cat(backbone.pooled(images, ("mean",)), 1) - self.mean) / self.std, 0)

    def left_out(self, backbone: FrozenBackbone, images: Images) -> Tensor:
        """Return (N,) scores of the images whose features it keeps, each without itself."""
        return self._apart(self.features, 1 if len(self.features) > 1 else 0)

    def _apart(self, x: Tensor, skip: int) -> Tensor:
        most = min(self.k + skip, len(self.features))
        rows = torch.cdist(x, self.features).topk(most, largest=False).indices
        # distances are taken again: those of near images have lost their digits
        distances: Tensor = (x[:, None] - self.features[rows]).norm(dim=2).sort(1).values[:, skip:].mean(1)
        return distances


@register("knn-distance", family="one-class", source="Bergman et al. 2020")
class KNNDistance(OneClass):
    """Mean distance to the k nearest majority images, of standardised pooled maps (mean) of all depths; k = 2."""

    search_space: ClassVar[SearchSpace] = {**OneClass.search_space, "k": [1, 2, 5]}

    k: PositiveInt = 2

    def memory(self, backbone: FrozenBackbone, images: Images, context: Context, purpose: str) -> Neighbours:
        """Keep the features."""
        x = torch.cat(backbone.pooled(images, ("mean",)), 1)
        mean, std = x.mean(0), _positive(x.std(0, correction=0))
        return Neighbours(mean, std, (x - mean) / std, self.k)


def _positive(std: Tensor) -> Tensor:
    return torch.where(std > 1e-6, std, 1.0)
