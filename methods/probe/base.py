"""What probes share: features, their scale, and logits for all classes."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import PrivateAttr
from torch import Tensor

from methods.base import Method
from methods.networks.frozen import FrozenBackbone
from methods.training.context import Context
from methods.training.data import Images, TrainSet

Features = NDArray[np.float64]
Labels = NDArray[np.int64]

ABSENT = float(np.log(np.finfo(np.float32).tiny))
"""Logarithm of the probability of a class that the probe has not seen."""


class Probe(Method):
    """A classifier of scikit-learn on the transferred backbone's maps, pooled (mean and maximum of every depth).

    Features are standardised by the training subset. Nothing is trained by gradient steps of this suite, so the budget
    plays no part.
    """

    _backbone: FrozenBackbone | None = PrivateAttr(None)
    _scaler: Any = PrivateAttr(None)
    _classifier: Any = PrivateAttr(None)
    _classes: int = PrivateAttr(0)

    @abstractmethod
    def classifier(self, x: Features, y: Labels, groups: Labels | None, context: Context) -> Any:
        """Return a fitted classifier.

        Args:
            x: (N, D) features, each of mean 0 and variance 1.
            y: (N,) labels.
            groups: (N,) of images that are alike, or None.
            context: random seeds, log.
        """

    def log_probabilities(self, x: Features) -> NDArray[np.float64]:
        """Return (N, K) logarithms of the probabilities of the classifier's K classes, up to a constant of each row."""
        p = self._classifier.predict_proba(x)
        logits: np.ndarray = np.log(np.maximum(p, np.finfo(np.float32).tiny))
        return logits

    def fit(self, train: TrainSet, context: Context) -> None:
        """Read the features, fit the classifier.

        Raises:
            ValueError: the training subset has images of one class alone.
        """
        from sklearn.preprocessing import StandardScaler

        y = train.labels.cpu().numpy()
        if len(np.unique(y)) < 2:
            raise ValueError(f"{self.name}: needs images of two classes at least; a one-class method needs one alone")
        self._backbone, self._classes = FrozenBackbone(train, context), train.num_classes
        self._scaler = StandardScaler().fit(self._read(train.images))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            groups = None if train.groups is None else train.groups.cpu().numpy()
            self._classifier = self.classifier(self._features(train.images), y, groups, context)
        for text in sorted({str(warning.message).partition("\n")[0] for warning in said}):
            context.log.warning("%s: %s", self.name, text)

    def predict_logits(self, images: Images) -> Tensor:
        """Return (N, C) float log-probabilities; classes without training images have next to none.

        Raises:
            RuntimeError: `fit` has not been called.
        """
        logits = torch.full((len(images), self._classes), ABSENT)
        known = torch.from_numpy(self.trained().classes_)
        answers = torch.from_numpy(self.log_probabilities(self._features(images))).log_softmax(1)
        logits[:, known] = answers.clamp(min=ABSENT).float()
        return logits

    def trained(self) -> Any:
        """Return the fitted classifier.

        Raises:
            RuntimeError: `fit` has not been called.
        """
        if self._classifier is None:
            raise RuntimeError(f"{self.name or type(self).__name__}: call fit before asking for predictions")
        return self._classifier

    def _read(self, images: Images) -> Features:
        assert self._backbone is not None
        return torch.cat(self._backbone.pooled(images), 1).double().numpy()

    def _features(self, images: Images) -> Features:
        scaled: Features = self._scaler.transform(self._read(images))
        return scaled
