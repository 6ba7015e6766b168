"""Synthesis: train on images that are made of others."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor
from torch.nn import functional as F

from methods.base import NetworkMethod, SearchSpace
from methods.losses import present
from methods.registry import register
from methods.training.data import Batch


class Mixing(NetworkMethod):
    """Every image of a batch is mixed with its neighbour in the batch: lam x_a + (1 - lam) x_b, lam ~ Beta(a, a).

    There is one lam for a batch and one forward pass, of the mixed images alone. Where methods read the maps of a
    frozen backbone, it is these that are mixed: manifold mixup (Verma et al. 2019) at one fixed depth.
    """

    search_space: ClassVar[SearchSpace] = {"alpha": (0.2, 2.0)}

    alpha: PositiveFloat = 1.0

    def label_weight(self, lam: float, own: Tensor, other: Tensor) -> Tensor:
        """Return (B,) weights of an image's own label.

        Args:
            lam: weight of its own pixels.
            own: (B,) float, images in its class.
            other: (B,) float, images in its partner's class.
        """
        return torch.full_like(own, lam)

    def mix(self, batch: Batch, counts: Tensor, draw: float) -> Batch:
        """Mix a batch with itself, moved on by one."""
        from scipy.special import betaincinv

        lam = float(betaincinv(self.alpha, self.alpha, draw))
        n = present(counts)[batch.targets]
        weight = self.label_weight(lam, n, n.roll(1))[:, None]
        labels = F.one_hot(batch.targets, len(counts)).float()
        inputs = tuple(lam * x + (1 - lam) * x.roll(1, 0) for x in batch.inputs)
        return Batch(inputs, weight * labels + (1 - weight) * labels.roll(1, 0))


@register("mixup", family="synthesis", source="Zhang et al. 2018")
class Mixup(Mixing):
    """lam x_a + (1 - lam) x_b with loss lam CE(y_a) + (1 - lam) CE(y_b), lam ~ Beta(alpha, alpha); alpha = 1.

    Over frozen maps it is manifold mixup at their depth.
    """


@register("remix", family="synthesis", source="Chou et al. 2020")
class Remix(Mixing):
    """Mixup whose label leans to the smaller class; k = 3, threshold t = 0.5; over frozen maps as mixup is.

    The weight of label a is 0 where n_a / n_b >= k and lam < t, 1 where n_a / n_b <= 1 / k and 1 - lam < t, else lam.
    """

    search_space: ClassVar[SearchSpace] = {"alpha": (0.2, 2.0), "k": (1.5, 5.0), "threshold": (0.3, 0.9)}

    k: float = Field(default=3.0, gt=1)
    threshold: float = Field(default=0.5, ge=0, le=1)

    def label_weight(self, lam: float, own: Tensor, other: Tensor) -> Tensor:
        """Give the whole label to the smaller class where it is much smaller and its pixels weigh enough."""
        weight = torch.full_like(own, lam)
        if lam < self.threshold:
            weight = torch.where(own >= self.k * other, 0.0, weight)
        if 1 - lam < self.threshold:
            weight = torch.where(self.k * own <= other, 1.0, weight)
        return weight
