"""The contract catches what it promises to catch: one deliberately broken method for each clause."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from pydantic import PrivateAttr
from torch.nn import functional as F

from methods import testing
from methods.base import NetworkMethod
from methods.training.data import Batch
from methods.training.stages import Stage


class Trains(NetworkMethod):
    def predict_logits(self, images):
        return super().predict_logits(images).argmax(1)


class TwoAndTenClasses(NetworkMethod):
    def adjust(self, logits, counts):
        return logits[:, :3] if len(counts) == 10 else logits


class OneImageInAClass(NetworkMethod):
    def adjust(self, logits, counts):
        return logits / (counts - 1)


class GreyAndColour(NetworkMethod):
    def mix(self, batch, counts, draw):
        return Batch(tuple(x[:, 0:1] - x[:, 3:6] for x in batch.inputs), batch.targets)


class Deterministic(NetworkMethod):
    def finish(self, network, train, context):
        noise = torch.randn(network.classifier.weight.shape, generator=torch.Generator().manual_seed(torch.seed()))
        with torch.no_grad():
            network.classifier.weight += noise


class OnlyTrainingData(NetworkMethod):
    def adjust(self, logits, counts):
        return logits - logits.mean(0)


class FrozenParts(NetworkMethod):
    def stages(self):
        return [Stage(trainable=("classifier",))]

    def loss(self, network, batch, counts, progress):
        network.train()
        return super().loss(network, batch, counts, progress)


class EqualBudget(NetworkMethod):
    def finish(self, network, train, context):
        network.train()
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        inputs = train.images.read(torch.arange(4))
        F.cross_entropy(network(inputs), train.labels[:4]).backward()
        optimizer.step()


class StepWithoutWaiting(NetworkMethod):
    def criterion(self, counts, progress):
        return lambda logits, targets: F.cross_entropy(logits, targets) * (1.0 if counts.min().item() else 2.0)


class OtherProcess(NetworkMethod):
    _lock: Any = PrivateAttr(default_factory=threading.Lock)


class ParametersInRecord(NetworkMethod):
    weighting: Callable[[float], float] = abs


BROKEN: dict[str, type[NetworkMethod]] = {
    "trains": Trains,
    "two-and-ten-classes": TwoAndTenClasses,
    "one-image-in-a-class": OneImageInAClass,
    "grey-and-colour": GreyAndColour,
    "deterministic": Deterministic,
    "only-training-data": OnlyTrainingData,
    "frozen-parts": FrozenParts,
    "equal-budget": EqualBudget,
    "step-without-waiting": StepWithoutWaiting,
    "other-process": OtherProcess,
    "parameters-in-record": ParametersInRecord,
}


@pytest.mark.parametrize("clause", testing.CLAUSES)
def test_a_broken_method_fails_its_clause(clause):
    with pytest.raises(AssertionError, match=f"'{BROKEN[clause].__name__}' fails clause '{clause}': "):
        testing.check_method(BROKEN[clause], [clause])


class GlobalDraw(NetworkMethod):
    def limit(self, counts):
        torch.rand(1)
        return torch.randint(1, 4, counts.shape)

    def fit(self, train, context):
        self._counts = self.limit(train.counts)
        super().fit(train, context)


class HalfBudget(NetworkMethod):
    def fit(self, train, context):
        super().fit(train, context.member(0, 2))


class BadSpace(NetworkMethod):
    search_space: ClassVar[dict[str, Any]] = {"gamma": (0.0, 1.0)}


class Memory(NetworkMethod):
    def adjust(self, logits, counts):
        counts += 1
        return logits - counts.log()


class Overwrites(NetworkMethod):
    def finish(self, network, train, context):
        train.labels.zero_()


@pytest.mark.parametrize(
    ("method", "clause", "reason"),
    [
        (GlobalDraw, "deterministic", "global random state of torch"),
        (HalfBudget, "equal-budget", "it spent Meter"),
        (BadSpace, "parameters-in-record", "gamma, which is no parameter"),
        (Memory, "only-training-data", "predicting twice"),
        (Overwrites, "only-training-data", "in place"),
        (EqualBudget, "equal-budget", "13 gradient steps were taken and 12 counted"),
        (FrozenParts, "frozen-parts", "num_batches_tracked|running_mean"),
    ],
)
def test_the_reason_is_said(method, clause, reason):
    with pytest.raises(AssertionError, match=reason):
        testing.check_method(method, [clause])


def test_a_sound_method_passes_all_clauses():
    testing.check_method(NetworkMethod)
