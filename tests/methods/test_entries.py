"""Entries are what their names say."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional as F

import methods
from methods import testing
from methods.decoupling import tau_norm
from methods.training import loop

COUNTS = torch.tensor([500, 200, 80, 30, 10])
LOGITS = torch.randn(16, 5, generator=torch.Generator().manual_seed(3))
TARGETS = torch.arange(16) % 5


# ------------------------------------------------------------------ weights


def test_weights_are_scikit_learns_balanced_ones():
    y = np.repeat(np.arange(5), COUNTS.numpy())
    expected = compute_class_weight("balanced", classes=np.arange(5), y=y)
    weights = methods.create("weighted-cross-entropy").criterion(COUNTS, 0.0).weights
    np.testing.assert_allclose(weights.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.5])
def test_weights_have_mean_one_over_the_training_images(gamma):
    weights = methods.create("weighted-cross-entropy", gamma=gamma).criterion(COUNTS, 0.0).weights.double()
    assert ((COUNTS * weights).sum() / COUNTS.sum()).item() == pytest.approx(1)
    np.testing.assert_allclose((weights / weights[0]).numpy(), (500 / COUNTS.double().numpy()) ** gamma, rtol=1e-5)


# ------------------------------------------------------------------ tau


def notes():
    """A logger, and what it hears."""
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())
    log = logging.Logger("notes")
    log.addHandler(handler)
    return log, heard


def test_the_best_tau_and_of_equal_ones_the_nearest_to_one():
    scores = dict.fromkeys(tau_norm.TAUS, 0.5)
    assert [pytest.approx(k / 10) for k in range(21)] == tau_norm.TAUS
    assert tau_norm.best_tau(list(scores.values())) == 1.0
    assert tau_norm.best_tau(list((scores | {0.3: 0.7, 1.9: 0.7}).values())) == 0.3  # 0.7 away, not 0.9
    assert tau_norm.best_tau(list((scores | {2.0: 0.71}).values())) == 2.0


def test_every_image_is_held_out_once_by_a_network_that_has_not_seen_it():
    train, seen = testing.made_data((14, 7, 4)), []
    # every image is its own number, so that what a network is trained on can be read off it
    levels = torch.arange(25.0)[:, None, None, None].expand(25, 4, 4, 8).contiguous()
    train = replace(train, images=methods.Images((levels,)))
    method, context = methods.create("tau-norm"), testing.tiny_context(train)
    for phase in loop.phases(method, method.network(context, train), train, context):
        seen.append(set(phase.train.images.levels[0][:, 0, 0, 0].int().tolist()))
    *folds, everything = seen
    assert everything == set(range(25))
    held = [everything - fold for fold in folds]
    assert sum(map(len, held)) == 25
    assert set.union(*held) == everything
    assert [set(rows.tolist()) for _, rows in method._held_out] == held
    for fold in held:
        of_class = torch.bincount(train.labels[sorted(fold)], minlength=3)
        assert ((of_class - torch.tensor([14, 7, 4]) / 3).abs() < 1).all()


def test_tau_is_chosen_inside_the_budget_and_said():
    train = testing.made_data((14, 7, 4))
    log, heard = notes()
    context = replace(testing.tiny_context(train), log=log)
    method = methods.create("tau-norm")
    method.fit(train, context)
    assert context.meter.steps == testing.STEPS
    assert any(line.startswith("tau = ") and "by 3 folds" in line for line in heard)
    assert torch.equal(method.trained()[0].classifier.bias, torch.zeros(3))
    assert not method._held_out


def test_two_classes_of_one_norm_are_said():
    train = testing.made_data((9, 9))
    log, heard = notes()
    context, method = replace(testing.tiny_context(train), log=log), methods.create("tau-norm", tau=2.0)
    network = method.network(context, train)
    with torch.no_grad():
        network.classifier.weight.copy_(torch.stack([torch.ones(network.head.dim), -torch.ones(network.head.dim)]))
    method.finish(network, train, context)
    assert any(line.startswith("tau cannot act") for line in heard)


def test_two_classes_have_all_steps_and_no_folds():
    train = testing.made_data((14, 7))
    method, plain = methods.create("tau-norm"), methods.create("cross-entropy")
    for each in (method, plain):
        each.fit(train, testing.tiny_context(train))
    found, expected = (each.trained()[0].get_parameter("classifier.weight") for each in (method, plain))
    torch.testing.assert_close(found, F.normalize(expected))  # tau = 1


def test_norms_that_differ_are_not_called_equal():
    train = testing.made_data((9, 9, 9))
    log, heard = notes()
    context, method = replace(testing.tiny_context(train), log=log), methods.create("tau-norm", tau=2.0)
    network = method.network(context, train)
    with torch.no_grad():
        network.classifier.weight.copy_(torch.ones_like(network.classifier.weight))
    method.finish(network, train, context)
    assert len(heard) == 1
    heard.clear()
    with torch.no_grad():
        network.classifier.weight.copy_(torch.tensor([[1.0], [1.1], [1.2]]).expand_as(network.classifier.weight))
    method.finish(network, train, context)
    assert not heard


# ------------------------------------------------------------------ two phases


def test_the_threshold_is_a_number_or_a_multiple_of_the_smallest_class():
    assert methods.create("two-phase").limit(COUNTS).tolist() == [10] * 5
    assert methods.create("two-phase", factor=5).limit(COUNTS).tolist() == [50] * 5
    assert methods.create("two-phase", threshold=100).limit(COUNTS).tolist() == [100] * 5


# ------------------------------------------------------------------ the proposed method


def test_the_proposed_method_transfers_and_changes_its_sampling_under_a_plain_loss():
    method = methods.create("multiscale-two-stage")
    source, first, second = method.stages()
    assert [s.share for s in (source, first, second)] == pytest.approx([0.3, 0.7 * 0.78, 0.7 * 0.22])
    assert source.run is not None
    assert first.trainable == ("head", "classifier")
    assert second.trainable == ("",)
    torch.testing.assert_close(first.sampling(COUNTS, 0.6), torch.full((5,), 0.2, dtype=torch.float64))
    root = COUNTS.double().sqrt()
    torch.testing.assert_close(second.sampling(COUNTS, 0.95), root / root.sum())
    assert method.criterion(COUNTS, 0.9) is F.cross_entropy
    assert method.source_datasets() == ("elpv", "magnetic_tile", "textures")
    alone = methods.create("multiscale-two-stage-no-source")
    assert [s.share for s in alone.stages()] == pytest.approx([0.78, 0.22])
    assert method.transfer_from(()).stages()[0].share == pytest.approx(0.78)


def source_stage(seed="check", target=(12, 6, 3), **changes):
    """Run the source task of a network for a target; returns the network, how it began, and the context."""
    train, other = testing.made_data(target), testing.made_data((5, 5))
    context = replace(testing.tiny_context(train), source_data=lambda names: other, seed=seed, **changes)
    method = methods.create("multiscale-two-stage")
    torch.manual_seed(len(seed))
    network = method.network(context, train)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    next(loop.phases(method, network, train, context)).run(method)
    return network, before, context


def test_the_source_task_trains_the_head_and_leaves_the_targets_classifier_alone():
    network, before, context = source_stage()
    moved = {name.split(".")[0] for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"head"}
    assert context.meter.steps == 4  # of 12, .3 rounded up
    assert context.meter.samples == 4 * 8


def test_what_the_source_teaches_depends_on_nothing_of_the_target():
    asked = []

    def shared(names, context, learn):
        asked.append((names, context.budget.steps, context.network.head, context.seed))
        return learn(testing.made_data((5, 5)), replace(context, seed="in common"))

    one, _, _ = source_stage("one", (12, 6, 3), shared=shared)
    other, _, _ = source_stage("another", (9, 2), shared=shared)
    assert [each[:3] for each in asked] == [(("elpv", "magnetic_tile", "textures"), 4, "multi-scale")] * 2
    assert asked[0][3] != asked[1][3]
    states = [network.head.state_dict() for network in (one, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_steps_that_another_cell_has_taken_count_in_the_budget():
    donor, _, _ = source_stage()
    state = {name: value.clone() for name, value in donor.head.state_dict().items()}
    network, _, context = source_stage("taken over", shared=lambda names, context, learn: state)
    assert (context.meter.steps, context.meter.samples) == (4, 32)
    assert all(torch.equal(value, state[name]) for name, value in network.head.state_dict().items())


def test_over_random_maps_nothing_is_shared():
    """A head learnt over another network's random backbone would be worth nothing."""
    train = testing.made_data(channels=3)
    context = replace(testing.tiny_context(train), shared=lambda names, context, learn: pytest.fail("asked"))
    methods.create("multiscale-two-stage").fit(train, context)
    assert context.meter.steps == testing.STEPS


def test_without_another_dataset_it_does_without_and_says_so():
    train = testing.made_data()
    log, heard = notes()
    context = replace(testing.tiny_context(train), source_data=None, log=log)
    methods.create("multiscale-two-stage").fit(train, context)
    assert context.meter.steps == testing.STEPS
    assert heard == ["no source task: no other dataset can be loaded here"]


def test_the_control_has_the_loss_and_the_network_of_the_variant_and_one_stage():
    variant, control = methods.create("multiscale-two-stage-adjusted"), methods.create("multiscale-logit-adjustment")
    pi = COUNTS.double() / COUNTS.sum()
    expected = F.cross_entropy(LOGITS + 1.5 * pi.log(), TARGETS)
    torch.testing.assert_close(control.criterion(COUNTS, 0.0)(LOGITS, TARGETS).double(), expected)
    # the variant's second stage samples every image alike: there its loss is the control's
    torch.testing.assert_close(variant.criterion(COUNTS, 0.9)(LOGITS, TARGETS).double(), expected)
    torch.testing.assert_close(variant.criterion(COUNTS, 0.0)(LOGITS, TARGETS), F.cross_entropy(LOGITS, TARGETS))
    assert variant.required_head() == control.required_head() == "multi-scale"
    assert len(control.stages()) == 1
