"""Resampling and ensembles in feature space, by imbalanced-learn.

A network is trained with cross-entropy; the features that enter its classifier, of the training subset only and without
augmentation, go to any sampler or ensemble of imbalanced-learn.
"""

from __future__ import annotations

import functools
import types
import warnings
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field, PositiveFloat, PositiveInt, PrivateAttr, field_validator
from torch import Tensor, nn

from methods import inference
from methods.base import NetworkMethod, SearchSpace
from methods.context import Context
from methods.data import Images, TrainSet
from methods.decoupling import SHARES
from methods.imblearn_samplers import Features, Labels, Resampler, build, defaults, ensemble_names, sampler_names
from methods.loop import run_stage
from methods.networks import Network, Vector
from methods.registry import register, register_prefix
from methods.settings import Augmentation
from methods.stages import RETRAIN_ADAM_RATE, Stage

PREFIX = "imblearn"


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

    def finish_share(self) -> float:
        """The classifier's share: all of it where nothing below is trained."""
        return self.second_share if self.space == "network" else 1.0

    def constructor(self) -> dict[str, Any]:
        """Return the parameters of the sampler's constructor."""
        return self.parameters

    def finish(self, network: Network, train: TrainSet, context: Context) -> None:
        """Resample the features, retrain the classifier on them."""
        resampler = Resampler(self.sampler, self.constructor(), context.derive("resampling"), context.log)
        x = inference.features(network, train.images, context.device)
        rows, labels = resampler(x.cpu().numpy(), train.labels.cpu().numpy())
        vectors = Images((torch.from_numpy(np.ascontiguousarray(rows, np.float32)).view(len(rows), 1, 1, -1),))
        data = TrainSet(vectors, torch.from_numpy(labels), train.num_classes).to(context.device)
        network.classifier = self._retrain(data, context)

    def _retrain(self, data: TrainSet, context: Context) -> nn.Module:
        dim = data.images.shapes[0][0]
        small = Network(None, Vector(dim), nn.Linear(dim, data.num_classes)).to(context.device)
        steps = self.finish_steps(context)
        begun = context.budget.steps - steps
        progress = [(begun + step) / context.budget.steps for step in range(steps)]
        plain = replace(context, augmentation=Augmentation(horizontal_flip=False, vertical_flip=False))
        stage = Stage(learning_rate=self.second_rate, adam_rate=RETRAIN_ADAM_RATE)
        run_stage(self, small, data, plain, stage, progress, "classifier")
        return small.classifier


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


class FeatureEnsemble(FeatureSpace):
    """Cross-entropy training; then one of imbalanced-learn's ensembles of classifiers on the network's features.

    The network takes the whole budget, the ensemble takes no gradient step; with `space="backbone"` nothing does.
    """

    _ensemble: Any = PrivateAttr(None)

    def finish_share(self) -> float:
        """Nothing, or everything where nothing below the ensemble is trained."""
        return 0.0 if self.space == "network" else 1.0

    def finish(self, network: Network, train: TrainSet, context: Context) -> None:
        """Fit the ensemble on the features."""
        x = inference.features(network, train.images, context.device).cpu().numpy()
        y = train.labels.cpu().numpy()
        seed = context.derive("ensemble")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            self._ensemble = self._fitted(x, y, seed, context)
        for text in sorted({str(warning.message) for warning in said}):
            context.log.warning("imblearn:%s: %s", self.sampler, text)

    def _fitted(self, x: Features, y: Labels, seed: int, context: Context) -> Any:
        try:
            return build(self.sampler, self.parameters, seed).fit(x, y)
        except ValueError as error:
            if "worse than random" not in str(error) and "more than 1 class" not in str(error):
                raise
            context.log.warning("imblearn:%s: %s", self.sampler, str(error).split("\n")[0])
        from sklearn.tree import DecisionTreeClassifier

        parameters = self.parameters
        if "estimator" in defaults(self.sampler):
            # boosting begins with stumps, which tell two classes apart but hardly ten
            parameters = {**parameters, "estimator": DecisionTreeClassifier()}
        rows = _at_least(y, 10)
        context.log.warning("imblearn:%s: with whole trees, and small classes repeated up to 10 rows", self.sampler)
        return build(self.sampler, parameters, seed).fit(x[rows], y[rows])

    def predict_logits(self, images: Images) -> Tensor:
        """Return (N, C) log of the ensemble's class probabilities."""
        network, counts = self.trained()
        probabilities = torch.zeros(len(images), len(counts))
        known = torch.from_numpy(self._ensemble.classes_)
        x = inference.features(network, images, self._device).cpu().numpy()
        probabilities[:, known] = torch.from_numpy(self._ensemble.predict_proba(x)).float()
        return probabilities.clamp(min=torch.finfo(torch.float32).tiny).log()


@register("easy-ensemble", family="ensemble", source="Liu et al. 2009")
class EasyEnsemble(FeatureEnsemble):
    """Boosted stumps (AdaBoost), each on all of the smallest class and as many of every other."""

    sampler: ClassVar[str] = "EasyEnsembleClassifier"


@register("rusboost", family="ensemble", source="Seiffert et al. 2010")
class RusBoost(FeatureEnsemble):
    """AdaBoost that undersamples at random in every round."""

    sampler: ClassVar[str] = "RUSBoostClassifier"


@register("balanced-bagging", family="ensemble", source="Hido et al. 2009")
class BalancedBagging(FeatureEnsemble):
    """Bagged trees, each on a bootstrap sample that is undersampled at random."""

    sampler: ClassVar[str] = "BalancedBaggingClassifier"


@register("balanced-random-forest", family="ensemble", source="Chen et al. 2004")
class BalancedRandomForest(FeatureEnsemble):
    """Random forest, each tree on as many of every class."""

    sampler: ClassVar[str] = "BalancedRandomForestClassifier"


def _at_least(y: Labels, most: int) -> Labels:
    """Return all rows, those of small classes repeated, so that a bootstrap sample hardly misses a class."""
    classes, counts = np.unique(y, return_counts=True)
    repeats = np.maximum(1, -(-most // counts))[np.searchsorted(classes, y)]
    return np.repeat(np.arange(len(y)), repeats)


def known() -> list[str]:
    """Return every class name that `imblearn:<Class>` takes."""
    return [*sampler_names(), *ensemble_names()]


@functools.cache
def make(name: str) -> type[FeatureSpace]:
    """Return the method class around a sampler or an ensemble of imbalanced-learn."""
    ensemble = name in ensemble_names()
    base: type[FeatureSpace] = FeatureEnsemble if ensemble else FeatureResampling
    body = {
        "__module__": __name__,
        "__qualname__": f"{PREFIX}:{name}",
        "__doc__": f"imbalanced-learn's {name} on the network's features; `parameters` go to its constructor.",
        "__annotations__": {},
        "name": f"{PREFIX}:{name}",
        "family": "ensemble" if ensemble else "resampling",
        "reference": "imbalanced-learn",
        "sampler": name,
    }
    return types.new_class(f"{PREFIX}:{name}", (base,), exec_body=lambda namespace: namespace.update(body))


def __getattr__(name: str) -> type[FeatureSpace]:
    """Find a class by its name, as other processes do that are sent one of its methods."""
    prefix, _, rest = name.partition(":")
    if prefix == PREFIX and rest in known():
        return make(rest)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


register_prefix(PREFIX, make, known)
