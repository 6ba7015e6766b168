"""Mistakes found in public code of imbalanced learning; each test would catch one of them here."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import methods
from methods import testing
from methods.base import NetworkMethod
from methods.losses import FocalLoss
from methods.resampling import feature_space
from methods.resampling.imblearn_samplers import Resampler
from methods.training import loop, sampling
from methods.training.data import Batch
from methods.training.settings import Optimizer
from methods.training.stages import Stage

COUNTS = torch.tensor([500, 200, 80, 30, 10])
LOGITS = torch.randn(16, 5, generator=torch.Generator().manual_seed(3))
TARGETS = torch.arange(16) % 5
NETWORK_METHODS = [name for name in methods.available() if issubclass(methods.get(name), NetworkMethod)]


def drawn_labels(name: str, stage: int = 0, counts: tuple[int, ...] = (90, 30, 6)) -> torch.Tensor:
    """Return the labels of all images that one stage of a method would train on."""
    method, train = methods.create(name), testing.made_data(counts)
    progress = [i / 40 for i in range(40)]
    draws = loop.Draws(method, method.stages()[stage], train, testing.tiny_context(train), progress, "stage")
    return train.labels[draws.rows]


# ------------------------------------------------------------------ losses


def test_weights_of_a_focal_loss_do_not_enter_p():
    weights = torch.tensor([0.1, 0.5, 1.0, 2.0, 9.0])
    p = LOGITS.softmax(1)[torch.arange(16), TARGETS]
    expected = (weights[TARGETS] * (1 - p) ** 2 * -p.log()).mean()
    torch.testing.assert_close(FocalLoss(2.0, weights)(LOGITS, TARGETS), expected)


def test_the_sigmoid_focal_loss_of_a_certain_mistake_is_large_and_finite():
    logits = torch.full((1, 3), 100.0)
    logits[0, 0] = -100.0
    loss = methods.create("class-balanced-focal", beta=0, gamma=2).criterion(COUNTS[:3], 0.0)(logits, torch.tensor([0]))
    assert loss.item() == pytest.approx(300, rel=1e-4)


def test_remix_multiplies_each_image_with_its_own_weight():
    remix = methods.create("remix", k=2, threshold=0.9)
    batch = remix.mix(Batch((LOGITS[:, :, None, None],), TARGETS), COUNTS, 0.6)
    mixed = batch.inputs[0][:, :, 0, 0]
    weights = remix.label_weight(0.6, COUNTS[TARGETS].float(), COUNTS[TARGETS].float().roll(1))
    assert len(weights.unique()) > 1
    own, other = (F.cross_entropy(mixed, t, reduction="none") for t in (TARGETS, TARGETS.roll(1)))
    expected = (weights * own + (1 - weights) * other).mean()
    torch.testing.assert_close(remix.criterion(COUNTS, 0.0)(mixed, batch.targets), expected)


@pytest.mark.parametrize(
    ("own", "other", "lam", "expected"),
    [
        (30, 10, 0.4, 0.0),
        (30, 10, 0.6, 0.6),
        (10, 30, 0.6, 1.0),
        (10, 30, 0.4, 0.4),
        (20, 10, 0.4, 0.4),
        (5, 5, 0.1, 0.1),
    ],
)
def test_remix_gives_the_label_to_the_much_smaller_class(own, other, lam, expected):
    weight = methods.create("remix").label_weight(lam, torch.tensor([float(own)]), torch.tensor([float(other)]))
    assert weight.item() == pytest.approx(expected)


def test_mixup_shows_batch_norm_the_mixed_images_only(monkeypatch):
    train, passes = testing.made_data(channels=3), []
    seen = torch.nn.BatchNorm2d.forward
    monkeypatch.setattr(torch.nn.BatchNorm2d, "forward", lambda m, x: (passes.append(m.training), seen(m, x))[1])
    methods.create("mixup").fit(train, testing.tiny_context(train))
    layers = sum(1 for m in _network("mixup", train).modules() if isinstance(m, torch.nn.BatchNorm2d))
    assert passes == [True] * (layers * testing.STEPS)


def test_mixup_draws_from_the_beta_distribution():
    mixup, draws = methods.create("mixup", alpha=0.4), (torch.arange(2000) + 0.5) / 2000
    batch = Batch((torch.eye(2)[:, :, None, None],), torch.tensor([0, 1]))
    lam = torch.stack([mixup.mix(batch, torch.tensor([1, 1]), u).targets[0, 0] for u in draws.tolist()])
    assert lam.mean().item() == pytest.approx(0.5, abs=1e-3)
    assert lam.var().item() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), abs=1e-3)


# ------------------------------------------------------------------ sampling


@pytest.mark.parametrize(
    ("name", "stage", "shares"),
    [
        ("cross-entropy", 0, (90 / 126, 30 / 126, 6 / 126)),
        ("oversampling", 0, (1 / 3, 1 / 3, 1 / 3)),
        ("undersampling", 0, (1 / 3, 1 / 3, 1 / 3)),
        ("sqrt-sampling", 0, tuple(math.sqrt(n) / sum(map(math.sqrt, (90, 30, 6))) for n in (90, 30, 6))),
        ("progressive-sampling", 0, tuple(0.5 * n / 126 + 0.5 / 3 for n in (90, 30, 6))),
        ("crt", 0, (90 / 126, 30 / 126, 6 / 126)),
        ("crt", 1, (1 / 3, 1 / 3, 1 / 3)),
        ("lws", 1, (1 / 3, 1 / 3, 1 / 3)),
        ("two-phase", 0, (1 / 3, 1 / 3, 1 / 3)),
        ("two-phase", 1, (90 / 126, 30 / 126, 6 / 126)),
    ],
)
def test_a_resampler_changes_what_is_trained_on(name, stage, shares):
    found = torch.bincount(drawn_labels(name, stage).flatten(), minlength=3) / 320
    assert found.tolist() == pytest.approx(shares, abs=0.09)


def test_the_two_branches_see_their_own_distributions():
    labels = drawn_labels("bbn")
    as_it_is, reversed_ = (torch.bincount(half.flatten(), minlength=3) / 320 for half in labels.chunk(2, 1))
    assert as_it_is.tolist() == pytest.approx([90 / 126, 30 / 126, 6 / 126], abs=0.1)
    assert reversed_.tolist() == pytest.approx([1 / 19, 3 / 19, 15 / 19], abs=0.1)


def test_undersampling_sees_the_same_few_images_throughout():
    method, train = methods.create("undersampling"), testing.made_data((90, 30, 6))
    draws = loop.Draws(method, Stage(), train, testing.tiny_context(train), [0.0] * 40, "stage")
    assert len(draws.rows.unique()) == 18


# mislas smooths labels by class where it samples classes alike: that is its definition
@pytest.mark.parametrize("name", [name for name in NETWORK_METHODS if name != "mislas"])
def test_no_method_balances_twice(name):
    """A resampled stage has a plain loss, or one that allows for exactly the distribution that the stage samples."""
    method, begun = methods.create(name), 0.0
    for stage in method.stages():
        progress, begun = begun + 1e-6, begun + stage.share
        probabilities = (stage.sampling or method.sampling)(COUNTS, progress)
        cut = stage.limit and method.limit(COUNTS) is not None
        if probabilities is None and not cut:
            continue
        allowed = [F.cross_entropy(LOGITS, TARGETS).item()]
        if probabilities is not None and probabilities.ndim == 1:
            allowed.append(F.cross_entropy(LOGITS + probabilities.log(), TARGETS).item())
        loss = method.criterion(COUNTS, progress)(LOGITS, TARGETS).item()
        assert any(loss == pytest.approx(value, abs=1e-5) for value in allowed)


@pytest.mark.parametrize("name", NETWORK_METHODS)
def test_no_method_adjusts_in_training_and_again_at_prediction(name):
    method = methods.create(name)
    loss = method.criterion(COUNTS, 0.0)(LOGITS, TARGETS)
    adjusted_in_training = not torch.allclose(loss, F.cross_entropy(LOGITS, TARGETS))
    adjusted_after = not torch.equal(method.adjust(LOGITS, COUNTS).argmax(1), LOGITS.argmax(1))
    assert not (adjusted_in_training and adjusted_after)


def test_members_subsets_do_not_come_from_the_global_random_state():
    train, chosen = testing.made_data((40, 10, 4)), []
    for seed in (1, 2):
        torch.manual_seed(seed)
        chosen.append(methods.create("under-bagging").choose(1, train, testing.tiny_context(train)))
    assert torch.equal(*chosen)


# ------------------------------------------------------------------ schedules


@pytest.mark.parametrize("steps", [5, 7, 33, 150])
def test_deferred_weights_begin_at_eighty_percent_of_any_length(steps):
    method = methods.create("ldam-drw")
    weighted = [method.criterion(COUNTS, i / steps).weights is not None for i in range(steps)]
    assert weighted == [i / steps >= 0.8 for i in range(steps)]
    assert any(weighted)


@pytest.mark.parametrize("steps", [5, 7, 33, 150])
def test_deferred_losses_switch_on_the_step_that_they_name(steps):
    train = testing.made_data()
    network, batch = (
        _network("influence-balanced", train).eval(),
        Batch(train.images.read(torch.arange(8)), train.labels[:8]),
    )
    plain, method = F.cross_entropy(network(batch.inputs), batch.targets), methods.create("influence-balanced")
    losses = [method.loss(network, batch, train.counts, i / steps) for i in range(steps)]
    changed = [not torch.equal(loss, plain) for loss in losses]
    assert changed.index(True) == math.ceil(steps / 2)


@pytest.mark.parametrize("schedule", ["step", "cosine"])
@pytest.mark.parametrize("steps", [10, 33, 150])
def test_the_learning_rate_decays_at_any_length(schedule, steps):
    settings = Optimizer(schedule=schedule, warmup=0)
    rates = [loop.rate(settings, i, steps) for i in range(steps)]
    assert rates[0] == 1
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.05


def test_the_cao_schedule_falls_at_eighty_and_ninety_percent():
    rates = [loop.rate(Optimizer(schedule="step", warmup=0.025), i, 200) for i in range(200)]
    assert rates[0] == pytest.approx(1 / 6)
    assert rates[4:160] == [pytest.approx(5 / 6)] + [1.0] * 155
    assert rates[160:180] == [0.01] * 20
    assert rates[180:] == [0.0001] * 20


# ------------------------------------------------------------------ frozen parts and feature space


def _network(name, train):
    context = testing.tiny_context(train)
    return methods.create(name).network(context, train)


@pytest.mark.parametrize("name", ["crt", "lws"])
def test_frozen_features_are_bit_identical_after_the_second_stage(name):
    train = testing.made_data(channels=3)
    context, method = testing.tiny_context(train), methods.create(name)
    network = method.network(context, train)
    first, second = method.stages()
    loop.run_stage(method, network, train, context, first, [0.0] * 3, "first")
    before = {k: v.clone() for k, v in network.state_dict().items()}
    loop.run_stage(method, network, train, context, second, [0.9] * 3, "second")
    after = network.state_dict()
    changed = {k for k in before if not torch.equal(before[k], after[k])}
    assert changed == ({"classifier.weight", "classifier.bias"} if name == "crt" else {"classifier.scale"})
    assert any("running_mean" in k for k in before)


def test_smote_sees_the_training_subset_and_nothing_else(monkeypatch):
    train, seen = testing.made_data((12, 6, 3)), []

    class Spy(Resampler):
        def __call__(self, x, y):
            seen.append((x, y))
            return super().__call__(x, y)

    monkeypatch.setattr(feature_space, "Resampler", Spy)
    method = methods.create("smote")
    method.fit(train, testing.tiny_context(train))
    (x, y), trained = seen[0], method.features(train.images)
    np.testing.assert_array_equal(y, train.labels.numpy())
    np.testing.assert_allclose(x, trained.numpy(), rtol=1e-5, atol=1e-6)


def test_the_last_classifier_is_trained_on_the_resampled_features(monkeypatch):
    counts = []
    real = loop.run_stage

    def spy(method, network, train, *rest):
        counts.append(train.counts.tolist())
        return real(method, network, train, *rest)

    monkeypatch.setattr(loop, "run_stage", spy)
    train = testing.made_data((12, 6, 3))
    methods.create("smote").fit(train, testing.tiny_context(train))
    assert counts == [[12, 6, 3], [12, 12, 12]]


def test_the_reversed_distribution_is_proportional_to_the_inverse_counts():
    expected = (1 / COUNTS.double()) / (1 / COUNTS.double()).sum()
    torch.testing.assert_close(sampling.power(COUNTS, -1.0), expected)
