"""Cost-sensitive learning: change what an error costs, by margins, offsets and scales on the logits."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor

from methods.base import Criterion, NetworkMethod, SearchSpace
from methods.losses import (
    AdjustedCrossEntropy,
    MarginLoss,
    SmoothedCrossEntropy,
    class_balanced_weights,
    label_aware_smoothing,
    ldam_margins,
    log_prior,
    present,
)
from methods.networks import Network
from methods.networks.classifiers import Cosine
from methods.registry import register
from methods.training.context import Context
from methods.training.data import TrainSet


@register("ldam-drw", family="cost-sensitive", source="Cao et al. 2019")
class LDAMDRW(NetworkMethod):
    """CE(s (z - m_y onehot(y))) on cosine logits, m_c = n_c^(-1/4) scaled so that its maximum is m; m = 0.5, s = 30.

    From progress >= start = 0.8 on, with the weights of class-balanced, beta = 0.9999 (deferred re-weighting).
    The classifier is its own: features and weights normalised, no bias. Predictions are s z. In a short training the
    margins hold the small classes back, and weights that begin after the learning rate has decayed change little.
    """

    search_space: ClassVar[SearchSpace] = {"margin": (0.1, 0.8), "start": [0.2, 0.5, 0.8]}

    margin: NonNegativeFloat = 0.5
    scale: PositiveFloat = 30.0
    beta: float = Field(default=0.9999, ge=0, lt=1)
    start: float = Field(default=0.8, ge=0, le=1)

    def network(self, context: Context, train: TrainSet) -> Network:
        """The comparison's network with a cosine classifier."""
        network = super().network(context, train)
        network.classifier = Cosine(network.head.dim, train.num_classes)
        return network

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Label-distribution-aware margin loss, weighted late in training."""
        weights = class_balanced_weights(counts, self.beta) if progress >= self.start else None
        return MarginLoss(ldam_margins(counts, self.margin), self.scale, weights)

    def adjust(self, logits: Tensor, counts: Tensor) -> Tensor:
        """Scale the cosines, so that their softmax is that of training."""
        return self.scale * logits


@register(
    "logit-adjustment",
    family="cost-sensitive",
    source="Menon et al. 2021; Ren et al. 2020",
    aliases=("balanced-softmax",),
)
class LogitAdjustment(NetworkMethod):
    """CE(z + tau log pi_c) in training; predicts z; tau = 1, which is balanced softmax, CE(z + log n_c)."""

    search_space: ClassVar[SearchSpace] = {"tau": (0.5, 2.0)}

    tau: NonNegativeFloat = 1.0

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Cross-entropy of logits with the prior in them."""
        return AdjustedCrossEntropy(offset=self.tau * log_prior(counts))


@register("posthoc-logit-adjustment", family="cost-sensitive", source="Menon et al. 2021")
class PosthocLogitAdjustment(NetworkMethod):
    """CE in training; predicts z - tau log pi_c; tau = 1, which is the thresholding of Buda et al. 2018."""

    search_space: ClassVar[SearchSpace] = {"tau": (0.5, 2.0)}

    tau: NonNegativeFloat = 1.0

    def adjust(self, logits: Tensor, counts: Tensor) -> Tensor:
        """Take the prior off."""
        return logits - self.tau * log_prior(counts)


@register("cdt", family="cost-sensitive", source="Ye et al. 2020")
class CDT(NetworkMethod):
    """CE(z_c / (n_max / n_c)^gamma) in training (class-dependent temperatures); predicts z; gamma = 0.2."""

    search_space: ClassVar[SearchSpace] = {"gamma": (0.1, 0.4)}

    gamma: NonNegativeFloat = 0.2

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Cross-entropy of logits divided by the classes' temperatures."""
        n = present(counts)
        return AdjustedCrossEntropy(scale=(n / n.max()) ** self.gamma)


@register("label-aware-smoothing", family="cost-sensitive", source="Zhong et al. 2021")
class LabelAwareSmoothing(NetworkMethod):
    """(1 - e_y) CE - e_y mean_c log p_c, e_c = tail + (head - tail) sin(pi/2 (n_c - n_min) / (n_max - n_min)).

    head_smoothing = 0.4, tail_smoothing = 0.1: large classes are smoothed more; where all are alike, e_c = tail. This
    is the loss alone, in one stage from the start; it is not MiSLAS, whose second stage it belongs to (there with 0.3
    and 0 on CIFAR-10): see mislas.
    """

    search_space: ClassVar[SearchSpace] = {"head_smoothing": (0.2, 0.5), "tail_smoothing": (0.0, 0.2)}

    head_smoothing: float = Field(default=0.4, ge=0, lt=1)
    tail_smoothing: float = Field(default=0.1, ge=0, lt=1)

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Cross-entropy with smoothed labels."""
        return SmoothedCrossEntropy(label_aware_smoothing(counts, self.head_smoothing, self.tail_smoothing))
