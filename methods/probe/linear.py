"""Logistic regression on pooled maps."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, PrivateAttr

from methods.base import SearchSpace
from methods.probe.base import Features, Labels, Probe
from methods.registry import register
from methods.training.context import Context

CHOICES = tuple(float(c) for c in np.logspace(-5, 1, 7))
"""Values of C, scikit-learn's inverse of the penalty, that the folds choose among."""

UNCHOSEN = 1e-2
"""C where a class has a single image, so that there is nothing to hold out."""


@register("linear-probe", family="probe", source="Alain & Bengio 2017")
class LinearProbe(Probe):
    """L2 logistic regression, every image alike.

    The penalty is chosen by stratified folds inside the training subset, for the least cross-entropy of held-out images
    (the mean of their classes', in the variants that care for small classes). `C` fixes it instead.
    """

    search_space: ClassVar[SearchSpace] = {"C": [None, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]}
    class_weight: ClassVar[Literal["balanced"] | None] = None
    """Of scikit-learn's logistic regression."""
    classes_alike: ClassVar[bool] = False
    """Whether held-out classes count alike in the choice of the penalty, or images do."""

    C: PositiveFloat | None = None
    folds: PositiveInt = 5

    _basis: Features = PrivateAttr(default_factory=lambda: np.zeros((0, 0)))

    def classifier(self, x: Features, y: Labels, context: Context) -> Any:
        """Choose C, fit to all."""
        # the weights lie in the span of the rows: in coordinates of that span they are the same, and sooner found
        _, _, basis = np.linalg.svd(x, full_matrices=False)
        self._basis = basis.T
        rows = x @ self._basis
        chosen = self.C or self._chosen(rows, y, context)
        context.log.info("%s: C = %g", self.name, chosen)
        return self._model(chosen).fit(rows, y)

    def log_probabilities(self, x: Features) -> NDArray[np.float64]:
        """Return the logits."""
        log_p: NDArray[np.float64] = self._classifier.predict_log_proba(x @ self._basis)
        return self.corrected(log_p)

    def corrected(self, log_p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Change the (N, K) log-probabilities of K classes."""
        return log_p

    def _model(self, c: float) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=c, class_weight=self.class_weight, max_iter=1000, warm_start=True)

    def _chosen(self, rows: Features, y: Labels, context: Context) -> float:
        from sklearn.model_selection import StratifiedKFold

        _, y, counts = np.unique(y, return_inverse=True, return_counts=True)
        folds = min(self.folds, int(counts.min()))
        if folds < 2:
            return UNCHOSEN
        losses = np.zeros((len(CHOICES), len(y)))
        splits = StratifiedKFold(folds, shuffle=True, random_state=context.derive("folds") % 2**32)
        for inside, outside in splits.split(rows, y):
            model = self._model(1.0)
            for k, c in enumerate(CHOICES):
                model.set_params(C=c).fit(rows[inside], y[inside])
                z = self.corrected(model.predict_log_proba(rows[outside]))
                losses[k, outside] = np.logaddexp.reduce(z, axis=1) - z[np.arange(len(outside)), y[outside]]
        weights = 1 / counts[y] if self.classes_alike else np.ones(len(y))
        return CHOICES[int((losses @ weights).argmin())]


@register("linear-probe-balanced", family="probe", source="King & Zeng 2001")
class LinearProbeBalanced(LinearProbe):
    """As linear-probe, images weighted so that all classes weigh alike."""

    class_weight: ClassVar[Literal["balanced"] | None] = "balanced"
    classes_alike: ClassVar[bool] = True


@register("linear-probe-adjusted", family="probe", source="Menon et al. 2021")
class LinearProbeAdjusted(LinearProbe):
    """As linear-probe; predicts z - tau log pi_c, tau = 1."""

    search_space: ClassVar[SearchSpace] = {**LinearProbe.search_space, "tau": (0.5, 2.0)}
    classes_alike: ClassVar[bool] = True

    tau: NonNegativeFloat = 1.0

    _log_prior: NDArray[np.float64] = PrivateAttr(default_factory=lambda: np.zeros(0))

    def classifier(self, x: Features, y: Labels, context: Context) -> Any:
        """Choose C for corrected predictions, fit to all."""
        counts = np.unique(y, return_counts=True)[1]
        self._log_prior = np.log(counts / len(y))
        return super().classifier(x, y, context)

    def corrected(self, log_p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take the prior off."""
        return log_p - self.tau * self._log_prior
