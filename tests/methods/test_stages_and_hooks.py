"""Stages and hooks: when each is called, with which progress, and what may move."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from pydantic import PrivateAttr
from torch import nn

import methods
from methods import testing
from methods.base import NetworkMethod
from methods.training import loop
from methods.training.stages import Stage

WITH_STAGES = ["cross-entropy", "crt", "smote", "cgan", "multiscale-two-stage", "two-phase"]


@pytest.mark.parametrize("name", WITH_STAGES)
def test_progress_is_the_fraction_of_the_whole_budget(name):
    train = testing.made_data()
    parameters = {"source": "elsewhere"} if name == "multiscale-two-stage" else {}
    method, context, seen = methods.create(name, **parameters), testing.tiny_context(train), []
    network = method.network(context, train)
    for phase in loop.phases(method, network, train, context):
        seen += phase.progress
        phase.run(method)
    assert seen == [i / testing.STEPS for i in range(testing.STEPS)]
    assert context.meter.steps == testing.STEPS


class Watched(NetworkMethod):
    """Notes what is called."""

    _calls: list[tuple[str, float]] = PrivateAttr(default_factory=list)

    def stages(self):
        return [Stage(share=0.5), Stage(share=0.5, mix=False)]

    def mix(self, batch, counts, draw):
        self._calls.append(("mix", draw))
        return batch

    def loss(self, network, batch, counts, progress):
        self._calls.append(("loss", progress))
        return super().loss(network, batch, counts, progress)

    def after_step(self, network, batch, counts, progress):
        assert not torch.is_grad_enabled()
        assert len(batch.targets) == 8
        self._calls.append(("after", progress))


def test_each_hook_is_called_when_the_base_class_says():
    method, train = Watched(), testing.made_data()
    method.fit(train, testing.tiny_context(train))
    names = [name for name, _ in method._calls]
    assert names == ["mix", "loss", "after"] * 6 + ["loss", "after"] * 6
    for name in ("loss", "after"):
        assert [p for called, p in method._calls if called == name] == [i / 12 for i in range(12)]


class SharpnessAware(NetworkMethod):
    """Each step at the weights moved by rho g / |g|."""

    step_cost: ClassVar[int] = 2

    def gradient(self, network, loss):
        value = loss()
        value.backward()
        moved = [(p, p.grad.clone()) for p in network.parameters() if p.grad is not None]
        norm = torch.stack([g.norm() for _, g in moved]).norm()
        with torch.no_grad():
            for p, g in moved:
                p.add_(0.05 * g / norm)
        network.zero_grad(set_to_none=True)
        loss().backward()
        with torch.no_grad():
            for p, g in moved:
                p.sub_(0.05 * g / norm)
        return value


class TwoPassesAndStages(SharpnessAware):
    def stages(self):
        return [Stage(share=0.25), Stage(share=0.75)]


@pytest.mark.parametrize("method", [SharpnessAware, TwoPassesAndStages])
def test_a_step_of_two_passes_keeps_the_contract(method):
    testing.check_method(method)


def test_two_passes_are_two_steps_of_the_budget():
    for shares, spent in (((0.5, 0.5), 12), ((0.25, 0.75), 10)):
        method, train, steps = SharpnessAware(), testing.made_data(), []
        object.__setattr__(method, "stages", lambda shares=shares: [Stage(share=s) for s in shares])
        object.__setattr__(method, "after_step", lambda *call, seen=steps: seen.append(call[-1]))
        context = testing.tiny_context(train)
        method.fit(train, context)
        assert context.meter.steps == 2 * len(steps) == spent
    assert steps == [0, 3 / 12, 5 / 12, 7 / 12, 9 / 12]  # a stage of 3 steps has one of two passes, one of 9 four


def test_a_stage_that_cannot_pay_a_step_is_explained():
    train = testing.made_data()
    context = testing.tiny_context(train).member(0, 12)
    with pytest.raises(ValueError, match=r"raise budget\.steps"):
        SharpnessAware().fit(train, context)


class Averaged(NetworkMethod):
    """Predicts with the running average of its classifier."""

    decay: float = 0.5
    declared: ClassVar[tuple[str, ...]] = ("classifier.mean",)

    def network(self, context, train):
        network = super().network(context, train)
        network.classifier = WithMean(network.classifier)
        return network

    def stages(self):
        return [Stage(trainable=("head", "classifier.live"), moving=self.declared)]

    def after_step(self, network, batch, counts, progress):
        live, mean = network.classifier.live, network.classifier.mean
        for a, b in zip(live.parameters(), mean.parameters(), strict=True):
            b.lerp_(a, 1 - self.decay)


class Undeclared(Averaged):
    declared: ClassVar[tuple[str, ...]] = ()


class WithMean(nn.Module):
    def __init__(self, live: nn.Linear) -> None:
        super().__init__()
        self.live, self.mean = live, nn.Linear(live.in_features, live.out_features)
        self.mean.load_state_dict(live.state_dict())

    def forward(self, features: torch.Tensor) -> Any:
        return (self.live if self.live.training else self.mean)(features)


def test_an_average_of_the_weights_moves_as_declared_and_only_then():
    testing.check_method(Averaged)
    with pytest.raises(AssertionError, match=r"frozen: classifier\.mean"):
        testing.check_method(Undeclared, ["frozen-parts"])


def test_what_moves_has_no_gradient_and_takes_up_new_statistics():
    train = testing.made_data()
    context, method = testing.tiny_context(train), NetworkMethod()
    network = method.network(context, train)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    stage = Stage(trainable=("classifier",), moving=("head",))
    loop.run_stage(method, network, train, context, stage, [0.0] * 3, "stage")
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    statistics = {n for n in before if n.endswith(("running_mean", "running_var", "num_batches_tracked"))}
    assert changed == statistics | {"classifier.weight", "classifier.bias"}
