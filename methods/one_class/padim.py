"""A Gaussian for each position of the maps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor

from methods.base import SearchSpace
from methods.networks.frozen import FrozenBackbone
from methods.one_class.base import Memory, OneClass, folds_of_groups, group_left_out_squares, left_out_squares
from methods.one_class.patches import cells
from methods.registry import register
from methods.training.context import Context
from methods.training.data import Images, TrainSet


@dataclass(frozen=True)
class PositionGaussians:
    """Mean and covariance of each cell position of one class's images.

    Attributes:
        channels: (K,) int64, those that are looked at.
        mean: (P, 1, K).
        factor: (P, K, K), Cholesky factors of the covariances.
    """

    channels: Tensor
    mean: Tensor
    factor: Tensor

    def left_out(self, backbone: FrozenBackbone, images: Images) -> Tensor:
        """Return (N,) scores of the images that it was fitted to, each without itself."""
        # leaving an image out lengthens a greater distance more: the greatest stays the greatest
        return left_out_squares(self.greatest(backbone, images), len(images), len(images) - 1).sqrt()

    def scores(self, backbone: FrozenBackbone, images: Images) -> Tensor:
        """Return (N,) greatest Mahalanobis distances over the positions."""
        return self.greatest(backbone, images).sqrt()

    def greatest(self, backbone: FrozenBackbone, images: Images) -> Tensor:
        """Return (N,) their squares."""
        return torch.cat([white.square().sum(1).amax(0).cpu() for white in self.whitened(backbone, images)])

    def whitened(self, backbone: FrozenBackbone, images: Images) -> Iterator[Tensor]:
        """Yield (P, K, B) differences from the mean, in coordinates where the covariance is 1, batch by batch."""
        for maps in backbone.maps(images):
            apart = cells(maps, smooth=False)[:, :, self.channels].transpose(0, 1) - self.mean
            yield torch.linalg.solve_triangular(self.factor, apart.transpose(1, 2), upper=False)


@register("padim", family="one-class", source="Defard et al. 2021")
class PaDiM(OneClass):
    """A Gaussian per cell position over 100 random channels, covariance + 0.01 I; score: the greatest distance.

    Images whose objects are not aligned are no easier for it than for one Gaussian over all positions.
    """

    search_space: ClassVar[SearchSpace] = {**OneClass.search_space, "channels": [50, 100, 200]}

    channels: PositiveInt = 100
    regularisation: PositiveFloat = 0.01

    def memory(self, backbone: FrozenBackbone, images: Images, context: Context, purpose: str) -> PositionGaussians:
        """Take means and covariances."""
        order, parts = torch.zeros(0), list[Tensor]()
        for k, maps in enumerate(backbone.maps(images)):
            found = cells(maps, smooth=False)
            if k == 0:
                # the same channels for all memories of a method, so that their scores are of one kind
                order = torch.randperm(found.shape[2], generator=context.generator("channels"))[: self.channels]
            chosen = order.sort().values.to(found.device)
            parts.append(found[:, :, chosen])
        mean = (sum((part.sum(0) for part in parts), torch.zeros(())) / len(images))[:, None]
        differences = (part.transpose(0, 1) - mean for part in parts)
        scatter = sum((apart.transpose(1, 2) @ apart for apart in differences), torch.zeros(()))
        eye = torch.eye(len(chosen), device=mean.device)
        covariance = scatter / max(len(images) - 1, 1) + self.regularisation * eye
        factor = torch.linalg.cholesky(covariance)
        return PositionGaussians(chosen, mean, factor)

    def held_out(
        self, memory: Memory, own: TrainSet, backbone: FrozenBackbone, context: Context, purpose: str
    ) -> Tensor:
        """Leave out each group by itself; `folds` parts would leave hardly more images than channels."""
        known, groups = cast(PositionGaussians, memory), folds_of_groups(own.groups, len(own))
        if not groups:
            return known.left_out(backbone, own.images)
        scores = torch.zeros(len(own))
        for group in groups:
            white = torch.cat(list(known.whitened(backbone, own.images[group.to(own.labels.device)])), 2)
            squares = group_left_out_squares(white, len(own), len(own) - 1)
            scores = scores.index_copy(0, group, squares.amax(0).sqrt().float().cpu())
        return scores
