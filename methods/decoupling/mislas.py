"""MiSLAS: mixup shifted label-aware smoothing."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, PositiveFloat
from torch import Tensor
from torch.nn import functional as F

from methods.base import Criterion, SearchSpace
from methods.decoupling.classifier_retraining import SHARES
from methods.losses import SmoothedCrossEntropy, label_aware_smoothing
from methods.networks import Network
from methods.networks.classifiers import Scaled
from methods.registry import register
from methods.synthesis.mixing import Mixing
from methods.training import sampling
from methods.training.context import Context
from methods.training.data import TrainSet
from methods.training.stages import RETRAIN_ADAM_RATE, Stage


@register("mislas", family="decoupling", source="Zhong et al. 2021")
class MiSLAS(Mixing):
    """Mixup with every image alike; then label-aware smoothing with classes sampled alike, on frozen features.

    alpha = 0.2. The second stage trains the classifier on and a factor for each class, f_c (w_c h + b_c), as in the
    authors' code; `shift` renews the batch-norm statistics of the frozen layers, whose weights stay as they are, under
    the second stage's sampling. head_smoothing = 0.3 and tail_smoothing = 0 are the authors' for CIFAR-10. Share and
    rate of the second stage are those of crt.
    """

    search_space: ClassVar[SearchSpace] = {
        **SHARES,
        "alpha": [0.1, 0.2, 0.5, 1.0],
        "head_smoothing": (0.1, 0.5),
        "tail_smoothing": (0.0, 0.1),
    }

    alpha: PositiveFloat = 0.2
    head_smoothing: float = Field(default=0.3, ge=0, lt=1)
    tail_smoothing: float = Field(default=0.0, ge=0, lt=1)
    shift: bool = True
    second_share: float = Field(default=0.15, gt=0, lt=1)
    second_rate: PositiveFloat = 1.0

    def network(self, context: Context, train: TrainSet) -> Network:
        """The comparison's network with a factor for each class, from the same initial weights."""
        network = super().network(context, train)
        return network.refine(Scaled(network.head.dim, train.num_classes))

    def stages(self) -> list[Stage]:
        """Everything but the factors, then the classifier with them."""
        return [
            Stage(share=1 - self.second_share, trainable=("trunk", "head", "classifier.linear")),
            Stage(
                share=self.second_share,
                trainable=("classifier",),
                moving=("trunk", "head") if self.shift else (),
                sampling=sampling.class_balanced,
                learning_rate=self.second_rate,
                adam_rate=RETRAIN_ADAM_RATE,
                mix=False,
            ),
        ]

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Cross-entropy, then label-aware smoothing."""
        if progress < 1 - self.second_share:
            return F.cross_entropy
        return SmoothedCrossEntropy(label_aware_smoothing(counts, self.head_smoothing, self.tail_smoothing))
