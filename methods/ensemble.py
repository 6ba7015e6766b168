"""Ensembles: several networks that share one budget."""

from __future__ import annotations

from abc import abstractmethod

import torch
from pydantic import Field, PositiveInt, PrivateAttr
from torch import Tensor

from methods import registry, sampling
from methods.base import Method
from methods.context import Context
from methods.data import Images, TrainSet
from methods.registry import register


class Ensemble(Method):
    """K members of another method, trained one after another on subsets; the mean of their class probabilities.

    The members share the budget: each takes 1 / K of the gradient steps.
    """

    members: PositiveInt = 5
    base: str = Field(default="cross-entropy", description="the method of each member")

    _members: list[Method] = PrivateAttr(default_factory=list)

    @abstractmethod
    def choose(self, k: int, train: TrainSet, context: Context) -> Tensor:
        """Return the rows (M,) int64 that member k is trained on; the members before it are in `self._members`."""

    def fit(self, train: TrainSet, context: Context) -> None:
        """Train the members in turn."""
        self._members = []
        for k in range(self.members):
            rows = self.choose(k, train, context)
            member = registry.create(self.base)
            member.fit(train.subset(rows), context.member(k, self.members))
            self._members.append(member)

    def predict_logits(self, images: Images) -> Tensor:
        """Return (N, C) log of the members' mean class probabilities."""
        return self.mean_probabilities(images).clamp(min=torch.finfo(torch.float32).tiny).log()

    def mean_probabilities(self, images: Images) -> Tensor:
        """Return (N, C) class probabilities, the mean over the members trained so far."""
        if not self._members:
            raise RuntimeError(f"{self.name}: call fit before asking for predictions")
        return torch.stack([member.predict_logits(images).softmax(1) for member in self._members]).mean(0)


@register("under-bagging", family="ensemble", source="Barandela et al. 2003")
class UnderBagging(Ensemble):
    """Each member on all images of the smallest class and as many, drawn anew, of every other class."""

    def choose(self, k: int, train: TrainSet, context: Context) -> Tensor:
        """Cut every class to the smallest one's size."""
        labels = train.labels.cpu()
        counts = torch.bincount(labels, minlength=train.num_classes)
        smallest = counts[counts > 0].min()
        return sampling.cut(labels, smallest.expand_as(counts), context.generator("subset", k))
