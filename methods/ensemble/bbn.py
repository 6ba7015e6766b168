"""Bilateral-branch network."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

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

    The first half of a batch is drawn from the data as they are and goes through branch c; the second, with
    P(c) ~ n_max / n_c, through branch r. The backbone is shared, each branch has a head of its own. At prediction
    l = 1/2.
    """

    def network(self, context: Context, train: TrainSet) -> Network:
        """The comparison's network with a second head."""
        first, second = super().network(context, train), super().network(context, train)
        head = Branches(first.head, second.head)
        return Network(first.trunk, head, nn.Linear(head.dim, train.num_classes))

    def sampling(self, counts: Tensor, progress: float) -> Tensor:
        """The data as they are, and the reversed distribution."""
        return torch.stack([sampling.power(counts, 1.0), sampling.power(counts, -1.0)])

    def loss(self, network: Network, batch: Batch, counts: Tensor, progress: float) -> Tensor:
        """Cumulative learning: from the first branch to the second."""
        half, share = (len(batch.targets) + 1) // 2, 1 - progress**2
        # an odd batch has one image more in its first half; the second begins after it
        pairs = len(batch.targets) - half
        maps = network.maps(batch.inputs)
        head = cast(Branches, network.head)
        f_c = head.conventional([m[:pairs] for m in maps])
        f_r = head.rebalancing([m[half:] for m in maps])
        logits = network.classifier(2 * torch.cat([share * f_c, (1 - share) * f_r], 1))
        criterion = self.criterion(counts, progress)
        return share * criterion(logits, batch.targets[:pairs]) + (1 - share) * criterion(logits, batch.targets[half:])
