"""What must hold of every loss, whatever its numbers."""

from __future__ import annotations

import pytest
import torch
from golden_values import COSINES, COUNTS, LOGITS, TARGETS, Given
from torch.nn import functional as F

import methods

UNIFORM = torch.full((5,), 100)
TEMPERED = ["cdt", "vs-loss"]
ADJUSTED = [
    "weighted-cross-entropy",
    "class-balanced",
    "balanced-softmax",
    "logit-adjustment",
    "disalign",
    *TEMPERED,
]
SOFTMAX = [*ADJUSTED, "cross-entropy", "focal", "label-aware-smoothing"]
ALL = [*SOFTMAX, "class-balanced-focal", "ldam-drw", "influence-balanced"]


def loss_of(name, logits, targets=TARGETS, counts=COUNTS, progress=0.9, **parameters):
    return methods.create(name, **parameters).loss(Given(logits), methods.Batch((), targets), counts, progress)


@pytest.mark.parametrize("name", ADJUSTED)
def test_with_uniform_counts_it_is_cross_entropy(name):
    torch.testing.assert_close(loss_of(name, LOGITS, counts=UNIFORM), F.cross_entropy(LOGITS, TARGETS))


def test_with_uniform_counts_post_hoc_adjustment_changes_no_prediction():
    adjusted = methods.create("posthoc-logit-adjustment").adjust(LOGITS, UNIFORM)
    torch.testing.assert_close(adjusted.softmax(1), LOGITS.softmax(1))


def test_focal_without_focus_is_cross_entropy():
    torch.testing.assert_close(loss_of("focal", LOGITS, gamma=0), F.cross_entropy(LOGITS, TARGETS))


def test_smoothing_nothing_is_cross_entropy():
    loss = loss_of("label-aware-smoothing", LOGITS, head_smoothing=0, tail_smoothing=0)
    torch.testing.assert_close(loss, F.cross_entropy(LOGITS, TARGETS))


def test_smoothing_all_classes_alike_is_torchs_label_smoothing():
    loss = loss_of("label-aware-smoothing", LOGITS, head_smoothing=0.2, tail_smoothing=0.2)
    torch.testing.assert_close(loss, F.cross_entropy(LOGITS, TARGETS, label_smoothing=0.2))


def test_sigmoid_focal_without_focus_is_torchs_binary_cross_entropy():
    expected = F.binary_cross_entropy_with_logits(LOGITS, F.one_hot(TARGETS, 5).float(), reduction="sum") / 8
    torch.testing.assert_close(loss_of("class-balanced-focal", LOGITS, beta=0, gamma=0), expected)


def test_ldam_without_margin_is_cross_entropy_of_scaled_cosines():
    loss = loss_of("ldam-drw", COSINES, progress=0.0, margin=0)
    torch.testing.assert_close(loss, F.cross_entropy(30 * COSINES, TARGETS))


# a temperature for each class makes a constant matter
@pytest.mark.parametrize("name", [name for name in SOFTMAX if name not in TEMPERED])
def test_a_constant_added_to_all_logits_changes_no_softmax_loss(name):
    torch.testing.assert_close(loss_of(name, LOGITS + 7.5), loss_of(name, LOGITS), atol=1e-5, rtol=1e-5)


def test_a_batch_of_one_keeps_its_weight():
    rare, frequent = (loss_of("class-balanced", LOGITS[i : i + 1], TARGETS[i : i + 1]) for i in (7, 0))
    ratio = (rare / F.cross_entropy(LOGITS[7:], TARGETS[7:])) / (frequent / F.cross_entropy(LOGITS[:1], TARGETS[:1]))
    assert ratio.item() == pytest.approx(3.267813 / 0.066970, rel=1e-4)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("progress", [0.0, 0.9])
@pytest.mark.parametrize("size", [0.0, 100.0, -100.0])
def test_values_and_gradients_are_finite_at_large_logits(name, progress, size):
    for column in range(5):
        logits = torch.zeros(8, 5)
        logits[:, column] = size
        logits.requires_grad_(True)
        loss = loss_of(name, logits, progress=progress)
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_values_and_gradients_are_finite_under_bfloat16_autocast(name, scale):
    weight = torch.eye(5).requires_grad_(True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = (scale * LOGITS) @ weight
        assert logits.dtype == torch.bfloat16
        loss = loss_of(name, logits)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert weight.grad.isfinite().all()


@pytest.mark.parametrize("name", ALL)
def test_a_class_without_images_leaves_the_loss_finite(name):
    assert loss_of(name, LOGITS, counts=torch.tensor([500, 0, 80, 30, 1])).isfinite()


@pytest.mark.parametrize("name", [*ADJUSTED, "focal", "class-balanced-focal", "ldam-drw"])
def test_a_more_certain_answer_costs_less(name):
    losses = [loss_of(name, F.one_hot(TARGETS, 5) * certainty).item() for certainty in (0.0, 0.3, 0.9)]
    assert losses == sorted(losses, reverse=True)
