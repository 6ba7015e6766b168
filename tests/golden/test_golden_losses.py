"""Losses agree with their authors' code."""

from __future__ import annotations

import pytest
import torch
from golden_values import (
    CLASS_BALANCED_WEIGHTS,
    COSINES,
    COUNTS,
    DIVIDED_BY_WEIGHTS,
    LDAM_MARGINS,
    LOGITS,
    LOSSES,
    POST_HOC,
    SMOOTHING,
    TARGETS,
    TAU_NORM,
    TAU_NORM_WEIGHT,
    Given,
)

import methods
from methods import losses
from methods.networks.classifiers import tau_normalised

WITHIN = {"rel": 0, "abs": 1e-5}


@pytest.mark.parametrize(("name", "parameters", "progress", "expected"), LOSSES)
def test_a_loss_is_its_authors(name, parameters, progress, expected):
    loss = methods.create(name, **parameters).criterion(COUNTS, progress)(LOGITS, TARGETS)
    assert loss.item() == pytest.approx(expected, **WITHIN)


@pytest.mark.parametrize(("name", "parameters", "progress", "expected"), DIVIDED_BY_WEIGHTS)
def test_a_weighted_loss_is_its_authors_but_for_the_divisor(name, parameters, progress, expected):
    criterion = methods.create(name, **parameters).criterion(COUNTS, progress)
    divided = criterion(LOGITS, TARGETS) * len(TARGETS) / criterion.weights[TARGETS].sum()
    assert divided.item() == pytest.approx(expected, **WITHIN)


def test_ldam_is_its_authors():
    ldam = methods.create("ldam-drw", margin=0.5, scale=30)
    assert ldam.criterion(COUNTS, 0.0)(COSINES, TARGETS).item() == pytest.approx(29.552912, **WITHIN)


def test_deferred_ldam_is_its_authors_but_for_the_divisor():
    late = methods.create("ldam-drw").criterion(COUNTS, 0.8)
    divided = late(COSINES, TARGETS) * len(TARGETS) / late.weights[TARGETS].sum()
    assert divided.item() == pytest.approx(25.994591, **WITHIN)


def test_influence_balanced_is_its_authors():
    method, batch = methods.create("influence-balanced"), methods.Batch((), TARGETS)
    assert method.loss(Given(LOGITS), batch, COUNTS, 0.4).item() == pytest.approx(2.375107, **WITHIN)
    # a value of 168 in float32 has no more than seven digits
    assert method.loss(Given(LOGITS), batch, COUNTS, 0.5).item() == pytest.approx(168.256775, rel=1e-6)


def test_class_weights_margins_and_smoothing():
    close = {"rtol": 0, "atol": 1e-5}
    torch.testing.assert_close(losses.class_balanced_weights(COUNTS, 0.9999), CLASS_BALANCED_WEIGHTS, **close)
    torch.testing.assert_close(losses.ldam_margins(COUNTS, 0.5), LDAM_MARGINS, **close)
    torch.testing.assert_close(losses.label_aware_smoothing(COUNTS, 0.4, 0.1), SMOOTHING, **close)


@pytest.mark.parametrize(("tau", "expected"), POST_HOC.items())
def test_post_hoc_logit_adjustment(tau, expected):
    method = methods.create("posthoc-logit-adjustment", tau=tau)
    assert method.adjust(LOGITS, COUNTS).argmax(1).tolist() == expected


@pytest.mark.parametrize(("tau", "expected"), TAU_NORM.items())
def test_tau_normalisation(tau, expected):
    torch.testing.assert_close(tau_normalised(TAU_NORM_WEIGHT, tau), torch.tensor(expected), rtol=0, atol=1e-5)
