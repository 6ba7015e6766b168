"""Skill-diverse experts on a shared trunk."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from pydantic import NonNegativeFloat
from torch import Tensor, nn

from methods.base import NetworkMethod, SearchSpace
from methods.losses import DiverseExpertsLoss, log_prior, reversed_ranks
from methods.networks import Head, Network
from methods.registry import register
from methods.training.context import Context
from methods.training.data import Batch, TrainSet

EXPERTS = 3


class ExpertHeads(Head):
    """Heads of the same form on the same maps; their features side by side."""

    def __init__(self, heads: list[Head]) -> None:
        super().__init__(0.0)
        self.heads = nn.ModuleList(heads)
        self.dim = sum(head.dim for head in heads)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return (B, E D)."""
        return torch.cat([head(maps) for head in self.heads], 1)


class ExpertClassifiers(nn.Module):
    """A linear layer for each expert, on its own features; together they answer with their mean logits."""

    def __init__(self, dims: list[int], num_classes: int, linear: type[nn.Linear] = nn.Linear) -> None:
        super().__init__()
        self.dims = dims
        self.experts = nn.ModuleList(linear(dim, num_classes) for dim in dims)

    def each(self, features: Tensor) -> Tensor:
        """Map (B, E D) to (E, B, C) logits."""
        parts = features.split(self.dims, 1)
        return torch.stack([expert(part) for expert, part in zip(self.experts, parts, strict=True)])

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, E D) to (B, C) mean logits."""
        return self.each(features).mean(0)


@register("sade", family="ensemble", source="Zhang et al. 2022")
class SADE(NetworkMethod):
    """Three experts for three test distributions: CE(z1) + CE(z2 + log pi) + CE(z3 + log pi - lam log pi_inv).

    pi_inv gives each class the prior of the class at the opposite rank; lam = 2. The backbone is shared, each expert
    has a head and a classifier of its own, so a step costs more than others'. Predicts the experts' mean logits: the
    paper's weights of the experts are learnt from unlabelled test images, which no method of this suite may see.
    """

    search_space: ClassVar[SearchSpace] = {"lam": (0.5, 3.0)}

    lam: NonNegativeFloat = 2.0

    def network(self, context: Context, train: TrainSet) -> Network:
        """The comparison's network with three heads and classifiers."""
        first, *others = (super(SADE, self).network(context, train) for _ in range(EXPERTS))
        heads = [first.head, *(other.head for other in others)]
        classifiers = ExpertClassifiers([head.dim for head in heads], train.num_classes, first.head.linear)
        return Network(first.trunk, ExpertHeads(heads), classifiers)

    def experts_loss(self, counts: Tensor) -> DiverseExpertsLoss:
        """Return the sum of the experts' losses, of their (3, B, C) logits and the targets."""
        prior = log_prior(counts)
        reverse = prior - self.lam * reversed_ranks(prior)
        return DiverseExpertsLoss(torch.stack([torch.zeros_like(prior), prior, reverse]))

    def loss(self, network: Network, batch: Batch, counts: Tensor, progress: float) -> Tensor:
        """Each expert's logits apart."""
        classifier = cast(ExpertClassifiers, network.classifier)
        return self.experts_loss(counts)(classifier.each(network.features(batch.inputs)), batch.targets)
