"""Ensembles: several networks that share one budget."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import torch
from pydantic import Field, PositiveInt, PrivateAttr, field_validator
from torch import Tensor

from methods import registry
from methods.base import Method, SearchSpace
from methods.registry import register
from methods.training import sampling
from methods.training.context import Context
from methods.training.data import Images, TrainSet


class Ensemble(Method):
    """K members of another method, trained one after another on subsets; the mean of their class probabilities.

    The members share the budget: each takes 1 / K of the gradient steps; K = 5.
    """

    search_space: ClassVar[SearchSpace] = {"members": [3, 5, 10]}

    members: PositiveInt = 5
    base: str = Field(default="cross-entropy", description="the method of each member")

    _members: list[Method] = PrivateAttr(default_factory=list)

    @field_validator("base")
    @classmethod
    def _known(cls, base: str) -> str:
        registry.get(base)
        return base

    @abstractmethod
    def choose(self, k: int, train: TrainSet, context: Context) -> Tensor:
        """Return the rows (M,) int64 that member k is trained on; the members before it are in `self._members`."""

    def fit(self, train: TrainSet, context: Context) -> None:
        """Train the members in turn."""
        self._members = []
        for k in range(self.members):
            rows = self.choose(k, train, context)
            member = registry.create(self.base)
            member.fit(train.subset(rows.to(train.labels.device)), context.member(k, self.members))
            self._members.append(member)

    def predict_logits(self, images: Images) -> Tensor:
        """Return (N, C) log of the members' mean class probabilities."""
        mean = torch.stack([member.predict_logits(images).softmax(1) for member in self.trained()]).mean(0)
        return mean.clamp(min=torch.finfo(torch.float32).tiny).log()

    def trained(self) -> list[Method]:
        """Return the trained members.

        Raises:
            RuntimeError: `fit` has not been called.
        """
        if not self._members:
            raise RuntimeError(f"{self.name or type(self).__name__}: call fit before asking for predictions")
        return list(self._members)


@register("under-bagging", family="ensemble", source="Barandela et al. 2003")
class UnderBagging(Ensemble):
    """Each member on all images of the smallest class and as many, drawn anew, of every other class."""

    def choose(self, k: int, train: TrainSet, context: Context) -> Tensor:
        """Cut every class to the smallest one's size."""
        labels, counts = on_cpu(train)
        return sampling.cut(labels, sampling.smallest(counts).expand_as(counts), context.generator("subset", k))


class HardnessEnsemble(Ensemble):
    """An ensemble whose members see what those before them found hard.

    An image's hardness is 1 - p_y, p the mean of the members' class probabilities so far.
    """

    _known_p: list[Tensor] = PrivateAttr(default_factory=list)

    def fit(self, train: TrainSet, context: Context) -> None:
        """Train the members in turn."""
        self._known_p = []
        super().fit(train, context)
        self._known_p = []

    def choose(self, k: int, train: TrainSet, context: Context) -> Tensor:
        """Choose class by class, the smallest class entirely."""
        labels, counts = on_cpu(train)
        if k:
            p = self._members[-1].predict_logits(train.images).softmax(1)
            self._known_p.append(p.gather(1, labels[:, None])[:, 0])
        hardness = 1 - torch.stack(self._known_p).mean(0) if k else torch.zeros(len(labels))
        least, generator = int(sampling.smallest(counts)), context.generator("subset", k)
        rows = [torch.nonzero(labels == label).flatten() for label in range(len(counts))]
        return torch.cat([self.pick(k, r, hardness[r], least, generator) for r in rows]).sort().values

    @abstractmethod
    def pick(self, k: int, rows: Tensor, hardness: Tensor, least: int, generator: torch.Generator) -> Tensor:
        """Choose among the images of one class for member k.

        Args:
            k: number of the member; before the first, all are equally hard.
            rows: (n,) int64, the class's images.
            hardness: (n,) float in [0, 1].
            least: n_min.
            generator: on the CPU.

        Returns:
            (m,) int64, some of `rows`.
        """


@register("balance-cascade", family="ensemble", source="Liu et al. 2009")
class BalanceCascade(HardnessEnsemble):
    """Before each member, the images of larger classes that the ensemble classifies best are dropped for good.

    A class keeps n_c (n_min / n_c)^(k / (K - 1)) images for member k, which is n_min for the last; n_min of them are
    drawn at random. With several classes, each is thinned out on its own, by its own p_y.
    """

    _left: dict[int, Tensor] = PrivateAttr(default_factory=dict)

    def pick(self, k: int, rows: Tensor, hardness: Tensor, least: int, generator: torch.Generator) -> Tensor:
        """Drop the easiest, then cut to n_min."""
        if len(rows) <= least:
            return rows
        kept = math.ceil(len(rows) * (least / len(rows)) ** (k / max(self.members - 1, 1)) - 1e-9)
        key = int(rows[0])
        alive = torch.arange(len(rows)) if k == 0 else self._left[key]
        hardest = torch.argsort(hardness[alive], descending=True, stable=True)
        self._left[key] = alive[hardest[: max(kept, least)]].sort().values
        left = self._left[key]
        return rows[left[torch.randperm(len(left), generator=generator)[:least]]]


@register("self-paced-ensemble", family="ensemble", source="Liu et al. 2020")
class SelfPacedEnsemble(HardnessEnsemble):
    """Larger classes are sampled over bins of hardness, in shares 1 / (mean hardness of the bin + tan(pi/2 k/(K-1))).

    So the first members see each bin's share of the hardness alike, the last as many images of each bin. Bins: 5, as in
    the authors' code, of equal width between the least and the greatest hardness. A member sees n_min images of a
    larger class, never more: bins take their shares rounded, and what small bins lack is drawn from the rest of the
    class. The first member, and classes whose images are all equally hard, are undersampled at random. With several
    classes, each is binned on its own.
    """

    search_space: ClassVar[SearchSpace] = {"members": [3, 5, 10], "bins": [3, 5, 10]}

    bins: PositiveInt = 5

    def pick(self, k: int, rows: Tensor, hardness: Tensor, least: int, generator: torch.Generator) -> Tensor:
        """Draw from the bins."""
        order = torch.randperm(len(rows), generator=generator)
        if len(rows) <= least:
            return rows
        low, high = hardness.min(), hardness.max()
        if k == 0 or low == high:
            return rows[order[:least]]
        place = ((hardness - low) / (high - low) * self.bins).long().clamp(max=self.bins - 1)
        wanted = rounded(least, self._shares(k, place, hardness))
        drawn = torch.cat([order[place[order] == b][: int(wanted[b])] for b in range(self.bins)])
        rest = order[~torch.isin(order, drawn)][: least - len(drawn)]
        return rows[torch.cat([drawn, rest])]

    def _shares(self, k: int, place: Tensor, hardness: Tensor) -> Tensor:
        """Return (bins,) shares that sum to 1; empty bins have none."""
        sizes = torch.bincount(place, minlength=self.bins)
        mean = torch.zeros(self.bins).index_add_(0, place, hardness) / sizes.clamp(min=1)
        weights = torch.where(sizes > 0, 1 / (mean + math.tan(math.pi / 2 * k / (self.members - 1))), 0.0)
        return weights / weights.sum()


def rounded(total: int, shares: Tensor) -> Tensor:
    """Return (B,) int64 parts of `total` by shares that sum to 1, the largest remainders rounded up."""
    parts = (total * shares).long()
    short = total - int(parts.sum())
    parts[torch.argsort(total * shares - parts, descending=True, stable=True)[:short]] += 1
    return parts


def on_cpu(train: TrainSet) -> tuple[Tensor, Tensor]:
    """Return labels (N,) and class counts (C,) on the CPU."""
    labels = train.labels.cpu()
    return labels, torch.bincount(labels, minlength=train.num_classes)
