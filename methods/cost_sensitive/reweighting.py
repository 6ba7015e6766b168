"""Cost-sensitive learning: change what an error costs, by weights on the images' losses."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor

from methods.base import Criterion, NetworkMethod, SearchSpace
from methods.losses import (
    FocalLoss,
    InfluenceBalancedLoss,
    SigmoidFocalLoss,
    WeightedCrossEntropy,
    class_balanced_weights,
    inverse_weights,
)
from methods.networks import Network
from methods.registry import register
from methods.training.context import Context
from methods.training.data import Batch, TrainSet

BETAS: list[Any] = [0.9, 0.99, 0.999, 0.9999]
"""What Cui et al. 2019 try."""


@register("weighted-cross-entropy", family="cost-sensitive", source="Japkowicz & Stephen 2002")
class WeightedCE(NetworkMethod):
    """w_c CE with w_c ~ (1 / n_c)^gamma, scaled to mean 1 over the training images; gamma = 1.

    Divided by the batch size. The scale keeps the length of SGD's steps, which weights of at most 1 would shrink.
    """

    search_space: ClassVar[SearchSpace] = {"gamma": (0.25, 1.5)}

    gamma: NonNegativeFloat = 1.0

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Weighted cross-entropy."""
        weights = inverse_weights(counts, self.gamma)
        return WeightedCrossEntropy(weights * (counts.sum() / (counts * weights).sum()))


@register("class-balanced", family="cost-sensitive", source="Cui et al. 2019")
class ClassBalanced(NetworkMethod):
    """w_c CE with w_c = (1 - beta) / (1 - beta^n_c) scaled to sum to C, divided by the batch size; beta = 0.9999."""

    search_space: ClassVar[SearchSpace] = {"beta": BETAS}

    beta: float = Field(default=0.9999, ge=0, lt=1)

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Weighted cross-entropy."""
        return WeightedCrossEntropy(class_balanced_weights(counts, self.beta))


@register("focal", family="cost-sensitive", source="Lin et al. 2017")
class Focal(NetworkMethod):
    """(1 - p_y)^gamma CE, p_y from the unweighted cross-entropy; gamma = 2.

    `beta` puts the weights of class-balanced on it; none by default.
    """

    search_space: ClassVar[SearchSpace] = {"gamma": (0.5, 3.0)}

    gamma: NonNegativeFloat = 2.0
    beta: float | None = Field(default=None, ge=0, lt=1)

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Focal loss."""
        return FocalLoss(self.gamma, None if self.beta is None else class_balanced_weights(counts, self.beta))


@register("class-balanced-focal", family="cost-sensitive", source="Cui et al. 2019")
class ClassBalancedFocal(NetworkMethod):
    """Sigmoid focal loss of every class, summed, with the weights of class-balanced; beta = 0.9999, gamma = 0.5.

    It learns C binary problems, and predicts the class of the largest logit. As in the paper, the classifier's biases
    begin at -log(C - 1), so that every problem begins with probability 1 / C.
    """

    search_space: ClassVar[SearchSpace] = {"beta": BETAS, "gamma": (0.5, 2.0)}

    beta: float = Field(default=0.9999, ge=0, lt=1)
    gamma: NonNegativeFloat = 0.5

    def network(self, context: Context, train: TrainSet) -> Network:
        """The comparison's network with the prior in its biases."""
        network = super().network(context, train)
        torch.nn.init.constant_(network.get_parameter("classifier.bias"), -math.log(max(train.num_classes - 1, 1)))
        return network

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Weighted sigmoid focal loss."""
        return SigmoidFocalLoss(self.gamma, class_balanced_weights(counts, self.beta))


@register("influence-balanced", family="cost-sensitive", source="Park et al. 2021")
class InfluenceBalanced(NetworkMethod):
    """CE; from progress >= start, w_y CE alpha / (|p - onehot(y)|_1 |h|_1 + 1e-3), w = 1 / n_c scaled to sum to C.

    h are the features that enter the classifier; alpha = 1000, start = 0.5.
    """

    search_space: ClassVar[SearchSpace] = {"alpha": [10.0, 100.0, 1000.0], "start": [0.25, 0.5, 0.75]}

    alpha: PositiveFloat = 1000.0
    start: float = Field(default=0.5, ge=0, le=1)

    def loss(self, network: Network, batch: Batch, counts: Tensor, progress: float) -> Tensor:
        """Cross-entropy, then the influence-balanced loss."""
        if progress < self.start:
            return super().loss(network, batch, counts, progress)
        weights, features = inverse_weights(counts, 1.0), network.features(batch.inputs)
        balanced = InfluenceBalancedLoss(self.alpha, weights * (len(weights) / weights.sum()))
        return balanced(network.classifier(features), batch.targets, features)
