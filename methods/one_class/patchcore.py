"""A memory of patches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from methods.base import SearchSpace
from methods.networks.frozen import FrozenBackbone
from methods.one_class.base import OneClass
from methods.one_class.patches import cells, coreset, nearest
from methods.registry import register
from methods.training.context import Context
from methods.training.data import Images


@dataclass(frozen=True)
class PatchMemory:
    """Cells of one class's images.

    Attributes:
        memory: (K, D) float on the device.
        neighbours: b, of the nearest memory, that weigh an image's score.
        owners: (K,) int64, the image that each of them is of.
    """

    memory: Tensor
    neighbours: int
    owners: Tensor

    def left_out(self, backbone: FrozenBackbone, images: Images) -> Tensor:
        """Return (N,) scores of the images whose cells it keeps, each without those that are its own."""
        found = []
        for i, own in enumerate(_each(backbone, images)):
            others = self.owners != i
            memory = replace(self, memory=self.memory[others]) if bool(others.any()) else self
            found.append(memory.score(own[None]))
        return torch.cat(found).cpu()

    def scores(self, backbone: FrozenBackbone, images: Images) -> Tensor:
        """Return (N,) weighted greatest distances."""
        return torch.cat([self.score(cells(maps, smooth=True)).cpu() for maps in backbone.maps(images)])

    def score(self, cells: Tensor) -> Tensor:
        """Return (B,) scores of (B, P, D) cells.

        The greatest distance d* of an image's cells to the memory, times 1 - exp(d*) / sum of exp(d), d the cell's
        distances to that memory's b nearest, itself among them.
        """
        count, places, _ = cells.shape
        distances, rows = nearest(cells.flatten(0, 1), self.memory)
        farthest, at = distances.view(count, places).max(1)
        images = torch.arange(count, device=cells.device)
        cell, own = cells[images, at], rows.view(count, places)[images, at]
        around = torch.cdist(self.memory[own], self.memory).topk(min(self.neighbours, len(self.memory)), largest=False)
        to_these = (cell[:, None] - self.memory[around.indices]).norm(dim=2)
        share = torch.exp(farthest - torch.logsumexp(to_these, 1))
        # with a memory of one cell the share is 1, and nothing would be left of the score
        return farthest * (1 - share) if len(self.memory) > 1 else farthest


@register("patchcore", family="one-class", source="Roth et al. 2022")
class PatchCore(OneClass):
    """Memory of map cells, thinned to a coreset; an image scores as its cell that is farthest from the memory.

    Cells are 3 x 3 means of the mid-level depths, at the finest one's side. Some `most` = 10,000 of them, drawn at
    random, go to the greedy choice of the farthest, which takes share = 0.1 of them after a random projection to 128
    dimensions (the paper chooses among all). The score is re-weighted over 9 neighbours.
    """

    search_space: ClassVar[SearchSpace] = {**OneClass.search_space, "share": [0.01, 0.1, 0.25]}

    share: float = Field(default=0.1, gt=0, le=1)
    most: PositiveInt = 10_000
    neighbours: PositiveInt = 9

    def memory(self, backbone: FrozenBackbone, images: Images, context: Context, purpose: str) -> PatchMemory:
        """Draw cells, keep the coreset."""
        generator = context.generator("patches", purpose)
        each = -(-self.most // len(images))
        drawn: list[Tensor] = []
        for maps in backbone.maps(images):
            found = cells(maps, smooth=True)
            order = torch.rand(found.shape[:2], generator=generator).argsort(1)[:, :each].to(found.device)
            drawn.append(found.gather(1, order[:, :, None].expand(-1, -1, found.shape[2])).flatten(0, 1))
        candidates = torch.cat(drawn)
        size = max(1, round(self.share * len(candidates)))
        kept = coreset(candidates, size, 128, generator)
        owners = kept // (len(candidates) // len(images))
        return PatchMemory(candidates[kept], self.neighbours, owners)


def _each(backbone: FrozenBackbone, images: Images) -> Iterator[Tensor]:
    for maps in backbone.maps(images):
        yield from cells(maps, smooth=True)
