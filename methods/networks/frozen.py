"""Reading a transferred backbone that nothing is trained on top of: its maps, and what is pooled from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from methods.networks import backbones
from methods.networks.backbones import Backbone
from methods.training import inference
from methods.training.context import Context
from methods.training.data import Images, TrainSet

POOLS = {
    "mean": lambda maps: maps.mean((2, 3)),
    "max": lambda maps: maps.amax((2, 3)),
    "std": lambda maps: maps.std((2, 3), correction=0),
}
"""Statistics over the cells of (B, C, h, w) maps, (B, C) each."""


class FrozenBackbone:
    """The transferred backbone as it comes; images that are its maps already are read as they are.

    Attributes:
        trunk: the backbone, or None where the images are its maps.
        device: where it runs.
    """

    def __init__(self, train: TrainSet, context: Context) -> None:
        self.trunk: Backbone | None = None
        self.device = context.device
        if context.backbone is not None:
            with context.seeded("initial weights"):
                self.trunk = backbones.build(context.backbone, train.images.shapes[0][0])
            self.trunk = self.trunk.to(context.device).eval()

    def maps(self, images: Images) -> Iterator[list[Tensor]]:
        """Yield (B, C, h, w) float maps of each depth, batch by batch, on the device."""
        for inputs in inference.batches(images, self.device):
            with torch.no_grad():
                maps = list(inputs) if self.trunk is None else self.trunk(inputs[0])
            yield [m.float() for m in maps]

    def pooled(self, images: Images, statistics: Sequence[str] = ("mean", "max")) -> list[Tensor]:
        """Return (N, S C) of each depth on the CPU: S statistics over the cells of its maps, one after another."""
        batches = [[torch.cat([POOLS[s](m) for s in statistics], 1).cpu() for m in maps] for maps in self.maps(images)]
        return [torch.cat(depth) for depth in zip(*batches, strict=True)]
