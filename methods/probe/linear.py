"""Logistic regression on pooled maps."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, PrivateAttr

from methods.base import SearchSpace
from methods.decomposition import svd
from methods.probe.base import Features, Labels, Probe
from methods.registry import register
from methods.training.context import Context

CHOICES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Values of C, scikit-learn's inverse of the penalty, that the folds choose among."""

UNCHOSEN = 1e-1
"""C where a class has a single image, so that there is nothing to hold out."""


@register("linear-probe", family="probe", source="Alain & Bengio 2017")
class LinearProbe(Probe):
    """L2 logistic regression, every image alike.

    The penalty is chosen by stratified folds inside the training subset, of whole groups where each class has two, for
    the least cross-entropy of held-out images. All count alike: with few images of a class, the mean of the classes' is
    too noisy to choose by. `C` fixes it instead.
    """

    search_space: ClassVar[SearchSpace] = {"C": [None, *CHOICES]}
    class_weight: ClassVar[Literal["balanced"] | None] = None
    """Of scikit-learn's logistic regression."""

    C: PositiveFloat | None = None
    folds: PositiveInt = 5

    _basis: Features = PrivateAttr(default_factory=lambda: np.zeros((0, 0)))

    def classifier(self, x: Features, y: Labels, groups: Labels | None, context: Context) -> Any:
        """Choose C, fit to all."""
        # the weights lie in the span of the rows: in coordinates of that span they are the same, and sooner found
        _, _, basis = svd(x)
        self._basis = basis.T
        rows = x @ self._basis
        chosen = self.C or self._chosen(rows, y, groups, context)
        context.log.info("%s: C = %g", self.name, chosen)
        return self._model(chosen).fit(rows, y)

    def log_probabilities(self, x: Features) -> NDArray[np.float64]:
        """Return the logits."""
        log_p: NDArray[np.float64] = self._classifier.predict_log_proba(x @ self._basis)
        return log_p

    def _model(self, c: float) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=c, class_weight=self.class_weight, max_iter=1000, warm_start=True)

    def _chosen(self, rows: Features, y: Labels, groups: Labels | None, context: Context) -> float:
        _, y = np.unique(y, return_inverse=True)
        losses = np.zeros(len(CHOICES))
        splits = stratified(y, groups, self.folds, context.derive("folds") % 2**32)
        if not splits:
            return UNCHOSEN
        for inside, outside in splits:
            model = self._model(1.0)
            for k, c in enumerate(CHOICES):
                log_p = model.set_params(C=c).fit(rows[inside], y[inside]).predict_log_proba(rows[outside])
                losses[k] -= log_p[np.arange(len(outside)), y[outside]].sum()
        return CHOICES[int(losses.argmin())]


@register("linear-probe-balanced", family="probe", source="King & Zeng 2001")
class LinearProbeBalanced(LinearProbe):
    """As linear-probe, images weighted so that all classes weigh alike."""

    class_weight: ClassVar[Literal["balanced"] | None] = "balanced"


@register("linear-probe-adjusted", family="probe", source="Menon et al. 2021")
class LinearProbeAdjusted(LinearProbe):
    """As linear-probe; predicts z - tau log pi_c, tau = 1."""

    search_space: ClassVar[SearchSpace] = {**LinearProbe.search_space, "tau": (0.5, 2.0)}

    tau: NonNegativeFloat = 1.0

    _log_prior: NDArray[np.float64] = PrivateAttr(default_factory=lambda: np.zeros(0))

    def classifier(self, x: Features, y: Labels, groups: Labels | None, context: Context) -> Any:
        """Note the prior, fit as linear-probe."""
        counts = np.unique(y, return_counts=True)[1]
        self._log_prior = np.log(counts / len(y))
        return super().classifier(x, y, groups, context)

    def log_probabilities(self, x: Features) -> NDArray[np.float64]:
        """Take the prior off."""
        return super().log_probabilities(x) - self.tau * self._log_prior


def stratified(y: Labels, groups: Labels | None, folds: int, seed: int) -> list[tuple[Labels, Labels]]:
    """Split rows into stratified folds that leave every class inside; none where a class has a single image.

    Groups are kept whole where every class has images of two at least.

    Args:
        y: (N,) labels from 0 on.
        groups: (N,), or None.
        folds: the most.
        seed: of the shuffle.

    Returns:
        Rows inside and outside of each fold.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    classes = range(int(y.max()) + 1)
    if groups is not None:
        most = min(folds, *(len(np.unique(groups[y == c])) for c in classes))
        if most > 1:
            whole = StratifiedGroupKFold(most, shuffle=True, random_state=seed).split(y, y, groups)
            found = [(i, o) for i, o in whole if len(o) and len(np.unique(y[i])) == len(classes)]
            if found:
                return found
    most = min(folds, int(np.bincount(y).min()))
    return [] if most < 2 else list(StratifiedKFold(most, shuffle=True, random_state=seed).split(y, y))
