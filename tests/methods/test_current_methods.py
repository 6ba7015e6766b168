"""Methods from 2021 on do in training what their names say."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import methods
from methods import testing
from methods.decoupling.weight_balancing import max_norm
from methods.training import loop
from methods.training.settings import Budget, Optimizer
from methods.training.stages import covered


def stage_by_stage(method, train, context):
    """Yield each stage with the network's state before and after it."""
    with context.seeded("initial weights"):
        network = method.network(context, train)
    with context.seeded("training"):
        for phase in loop.phases(method, network, train, context):
            before = {n: t.clone() for n, t in network.state_dict().items()}
            phase.run(method)
            yield phase.stage, before, {n: t.clone() for n, t in network.state_dict().items()}


def moved(before, after):
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


# ------------------------------------------------------------------ MiSLAS


def test_the_second_stage_of_mislas_moves_classifier_and_statistics_alone():
    method, train = methods.create("mislas"), testing.made_data((12, 6, 3), channels=3)
    _, (_, before, after) = stage_by_stage(method, train, testing.tiny_context(train))
    names = moved(before, after)
    assert any(name.endswith("running_mean") for name in names)
    assert {n for n in names if not n.endswith(("running_mean", "running_var", "num_batches_tracked"))} == {
        "classifier.scale",
        "classifier.linear.weight",
        "classifier.linear.bias",
    }


def test_without_shift_the_statistics_stay():
    method, train = methods.create("mislas", shift=False), testing.made_data((12, 6, 3), channels=3)
    _, (_, before, after) = stage_by_stage(method, train, testing.tiny_context(train))
    assert all(covered(name, ("classifier",)) for name in moved(before, after))


def test_mislas_mixes_in_its_first_stage_and_not_in_its_second():
    seen = []

    class Watched(methods.get("mislas")):
        def loss(self, network, batch, counts, progress):
            seen.append((progress, batch.targets.ndim))
            return super().loss(network, batch, counts, progress)

    train = testing.made_data()
    Watched().fit(train, testing.tiny_context(train))
    assert all((ndim == 2) == (progress < 0.85) for progress, ndim in seen)
    assert {ndim for _, ndim in seen} == {1, 2}


# ------------------------------------------------------------------ DisAlign


def test_the_second_stage_of_disalign_moves_the_alignment_alone():
    method, train = methods.create("disalign", second_share=0.5), testing.made_data()
    (_, _, first), (_, before, after) = stage_by_stage(method, train, testing.tiny_context(train))
    assert moved(before, after) == {
        "classifier.scale",
        "classifier.offset",
        "classifier.confidence.weight",
        "classifier.confidence.bias",
    }
    assert torch.equal(first["classifier.scale"], torch.ones(3))


# ------------------------------------------------------------------ weight balancing


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("steps", [100, 400])
def test_the_first_decay_shrinks_weights_as_the_authors_do(optimizer, steps):
    method, train = methods.create("weight-balancing"), testing.made_data()
    context = testing.tiny_context(train)
    settings = Optimizer(name=optimizer, learning_rate=1e-3, momentum=0.0)
    context = type(context)(
        **{**vars(context), "optimizer": settings, "budget": Budget(steps=steps, batch_size=8)},
    )
    method.network(context, train)
    stage = method.stages()[0]
    weight = nn.Parameter(torch.ones(1))
    inner = loop.build_optimizer([weight], settings, stage)
    n = round(0.85 * steps)
    schedule = torch.optim.lr_scheduler.LambdaLR(inner, lambda step: loop.rate(settings, step, n))
    for _ in range(n):
        weight.grad = torch.zeros(1)
        inner.step()
        schedule.step()
    # 0.005 at a rate of 0.01, halved by the cosine, over 320 epochs of 10,847 images in batches of 64
    assert weight.item() == pytest.approx(math.exp(-0.005 * 0.01 / 2 * 320 * 10_847 / 64), rel=0.05)


def test_max_norm_brings_long_rows_back_and_leaves_short_ones():
    weight = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    torch.testing.assert_close(max_norm(weight, torch.tensor(1.0)), torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]]))


def test_the_classifier_goes_on_and_its_rows_stay_within_the_radius():
    method, train = methods.create("weight-balancing", radius=0.4), testing.made_data((12, 6, 3))
    (_, _, first), (_, before, after) = stage_by_stage(method, train, testing.tiny_context(train))
    assert torch.equal(first["classifier.weight"], before["classifier.weight"])
    assert moved(before, after) == {"classifier.weight", "classifier.bias"}
    lengths = first["classifier.weight"].norm(dim=1)
    longest = lengths.min() + 0.4 * (lengths.max() - lengths.min())
    assert (after["classifier.weight"].norm(dim=1) <= longest + 1e-6).all()


# ------------------------------------------------------------------ sharpness-aware minimisation


class Valley(nn.Module):
    """A scalar loss of one weight vector, w^4 summed."""

    def __init__(self, start):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(start))

    def forward(self):
        return (self.w**4).sum()


def test_the_gradient_is_that_of_the_weights_moved_uphill():
    network, rho = Valley([1.0, -2.0]), 0.1
    method = methods.create("logit-adjustment-sam", rho=rho)
    watched = method.gradient(network, network.forward)
    w = torch.tensor([1.0, -2.0], dtype=torch.float64)
    slope = 4 * w**3
    expected = 4 * (w + rho * slope / slope.norm()) ** 3
    assert watched.item() == pytest.approx(17.0)
    torch.testing.assert_close(network.w.grad.double(), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(network.w.detach(), torch.tensor([1.0, -2.0]))


def test_the_second_pass_leaves_batch_norm_statistics_alone():
    network, x = nn.BatchNorm1d(2), torch.randn(16, 2, generator=torch.Generator().manual_seed(0)) + 3
    methods.create("logit-adjustment-sam").gradient(network, lambda: (network(x) ** 3).mean())
    torch.testing.assert_close(network.running_mean, 0.1 * x.mean(0))
    assert network.momentum == 0.1


# ------------------------------------------------------------------ experts and simplex


def test_each_expert_learns_from_its_own_loss_alone():
    method, train = methods.create("sade"), testing.made_data()
    context = testing.tiny_context(train)
    with context.seeded("initial weights"):
        network = method.network(context, train)
    features = network.features(train.images.read(torch.arange(len(train))))
    each = network.classifier.each(features)
    torch.testing.assert_close(network.classifier(features), each.mean(0))
    each[1].sum().backward()
    reached = {n for n, p in network.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert reached
    assert all(name.startswith(("head.heads.1.", "classifier.experts.1.")) for name in reached)


def test_experts_begin_apart():
    method, train = methods.create("sade"), testing.made_data()
    context = testing.tiny_context(train)
    with context.seeded("initial weights"):
        network = method.network(context, train)
    each = network.classifier.each(network.features(train.images.read(torch.arange(len(train)))))
    assert not torch.allclose(each[0], each[1])


def test_the_simplex_is_never_learnt():
    method, train = methods.create("etf-classifier"), testing.made_data()
    [(_, before, after)] = stage_by_stage(method, train, testing.tiny_context(train))
    assert "classifier.vertices" in before
    assert "classifier.vertices" not in moved(before, after)
