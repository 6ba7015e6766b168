"""Bilateral-branch network."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor

from methods.base import NetworkMethod
from methods.networks import Head, Network
from methods.registry import register
from methods.training import sampling
from methods.training.context import Context
from methods.training.data import Batch, TrainSet


class Branches(Head):
    """Two heads on the same maps; their features side by side."""

    def __init__(self, conventional: Head, rebalancing: Head) -> None:
        super().__init__(0.0)
        self.conventional = conventional
        self.rebalancing = rebalancing
        self.dim = conventional.dim + rebalancing.dim

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return (B, D): what 2 cat(l f_c, (1 - l) f_r) is at prediction, where l = 1/2."""
        return torch.cat([self.conventional(maps), self.rebalancing(maps)], 1)


@register("bbn", family="ensemble", source="Zhou et al. 2020")
class BBN(NetworkMethod):
    """Two branches, l = 1 - progress^2: logits of 2 cat(l f_c, (1 - l) f_r), loss l CE(y_c) + (1 - l) CE(y_r).

    A batch drawn from the data as they are goes through branch c; another, with P(c) ~ n_max / n_c, through branch r.
    So one optimiser step passes two full batches, and takes two gradient steps of the budget. The backbone is shared,
    each branch has a head of its own. At prediction l = 1/2.
    """

    step_cost: ClassVar[int] = 2
    streams: ClassVar[int] = 2

    def network(self, context: Context, train: TrainSet) -> Network:
        """The comparison's network with a second head."""
        first, second = super().network(context, train), super().network(context, train)
        head = Branches(first.head, second.head)
        return Network(first.trunk, head, first.head.linear(head.dim, train.num_classes))

    def sampling(self, counts: Tensor, progress: float) -> Tensor:
        """The data as they are, and the reversed distribution."""
        return torch.stack([sampling.power(counts, 1.0), sampling.power(counts, -1.0)])

    def loss(self, network: Network, batch: Batch, counts: Tensor, progress: float) -> Tensor:
        """Cumulative learning: from the first branch to the second."""
        half, share = len(batch.targets) // 2, 1 - progress**2
        maps = network.maps(batch.inputs)
        head = cast(Branches, network.head)
        f_c = head.conventional([m[:half] for m in maps])
        f_r = head.rebalancing([m[half:] for m in maps])
        logits = network.classifier(2 * torch.cat([share * f_c, (1 - share) * f_r], 1))
        criterion = self.criterion(counts, progress)
        return share * criterion(logits, batch.targets[:half]) + (1 - share) * criterion(logits, batch.targets[half:])
