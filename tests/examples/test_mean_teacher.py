"""The example of a method with two networks does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import methods
from benchmarks.commands import plugins
from methods import testing
from methods.base import NetworkMethod
from methods.training import loop

EXAMPLE = Path(__file__).parents[2] / "examples" / "mean_teacher.py"


@pytest.fixture(autouse=True)
def _loaded(forget_plugins: None) -> None:
    plugins.load_file(EXAMPLE)


def test_it_keeps_the_contract() -> None:
    testing.check_method("mean-teacher")


def test_the_teacher_is_the_average_of_the_student_after_each_step() -> None:
    method = methods.create("mean-teacher", decay=0.75)
    assert isinstance(method, NetworkMethod)
    train = testing.made_data()
    context = testing.tiny_context(train)
    network = method.network(context, train)
    weights = [network.classifier.weight.detach().clone()]
    hook = method.after_step

    def watch(*call: object) -> None:
        weights.append(network.classifier.weight.detach().clone())
        hook(*call)  # type: ignore[arg-type]

    object.__setattr__(method, "after_step", watch)
    loop.run_stage(method, network, train, context, method.stages()[0], [0.0, 0.25, 0.5], "stage")
    first, *steps = weights
    expected = 0.75**3 * first + sum(0.25 * 0.75 ** (2 - k) * step for k, step in enumerate(steps))
    torch.testing.assert_close(network.get_parameter("teacher.classifier.weight").detach(), expected)


def test_the_teacher_predicts() -> None:
    method = methods.create("mean-teacher", decay=0.0)
    plain = methods.create("mean-teacher", decay=0.999)
    train = testing.made_data()
    logits = []
    for each in (method, plain):
        each.fit(train, testing.tiny_context(train))
        logits.append(each.predict_logits(train.images))
    # At decay 0 it is the student itself; at 0.999 it hardly leaves the initial weights, and so differs.
    assert not torch.allclose(*logits, atol=1e-2)
