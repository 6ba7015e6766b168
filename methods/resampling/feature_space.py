"""Resampling and ensembles in feature space, by imbalanced-learn.

A network is trained with cross-entropy; the features that enter its classifier, of the training subset only and without
augmentation, go to any sampler or ensemble of imbalanced-learn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from methods.base import NetworkMethod, SearchSpace
from methods.decoupling.classifier_retraining import SHARES
from methods.networks import Network, Vector
from methods.registry import register
from methods.resampling.imblearn_samplers import Resampler, build, defaults
from methods.training import inference
from methods.training.context import Context
from methods.training.data import Images, TrainSet
from methods.training.settings import Augmentation
from methods.training.stages import RETRAIN_ADAM_RATE, Stage, Task


class FeatureSpace(NetworkMethod):
    """A network whose features are handed on.

    `space` says which: "network" are those that enter the classifier of a trained network. They are the default, for
    pooled maps of the backbone would leave out the head that every other method trains, and the comparison would be one
    of networks instead of ways to handle imbalance. "backbone" are the pooled maps of the transferred backbone, which
    is not trained at all.

    `parameters` go to the constructor of imbalanced-learn's class; its random state comes from the cell.
    """

    sampler: ClassVar[str] = ""
    """Class name in imbalanced-learn."""

    parameters: dict[str, Any] = Field(default_factory=dict)
    space: Literal["network", "backbone"] = "network"

    @field_validator("parameters")
    @classmethod
    def _known(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        build(cls.sampler, parameters, 0)
        return parameters

    def network(self, context: Context, train: TrainSet) -> Network:
        """Build the network, without a head where the backbone's maps are used as they are."""
        if self.space == "backbone":
            context = replace(context, network=context.network.model_copy(update={"head": "pooled"}))
        return super().network(context, train)


class FeatureResampling(FeatureSpace):
    """Cross-entropy training; then a new classifier on resampled features.

    The classifier takes the last second_share = 0.15 of the steps, at the learning rate of crt's second stage.
    """

    search_space: ClassVar[SearchSpace] = SHARES

    second_share: float = Field(default=0.15, gt=0, lt=1)
    second_rate: PositiveFloat = 1.0

    def stages(self) -> list[Stage]:
        """The network, where it is trained; then the classifier on resampled features."""
        share = self.second_share if self.space == "network" else 1.0
        classifier = Stage(
            share=share,
            name="classifier",
            restart=("classifier",),
            learning_rate=self.second_rate,
            adam_rate=RETRAIN_ADAM_RATE,
            task=self.resampled,
        )
        return [classifier] if share == 1 else [Stage(share=1 - share), classifier]

    def constructor(self) -> dict[str, Any]:
        """Return the parameters of the sampler's constructor."""
        return self.parameters

    def resampled(self, network: Network, train: TrainSet, context: Context) -> Task:
        """Return the classifier and the features it learns from."""
        resampler = Resampler(self.sampler, self.constructor(), context.derive("resampling"), context.log)
        x = inference.features(network, train.images, context.device)
        rows, labels = resampler(x.cpu().numpy(), train.labels.cpu().numpy())
        vectors = Images((torch.from_numpy(np.ascontiguousarray(rows, np.float32)).view(len(rows), 1, 1, -1),))
        data = TrainSet(vectors, torch.from_numpy(labels), train.num_classes).to(context.device)
        plain = Augmentation(horizontal_flip=False, vertical_flip=False)
        return Task(Network(None, Vector(x.shape[1]), network.classifier), data, plain)


class Neighbours(FeatureResampling):
    """A sampler that looks at k neighbours, fewer where a class has no more than k images."""

    search_space: ClassVar[SearchSpace] = {**SHARES, "k": [3, 5, 7]}

    k: PositiveInt = 5

    def constructor(self) -> dict[str, Any]:
        """Return the parameters with k under the name that the sampler has for it."""
        known = defaults(self.sampler)
        if "smote" in known:
            return {"smote": build("SMOTE", {"k_neighbors": self.k}, 0), **self.parameters}
        return {"k_neighbors" if "k_neighbors" in known else "n_neighbors": self.k, **self.parameters}


@register("smote", family="resampling", source="Chawla et al. 2002")
class Smote(Neighbours):
    """New features of a small class lie between one of its images and one of that image's k nearest of the class."""

    sampler: ClassVar[str] = "SMOTE"


@register("borderline-smote", family="resampling", source="Han et al. 2005")
class BorderlineSmote(Neighbours):
    """SMOTE from those images only whose neighbourhood is mostly of other classes."""

    sampler: ClassVar[str] = "BorderlineSMOTE"


@register("adasyn", family="resampling", source="He et al. 2008")
class Adasyn(Neighbours):
    """SMOTE with more new features where more neighbours are of other classes."""

    sampler: ClassVar[str] = "ADASYN"


@register("smote-tomek", family="resampling", source="Batista et al. 2004")
class SmoteTomek(Neighbours):
    """SMOTE, then pairs of nearest neighbours of different classes (Tomek links) are removed."""

    sampler: ClassVar[str] = "SMOTETomek"
