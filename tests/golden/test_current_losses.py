"""Losses from 2021 on agree with their papers' formulas, written out by hand in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from golden_values import COSINES, COUNTS, LOGITS, TARGETS

import methods
from methods.networks.classifiers import Aligned, SimplexETF, simplex

WITHIN = {"rel": 0, "abs": 1e-5}
Z = np.array([[((7 * i + 3 * j) % 11 - 5) / 2 for j in range(5)] for i in range(8)])
Y = np.array([0, 0, 0, 1, 1, 2, 3, 4])
N = np.array([500.0, 200, 80, 30, 10])
PRIOR = N / 820


def cross_entropies(z):
    """Return -log p_y of each image."""
    return np.log(np.exp(z).sum(1)) - z[np.arange(len(Y)), Y]


@pytest.mark.parametrize(("gamma", "tau"), [(0.3, 1.0), (0.15, 1.25), (0.05, 0.0)])
def test_vector_scaling(gamma, tau):
    expected = cross_entropies((N / 500) ** gamma * Z + tau * np.log(PRIOR)).mean()
    loss = methods.create("vs-loss", gamma=gamma, tau=tau).criterion(COUNTS, 0.0)(LOGITS, TARGETS)
    assert loss.item() == pytest.approx(expected, **WITHIN)


def test_vector_scaling_has_logit_adjustment_and_temperatures_as_its_ends():
    # the authors' numbers of logit adjustment (tau 1.5) and of class-dependent temperatures (gamma 0.2)
    ends = [({"gamma": 0, "tau": 1.5}, 2.742280), ({"gamma": 0.2, "tau": 0}, 2.201294)]
    for parameters, expected in ends:
        loss = methods.create("vs-loss", **parameters).criterion(COUNTS, 0.0)(LOGITS, TARGETS)
        assert loss.item() == pytest.approx(expected, **WITHIN)


def test_generalised_reweighting_of_disalign():
    weights = (1 / N) ** 1.2
    weights *= 5 / weights.sum()
    expected = (weights[Y] * cross_entropies(Z)).mean()
    loss = methods.create("disalign").criterion(COUNTS, 0.9)(LOGITS, TARGETS)
    assert loss.item() == pytest.approx(expected, **WITHIN)
    assert methods.create("disalign").criterion(COUNTS, 0.84)(LOGITS, TARGETS).item() == pytest.approx(
        cross_entropies(Z).mean(), **WITHIN
    )


def test_aligned_logits():
    module = Aligned(5, 5)
    alpha, beta, v, b = np.array([1.0, 2, 0.5, 3, 1]), np.array([0.0, 1, -1, 2, 0]), np.arange(5) / 4, -0.3
    with torch.no_grad():
        module.linear.weight.copy_(torch.eye(5))
        module.linear.bias.zero_()
        module.scale.copy_(torch.tensor(alpha))
        module.offset.copy_(torch.tensor(beta))
        module.confidence.weight.copy_(torch.tensor(v)[None])
        module.confidence.bias.fill_(b)
    share = 1 / (1 + np.exp(-(Z @ v + b)))[:, None]
    expected = share * (alpha * Z + beta) + (1 - share) * Z
    torch.testing.assert_close(module(LOGITS), torch.tensor(expected, dtype=torch.float32), rtol=0, atol=1e-5)


def test_an_alignment_begins_without_effect():
    module = Aligned(5, 5)
    torch.testing.assert_close(module(LOGITS), module.linear(LOGITS))


@pytest.mark.parametrize(("lam", "counts"), [(2.0, [500, 200, 80, 30, 10]), (1.0, [30, 500, 10, 80, 200])])
def test_three_experts(lam, counts):
    prior = np.array(counts) / 820
    largest_last = np.sort(prior)
    inverse = np.array([largest_last[4 - list(largest_last).index(p)] for p in prior])
    experts = np.stack([Z, Z[:, ::-1], Z[:, [1, 2, 3, 4, 0]]])
    expected = (
        cross_entropies(experts[0]).mean()
        + cross_entropies(experts[1] + np.log(prior)).mean()
        + cross_entropies(experts[2] + np.log(prior) - lam * np.log(inverse)).mean()
    )
    criterion = methods.create("sade", lam=lam).experts_loss(torch.tensor(counts))
    loss = criterion(torch.tensor(experts.copy(), dtype=torch.float32), TARGETS)
    assert loss.item() == pytest.approx(expected, **WITHIN)


def test_dot_regression():
    expected = (0.5 * (Z / 2.5 - 1)[np.arange(8), Y] ** 2).mean()
    loss = methods.create("etf-classifier").criterion(COUNTS, 0.0)(COSINES, TARGETS)
    assert loss.item() == pytest.approx(expected, **WITHIN)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("dim", [4, 12])
def test_vertices_of_a_simplex_are_equally_far_apart(classes, dim):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vertices = SimplexETF(dim, classes).vertices.double()
    expected = torch.full((classes, classes), -1 / (classes - 1), dtype=torch.float64).fill_diagonal_(1.0)
    torch.testing.assert_close(vertices @ vertices.T, expected, rtol=0, atol=1e-6)


def test_the_simplex_of_two_classes_is_a_line_through_the_origin():
    torch.testing.assert_close(simplex(torch.eye(2)), torch.tensor([[1.0, -1.0], [-1.0, 1.0]]) / math.sqrt(2))
