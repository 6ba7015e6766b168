"""What a memory of the majority finds strange, and what the few minority images teach about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, PrivateAttr
from torch import Tensor

from methods.base import Method, SearchSpace
from methods.networks.frozen import FrozenBackbone
from methods.proposed.fusion import views
from methods.proposed.fusion.memory import PositionMemory, attended, score
from methods.proposed.fusion.scale import Logit, Prior, Scale
from methods.proposed.fusion.teachers import Teachers, weights
from methods.proposed.fusion.views import Array, Rows, Views
from methods.registry import register
from methods.training.context import Context
from methods.training.data import Images, TrainSet

LIMIT = 2.0
"""The memory's distance counts up to so many standard deviations: sound images of an unknown group are strange too."""
FADING = 0.7
"""The memory's weight falls with the number of minority images to this power."""
UNKNOWN = -20.0
"""Logit of a class without images, where others have some."""


@dataclass(frozen=True)
class Column:
    """How one class's scores become its logit.

    Attributes:
        label: of the class.
        teachers: scales of the teachers' scores.
        weights: of the teachers, (T,).
        mean: scale of the teachers' weighted mean.
        memory: scale of the memory's distance.
        trust: weight of the memory's distance against the teachers' mean.
        logit: of the sum.
    """

    label: int
    teachers: list[Scale]
    weights: Array
    mean: Scale
    memory: Scale
    trust: float
    logit: Logit | None = None

    def total(self, scores: list[Array], strange: Array) -> Array:
        """Return (M,) sums of the teachers' (M, C) scores of this class and the memory's (M,) distance."""
        apart = _weighted(self.label, self.teachers, self.weights, scores)
        return np.asarray(self.mean(apart) + self.trust * self.memory(strange).clip(-LIMIT, LIMIT))

    def logits(self, scores: list[Array], strange: Array) -> Array:
        """Return (M,) logits of this class, from what `total` takes."""
        assert self.logit is not None
        return self.logit(self.total(scores, strange))


@register("few-defect-fusion", family="proposed", source="this suite, after Defard et al. 2021")
class FewDefectFusion(Method):
    """A memory of the majority, regressions on what it finds strange, and a threshold from held-out images.

    A Gaussian per cell position (as padim) knows the majority. The raw cells at an image's 1, 3 and 9 strangest
    positions, averaged, stand beside the pooled maps (mean, maximum, standard deviation of every depth): a local defect
    is a small part of any pooled map, and nearly all of these. Five ridge regressions learn from both; a sixth, and a
    logistic one, from mean and maximum alone, and these two weigh more the more images there are (share n / (n + 3)).
    The weighted mean and, less the more minority images there are (trust / n^0.7), the memory's distance are added on
    one scale, that of held-out scores. The threshold lies where a held-out minority image is as likely as another;
    while there are few, a prior says how far they lie (separation). Without any the memory and the prior decide.

    What is held out are whole groups. Where none are given, nobody can say whether new images are of the same groups:
    images are held out one by one, and `clusters` of like images too; the mean of both logits is taken. No gradient
    step is taken. It keeps the cells of all training images in memory. Its constants were chosen on development images.
    """

    needs_minority: ClassVar[bool] = False
    search_space: ClassVar[SearchSpace] = {"trust": (0.5, 4.0), "separation": (1.0, 2.5)}

    channels: PositiveInt = 100
    trust: NonNegativeFloat = 2.0
    share: float = Field(default=0.6, ge=0, le=1)
    separation: PositiveFloat = 1.6
    strength: PositiveFloat = 3.0
    spread: PositiveFloat = 1.5
    clusters: PositiveInt = 10

    _backbone: FrozenBackbone | None = PrivateAttr(None)
    _memory: PositionMemory | None = PrivateAttr(None)
    _teachers: Teachers | None = PrivateAttr(None)
    _columns: list[list[Column]] = PrivateAttr(default_factory=list)
    _alone: tuple[int, list[Logit]] | None = PrivateAttr(None)
    _classes: int = PrivateAttr(0)

    def fit(self, train: TrainSet, context: Context) -> None:
        """Fit memory, teachers and thresholds."""
        backbone = FrozenBackbone(train, context)
        seen = views.read(backbone, train.images)
        labels = train.labels.cpu().numpy()
        counts = np.bincount(labels, minlength=train.num_classes)
        head, seed = heads(counts), context.derive("fusion")
        groupings = self._groupings(train, seen, seed)
        frequent = torch.from_numpy(np.flatnonzero(head[labels]))
        own = seen.cells[frequent]
        memory = PositionMemory(own, self.channels, context.generator("fusion"))
        held_out = memory.held_out(own, *(torch.from_numpy(groups)[frequent] for groups in groupings))
        every = memory.distances(seen.cells)
        distances = [every.index_copy(0, frequent, each) for each in held_out]
        self._backbone, self._memory, self._classes = backbone, memory, train.num_classes
        self._alone, self._teachers, self._columns = None, None, []
        strange = [score(each) for each in distances]
        if (counts > 0).sum() == 1:
            self._alone = int(counts.argmax()), [Logit.between(s, None, s[:0], self._prior()) for s in strange]
            return
        teachers = Teachers(seen.whole, attended(seen.cells, distances[0]), labels, counts, seed)
        self._teachers = teachers
        for groups, apart in zip(groupings, strange, strict=True):
            self._columns.append(self._fused(teachers.held_out(groups), apart, labels, counts))

    def _groupings(self, train: TrainSet, seen: Views, seed: int) -> list[Rows]:
        """Return what is held out together: the groups, or single images and clusters."""
        groups = None if train.groups is None else train.groups.cpu().numpy()
        if groups is None or len(np.unique(groups)) == len(groups):
            return [np.arange(len(train)), views.clusters(seen.means, self.clusters, seed)]
        return [groups]

    def _prior(self) -> Prior:
        return Prior(self.separation, self.strength, self.spread)

    def _fused(self, held_out: list[Array], strange: Array, labels: Rows, counts: Rows) -> list[Column]:
        """Bring teachers and memory to one scale, class by class; of two classes only the minority's is wanted."""
        head = heads(counts)
        wanted = np.flatnonzero(~head) if len(counts) == 2 else np.flatnonzero(counts)
        memory = Scale.of(strange[head[labels]])
        columns = []
        for label in wanted.tolist():
            rest = labels != label
            balance = 1 / counts[labels[rest]]
            scales = [Scale.of(scores[rest, label], balance) for scores in held_out]
            shares = weights(int(counts[label]), self.share)
            mean = Scale.of(_weighted(label, scales, shares, held_out)[rest], balance)
            trust = self.trust / counts[label] ** FADING if head.sum() == 1 and not head[label] else 0.0
            column = Column(label, scales, shares, mean, memory, trust)
            total = column.total(held_out, strange)
            logit = Logit.between(total[rest], balance, total[~rest], self._prior())
            columns.append(replace(column, logit=logit))
        return columns

    def predict_logits(self, images: Images) -> Tensor:
        """Return (N, C) float logits; of two classes the majority's is 0.

        Raises:
            RuntimeError: `fit` has not been called.
        """
        if self._backbone is None or self._memory is None:
            raise RuntimeError(f"{self.name}: call fit before asking for predictions")
        parts = [self._logits(self._memory, part) for part in views.batches(self._backbone, images)]
        return torch.from_numpy(np.concatenate(parts)).float()

    def _logits(self, memory: PositionMemory, seen: Views) -> Array:
        distances = memory.distances(seen.cells)
        strange = score(distances)
        if self._alone is not None:
            known, logits = self._alone
            out = np.tile(np.mean([logit(strange) for logit in logits], 0)[:, None], (1, self._classes))
            out[:, known] = 0.0
            return out
        assert self._teachers is not None
        out = np.full((len(strange), self._classes), 0.0 if self._classes == 2 else UNKNOWN)
        scores = self._teachers.predict(seen.whole, attended(seen.cells, distances))
        for columns in zip(*self._columns, strict=True):
            out[:, columns[0].label] = np.mean([column.logits(scores, strange) for column in columns], 0)
        return out


def heads(counts: Rows) -> Rows:
    """Return (C,) bool, the majority classes: of two the larger, of more those with over half the largest's images."""
    if len(counts) == 2:
        return np.asarray(np.arange(2) == counts.argmax())
    return np.asarray(counts > counts.max() / 2)


def _weighted(label: int, scales: list[Scale], shares: Array, scores: list[Array]) -> Array:
    """Return the (M,) weighted mean of the teachers' (M, C) scores of one class, each on its scale."""
    return np.asarray(shares @ np.stack([s(x[:, label]) for s, x in zip(scales, scores, strict=True)]))
