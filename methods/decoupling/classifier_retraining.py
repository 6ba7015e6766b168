"""Decoupling: learn features and classifier apart."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor

from methods.base import NetworkMethod, SearchSpace
from methods.networks import Network
from methods.networks.classifiers import NearestMean, Scaled
from methods.registry import register
from methods.training import inference, sampling
from methods.training.context import Context
from methods.training.data import TrainSet
from methods.training.stages import RETRAIN_ADAM_RATE, Stage

SHARES: SearchSpace = {"second_share": [0.1, 0.15, 0.25, 0.5], "second_rate": [0.3, 1.0, 3.0]}


@register("crt", family="decoupling", source="Kang et al. 2020")
class CRT(NetworkMethod):
    """Classifier re-training: cross-entropy; then a new classifier on frozen features, classes sampled alike.

    The second stage takes second_share = 0.15 of the steps, at second_rate = 1 times the learning rate (ten times that
    under AdamW: see `methods.training.stages.RETRAIN_ADAM_RATE`).
    """

    search_space: ClassVar[SearchSpace] = SHARES

    second_share: float = Field(default=0.15, gt=0, lt=1)
    second_rate: PositiveFloat = 1.0

    def stages(self) -> list[Stage]:
        """Features, then classifier."""
        return [
            Stage(share=1 - self.second_share),
            Stage(
                share=self.second_share,
                trainable=("classifier",),
                sampling=sampling.class_balanced,
                learning_rate=self.second_rate,
                adam_rate=RETRAIN_ADAM_RATE,
                restart=("classifier",),
            ),
        ]


@register("lws", family="decoupling", source="Kang et al. 2020")
class LWS(NetworkMethod):
    """Learnable weight scaling: as crt, but the second stage learns only a factor for each class, f_c (w_c h + b_c).

    The factors begin at 1. Share and rate of the second stage are those of crt.
    """

    search_space: ClassVar[SearchSpace] = SHARES

    second_share: float = Field(default=0.15, gt=0, lt=1)
    second_rate: PositiveFloat = 1.0

    def network(self, context: Context, train: TrainSet) -> Network:
        """The comparison's network with a factor for each class, from the same initial weights."""
        network = super().network(context, train)
        return network.refine(Scaled(network.head.dim, train.num_classes))

    def stages(self) -> list[Stage]:
        """Everything but the factors, then the factors."""
        return [
            Stage(share=1 - self.second_share, trainable=("trunk", "head", "classifier.linear")),
            Stage(
                share=self.second_share,
                trainable=("classifier.scale",),
                sampling=sampling.class_balanced,
                learning_rate=self.second_rate,
                adam_rate=RETRAIN_ADAM_RATE,
            ),
        ]


@register("ncm", family="decoupling", source="Kang et al. 2020")
class NCM(NetworkMethod):
    """Cross-entropy; then the nearest class mean of centred, L2-normalised features.

    Centre and means come from the training subset without augmentation. The logits are minus squared distances.
    """

    def finish(self, network: Network, train: TrainSet, context: Context) -> None:
        """Take the means."""
        features = inference.features(network, train.images, context.device)
        network.classifier = NearestMean(features, train.labels, train.num_classes)


@register("two-phase", family="decoupling", source="Lee et al. 2016")
class TwoPhase(NetworkMethod):
    """Train on a subset with at most `threshold` images of each class; then fine-tune the whole network on all.

    The threshold is a number, as the authors' 5000, or `factor` times n_min. Theirs lies above the smallest classes and
    far below the largest, so that the subset is thinned out and not balanced; what number it is follows from the size
    of their data, and does not carry over. So the default is factor = 1, a balanced subset, as Buda et al. 2018 test
    two phases; tuning tries larger ones. second_share = 0.5 of the steps, at second_rate = 0.1 of the learning rate.
    """

    search_space: ClassVar[SearchSpace] = {
        "factor": [1.0, 2.0, 5.0, 10.0],
        "second_share": [0.15, 0.25, 0.5],
        "second_rate": [0.03, 0.1, 0.3, 1.0],
    }

    threshold: PositiveInt | None = None
    factor: float = Field(default=1.0, ge=1)
    second_share: float = Field(default=0.5, gt=0, lt=1)
    second_rate: PositiveFloat = 0.1

    def limit(self, counts: Tensor) -> Tensor:
        """No class larger than the threshold."""
        most = self.factor * sampling.smallest(counts) if self.threshold is None else counts.new_tensor(self.threshold)
        return most.long().expand_as(counts)

    def stages(self) -> list[Stage]:
        """The subset, then all."""
        return [
            Stage(share=1 - self.second_share),
            Stage(share=self.second_share, limit=False, learning_rate=self.second_rate),
        ]
