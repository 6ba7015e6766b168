"""Ensembles in feature space, and any other class of imbalanced-learn by name: `imblearn:<Class>`."""

from __future__ import annotations

import functools
import types
import warnings
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import PositiveInt, PrivateAttr
from torch import Tensor

from methods.networks import Network
from methods.registry import register, register_prefix
from methods.resampling.feature_space import FeatureResampling, FeatureSpace
from methods.resampling.imblearn_samplers import Features, Labels, build, defaults, ensemble_names, sampler_names
from methods.training import inference
from methods.training.context import Context
from methods.training.data import Images, TrainSet
from methods.training.stages import Stage

PREFIX = "imblearn"
DRAWS = 10
"""Random subsets that boosting may try before it gives up; with a dozen images of a class one in some hundred fails."""


class FeatureEnsemble(FeatureSpace):
    """Cross-entropy training; then one of imbalanced-learn's ensembles of classifiers on the network's features.

    The network takes the whole budget, the ensemble takes no gradient step; with `space="backbone"` nothing does.
    """

    _ensemble: Any = PrivateAttr(None)

    def stages(self) -> list[Stage]:
        """The network, where it is trained."""
        return [Stage()] if self.space == "network" else []

    def constructor(self) -> dict[str, Any]:
        """Return the parameters of the ensemble's constructor."""
        return self.parameters

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
            return build(self.sampler, self.constructor(), seed).fit(x, y)
        except ValueError as error:
            if not _unlucky(error):
                raise
            context.log.warning("imblearn:%s: %s", self.sampler, str(error).split("\n")[0])
        from sklearn.tree import DecisionTreeClassifier

        parameters = self.constructor()
        if "estimator" in defaults(self.sampler):
            # boosting begins with stumps, which tell two classes apart but hardly ten
            parameters = {**parameters, "estimator": DecisionTreeClassifier()}
        rows = _at_least(y, 10)
        context.log.warning("imblearn:%s: with whole trees, and small classes repeated up to 10 rows", self.sampler)
        for draw in range(DRAWS):
            try:
                return build(self.sampler, parameters, seed + draw).fit(x[rows], y[rows])
            except ValueError as error:
                if not _unlucky(error) or draw == DRAWS - 1:
                    raise
                context.log.warning("imblearn:%s: drawn again, %s", self.sampler, str(error).split("\n")[0])
        raise AssertionError("not reached")

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
    """Boosted stumps (AdaBoost), each on all of the smallest class and as many of every other.

    The authors' 4 subsets with 10 rounds each; imbalanced-learn's own defaults, 10 with 50, take twelve times as long.
    """

    sampler: ClassVar[str] = "EasyEnsembleClassifier"

    subsets: PositiveInt = 4
    rounds: PositiveInt = 10

    def constructor(self) -> dict[str, Any]:
        """Return the number of subsets, and AdaBoost with so many rounds."""
        from sklearn.ensemble import AdaBoostClassifier

        boosted = AdaBoostClassifier(n_estimators=self.rounds)
        return {"n_estimators": self.subsets, "estimator": boosted, **self.parameters}


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


def _unlucky(error: ValueError) -> bool:
    """Whether a random subset taught the first classifier nothing, or held one class alone."""
    return "worse than random" in str(error) or "more than 1 class" in str(error)


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
