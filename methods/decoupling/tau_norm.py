"""Tau-normalised classifiers."""

from __future__ import annotations

import copy
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat, PrivateAttr
from sklearn.metrics import balanced_accuracy_score
from torch import Tensor

from methods.base import NetworkMethod, SearchSpace
from methods.networks import Network
from methods.networks.classifiers import tau_normalised
from methods.registry import register
from methods.training import inference
from methods.training.context import Context
from methods.training.data import TrainSet
from methods.training.stages import Stage, Task

TAUS = [round(0.1 * k, 1) for k in range(21)]
"""The authors' range: 0 to 2 in steps of a tenth."""
SAME_NORM = 1.05
"""Norms of the classes' weights whose ratio is below this are called equal."""


@register("tau-norm", family="decoupling", source="Kang et al. 2020")
class TauNorm(NetworkMethod):
    """Cross-entropy; then the classifier's weights become w_c / ||w_c||^tau and its biases 0.

    By default tau is chosen from 0, 0.1, ..., 2, as by the authors, who have a validation set for it; here by folds
    inside the training subset: `folds` networks, each of all images but a fold's, take `folds_share` of the gradient
    steps, and the tau with the best balanced accuracy over all held-out images is taken (of equally good ones the
    nearest to 1, which makes all norms equal). So the network itself has half the steps of others. With a tau that is
    given there are no folds, and it has all. Two classes learn opposite weights, of nearly one norm: tau then does next
    to nothing, so it is 1 without folds, the network has all the steps, and the record says so.
    """

    search_space: ClassVar[SearchSpace] = {"tau": (0.0, 2.0)}

    tau: NonNegativeFloat | None = None
    folds: int = Field(default=3, ge=2)
    folds_share: float = Field(default=0.5, gt=0, lt=1)

    _two_classes: bool = PrivateAttr(False)
    _held_out: list[tuple[Network, Tensor]] = PrivateAttr(default_factory=list)

    def network(self, context: Context, train: TrainSet) -> Network:
        """The comparison's network; with two classes there is no tau to choose."""
        self._two_classes = train.num_classes == 2
        return super().network(context, train)

    def stages(self) -> list[Stage]:
        """The folds' networks, where tau is to be chosen; then the network."""
        if self.tau is not None or self._two_classes:
            return [Stage()]
        share = self.folds_share / self.folds
        folds = [Stage(share=share, name=f"fold {k}", task=partial(self._fold, k)) for k in range(self.folds)]
        return [*folds, Stage(share=1 - self.folds_share)]

    def finish(self, network: Network, train: TrainSet, context: Context) -> None:
        """Choose tau, normalise the classifier."""
        tau = self.tau
        if tau is None:
            tau = 1.0 if self._two_classes else self._chosen(train, context)
        norms = network.get_parameter("classifier.weight").detach().norm(dim=1)
        if self._two_classes or norms.max() < SAME_NORM * norms.min():
            context.log.info(
                "tau cannot act: the classes' weights are of nearly one norm (%.3g to %.3g); the biases are taken off",
                *(norms.min().item(), norms.max().item()),
            )
        normalise(network, tau)
        self._held_out = []

    def _fold(self, k: int, network: Network, train: TrainSet, context: Context) -> Task:
        """Return a network of its own, from the same initial weights, and all images but the fold's."""
        if k == 0:
            self._held_out = []
        held = fold_of(train.labels.cpu().numpy(), self.folds, context.derive("folds") % 2**32) == k
        own = copy.deepcopy(network)
        self._held_out.append((own, torch.from_numpy(np.flatnonzero(held))))
        return Task(own, train.subset(torch.from_numpy(np.flatnonzero(~held)).to(train.labels.device)))

    def _chosen(self, train: TrainSet, context: Context) -> float:
        """Return the tau whose normalised networks do best on the images that they have not seen."""
        labels = train.labels.cpu().numpy()
        predicted = np.zeros((len(TAUS), len(labels)), np.int64)
        for network, rows in self._held_out:
            if not len(rows):
                continue
            features = inference.features(network, train.images[rows.to(train.labels.device)], context.device)
            weight = network.get_parameter("classifier.weight").detach()
            for i, tau in enumerate(TAUS):
                predicted[i, rows.numpy()] = (features @ tau_normalised(weight, tau).T).argmax(1).cpu().numpy()
        scores = [balanced_accuracy_score(labels, row) for row in predicted]
        tau = best_tau(scores)
        context.log.info("tau = %g by %d folds (balanced accuracy %.3f)", tau, self.folds, max(scores))
        return tau


def best_tau(scores: list[float]) -> float:
    """Return the tau of the best score in `TAUS`; of equal ones the nearest to 1."""
    return max(zip(scores, TAUS, strict=True), key=lambda pair: (round(pair[0], 9), -abs(pair[1] - 1)))[1]


def fold_of(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return (N,) the fold of each image; the folds share each class alike, to an image."""
    order = np.zeros(len(labels), np.int64)
    rng = np.random.default_rng(seed)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        order[rows] = (np.arange(len(rows)) + rng.integers(folds)) % folds
    return order


def normalise(network: Network, tau: float) -> None:
    """Normalise a network's classifier."""
    weight, bias = network.get_parameter("classifier.weight"), network.get_parameter("classifier.bias")
    with torch.no_grad():
        weight.copy_(tau_normalised(weight, tau))
        bias.zero_()
