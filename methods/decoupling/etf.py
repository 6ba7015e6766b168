"""A classifier that is never learnt: the simplex that neural collapse would end in."""

from __future__ import annotations

from torch import Tensor

from methods.base import Criterion, NetworkMethod
from methods.losses import dot_regression
from methods.networks import Network
from methods.networks.classifiers import SimplexETF
from methods.registry import register
from methods.training.context import Context
from methods.training.data import TrainSet


@register("etf-classifier", family="decoupling", source="Yang et al. 2022")
class ETFClassifier(NetworkMethod):
    """1/2 (w_y.h - 1)^2, W a simplex equiangular tight frame drawn once and fixed, h normalised features.

    As in the authors' code, features pass batch normalisation before they are brought to length 1. The logits are the
    cosines w_c.h, so their softmax is flat: classes and their order count, probabilities do not. What learns is what
    lies before the classifier: a linear layer is put there, without which nothing would learn over a frozen backbone.
    """

    def network(self, context: Context, train: TrainSet) -> Network:
        """The comparison's network with a fixed classifier."""
        network = super().network(context, train)
        network.classifier = SimplexETF(network.head.dim, train.num_classes)
        return network

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Dot regression."""
        return dot_regression
