"""Distribution alignment: calibrate the logits of a trained network."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor
from torch.nn import functional as F

from methods.base import Criterion, NetworkMethod, SearchSpace
from methods.decoupling.classifier_retraining import SHARES
from methods.losses import WeightedCrossEntropy, inverse_weights
from methods.networks import Network
from methods.networks.classifiers import Aligned
from methods.registry import register
from methods.training.context import Context
from methods.training.data import TrainSet
from methods.training.stages import RETRAIN_ADAM_RATE, Stage


@register("disalign", family="decoupling", source="Zhang et al. 2021")
class DisAlign(NetworkMethod):
    """Cross-entropy; then s (alpha_c z_c + beta_c) + (1 - s) z_c is learnt on frozen features and frozen z.

    s = sigmoid(v.h + b) says how far an image's logits are to be moved. The second stage weighs the cross-entropy by
    (1 / n_c)^rho, scaled to sum to C and divided by the batch size; images are drawn as they are; rho = 1.2. Its share
    and rate are those of crt.
    """

    search_space: ClassVar[SearchSpace] = {**SHARES, "rho": (0.5, 1.5)}

    rho: NonNegativeFloat = 1.2
    second_share: float = Field(default=0.15, gt=0, lt=1)
    second_rate: PositiveFloat = 1.0

    def network(self, context: Context, train: TrainSet) -> Network:
        """The comparison's network with an alignment of its logits, which begins without effect."""
        network = super().network(context, train)
        return network.refine(Aligned(network.head.dim, train.num_classes))

    def stages(self) -> list[Stage]:
        """Everything but the alignment, then the alignment."""
        return [
            Stage(share=1 - self.second_share, trainable=("trunk", "head", "classifier.linear")),
            Stage(
                share=self.second_share,
                trainable=("classifier.scale", "classifier.offset", "classifier.confidence"),
                learning_rate=self.second_rate,
                adam_rate=RETRAIN_ADAM_RATE,
            ),
        ]

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Cross-entropy, weighted in the second stage."""
        if progress < 1 - self.second_share:
            return F.cross_entropy
        weights = inverse_weights(counts, self.rho)
        return WeightedCrossEntropy(weights * (len(weights) / weights.sum()))
