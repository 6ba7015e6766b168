"""Other classifiers of scikit-learn on pooled maps."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveFloat, PositiveInt

from methods.base import SearchSpace
from methods.probe.base import Features, Labels, Probe
from methods.registry import register
from methods.training.context import Context


@register("svm-probe", family="probe", source="Cortes & Vapnik 1995")
class SVMProbe(Probe):
    """Support vector machine, classes weighing alike; C = 1 and a Gaussian kernel of scikit-learn's width.

    The logits are its decision values (one class against the rest), so their softmax is no calibrated probability.
    """

    search_space: ClassVar[SearchSpace] = {"C": [0.01, 0.1, 1.0, 10.0, 100.0], "kernel": ["rbf", "linear"]}

    C: PositiveFloat = 1.0
    kernel: Literal["rbf", "linear"] = "rbf"

    def classifier(self, x: Features, y: Labels, groups: Labels | None, context: Context) -> Any:
        """Fit the machine."""
        from sklearn.svm import SVC

        return SVC(
            C=self.C, kernel=self.kernel, class_weight="balanced", random_state=context.derive("machine") % 2**32
        ).fit(x, y)

    def log_probabilities(self, x: Features) -> NDArray[np.float64]:
        """Return the decision values."""
        z: NDArray[np.float64] = self._classifier.decision_function(x)
        return np.stack([-z / 2, z / 2], 1) if z.ndim == 1 else z


@register("nearest-neighbours", family="probe", source="Cover & Hart 1967")
class NearestNeighbours(Probe):
    """The k nearest training images vote, weighted by 1 / distance; k = 5, or as many images as there are.

    scikit-learn has no class weights here: a class with fewer than k / 2 images seldom wins.
    """

    search_space: ClassVar[SearchSpace] = {"k": [1, 3, 5, 11], "weights": ["uniform", "distance"]}

    k: PositiveInt = 5
    weights: Literal["uniform", "distance"] = "distance"

    def classifier(self, x: Features, y: Labels, groups: Labels | None, context: Context) -> Any:
        """Keep the images."""
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(min(self.k, len(y)), weights=self.weights, algorithm="brute").fit(x, y)


@register("random-forest-probe", family="probe", source="Breiman 2001")
class RandomForestProbe(Probe):
    """Random forest, classes weighing alike in each tree's bootstrap sample; 300 trees."""

    search_space: ClassVar[SearchSpace] = {"trees": [100, 300, 1000], "min_leaf": [1, 2, 5]}

    trees: PositiveInt = 300
    min_leaf: PositiveInt = 1

    def classifier(self, x: Features, y: Labels, groups: Labels | None, context: Context) -> Any:
        """Grow the trees."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            self.trees,
            min_samples_leaf=self.min_leaf,
            class_weight="balanced_subsample",
            n_jobs=1,
            random_state=context.derive("forest") % 2**32,
        ).fit(x, y)
