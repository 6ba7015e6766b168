"""Few-defect fusion: its closed forms against refitting, its parts against plain loops, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import brentq, minimize
from scipy.stats import norm

import methods
from methods import testing
from methods.proposed import few_defect_fusion
from methods.proposed.few_defect_fusion import UNKNOWN, heads
from methods.proposed.fusion import memory, views
from methods.proposed.fusion.logistic import C, Logistic, splits
from methods.proposed.fusion.scale import LEAST, Logit, Prior
from methods.proposed.fusion.teachers import KINDS, POOLED, Ridge, Teachers, weights
from methods.training.data import Images, TrainSet

RNG = np.random.default_rng(0)


def spotted(counts, *, seed=0, side=6, strength=4.0):
    """Make maps of noise; images of later classes have a strange cell somewhere, each class in channels of its own."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    values = torch.randn(len(labels), side, side, 12, generator=generator)
    at = torch.randint(1, side - 1, (len(labels), 2), generator=generator)
    for image, (label, (down, right)) in enumerate(zip(labels.tolist(), at.tolist(), strict=True)):
        if label:
            values[image, down, right, 3 * label - 3 : 3 * label] += strength
    return TrainSet(Images((values.half(),)), labels, len(counts))


def trained(train, **parameters):
    method = methods.create("few-defect-fusion", **parameters)
    method.fit(train, testing.tiny_context(train))
    return method


# ------------------------------------------------------------------ teachers


def refitted(kernel, targets, weights, rows, penalty):
    """Solve weighted ridge with a free bias on all rows but `rows`, in function space; return scores of all."""
    inside = np.setdiff1d(np.arange(len(kernel)), rows)
    k, w, y = kernel[np.ix_(inside, inside)], np.diag(weights[inside]), targets[inside]
    n = len(inside)
    # f = K a + b: minimise (y - f)' W (y - f) + penalty a' K a
    left = np.block([[w @ k + penalty * np.eye(n), w @ np.ones((n, 1))], [np.ones((1, n)) @ w @ k, w.sum()]])
    solved = np.linalg.solve(left, np.concatenate([w @ y, np.ones((1, n)) @ w @ y]))
    return kernel[:, inside] @ solved[:-1] + solved[-1]


def test_held_out_scores_are_those_of_refitting_without_the_group():
    x = RNG.normal(size=(14, 6))
    labels, groups = np.array([0] * 9 + [1] * 5), np.array([0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6])
    targets, weights = np.eye(2)[labels], np.where(labels == 0, 1 / 9, 1 / 5)
    kernel = x @ x.T
    ridge = Ridge(kernel, targets, weights, 0.3)
    # what the ridge calls its penalty is relative to the mean eigenvalue of the centred, weighted kernel
    p, root = weights / weights.sum(), np.sqrt(weights / weights.mean())
    centred = (x - p @ x) @ (x - p @ x).T
    penalty = 0.3 * np.trace(root[:, None] * centred * root) / 14 * weights.mean()
    fitted = refitted(kernel, targets, weights, [], penalty)
    np.testing.assert_allclose(ridge.predict(kernel), fitted, atol=1e-6)
    held_out = ridge.held_out(groups)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        expected = refitted(kernel, targets, weights, rows, penalty)[rows]
        np.testing.assert_allclose(held_out[rows], expected, atol=1e-4)


def test_a_class_of_one_group_is_held_out_one_by_one():
    x, labels = RNG.normal(size=(10, 4)), np.array([0] * 7 + [1] * 3)
    ridge = Ridge(x @ x.T, np.eye(2)[labels], np.ones(10), 0.3)
    groups = np.array([0, 0, 1, 1, 2, 2, 2, 3, 3, 3])
    np.testing.assert_allclose(ridge.held_out(groups)[7:], ridge.held_out(np.arange(10))[7:])


def test_landmarks_stand_for_the_kernel(monkeypatch):
    labels = np.arange(60) % 2
    x = RNG.normal(size=(60, 5)) + labels[:, None]
    counts, parts = np.array([30, 30]), [x[:, :3]]
    exact = Teachers(x, parts, labels, counts, 0).predict(x, parts)
    monkeypatch.setattr("methods.proposed.fusion.teachers.LANDMARKS", 50)
    near = Teachers(x, parts, labels, counts, 0).predict(x, parts)
    for kind, a, b in zip(KINDS, exact[: len(KINDS)], near[: len(KINDS)], strict=True):
        assert np.abs(a - b).max() < (1e-3 if kind.kernel == "linear" else 0.2)


def test_the_logistic_regression_minimises_the_balanced_cross_entropy():
    labels = np.repeat([0, 1], [30, 6])
    x = RNG.normal(size=(36, 4)) + labels[:, None]
    balance = np.where(labels == 0, 36 / 60, 36 / 12)

    def loss(w):
        margins = (2 * labels - 1) * (x @ w[:4] + w[4])
        return C * (balance * np.logaddexp(0, -margins)).sum() + w[:4] @ w[:4] / 2

    found = minimize(loss, np.zeros(5), tol=1e-9).x
    scores = Logistic(x, labels, 2).predict(x)
    np.testing.assert_allclose(scores[:, 1] - scores[:, 0], x @ found[:4] + found[4], atol=1e-2)


def test_the_logistic_regression_holds_out_whole_groups():
    labels, groups = np.arange(40) % 2, np.arange(40) // 4
    x = RNG.normal(size=(40, 3)) + labels[:, None]
    held_out = Logistic(x, labels, 2).held_out(groups)
    covered = np.zeros(40, dtype=int)
    for inside, outside in splits(labels, groups):
        assert not set(groups[inside]) & set(groups[outside])
        covered[outside] += 1
        without = Logistic(x[inside], labels[inside], 2).predict(x[outside])
        np.testing.assert_allclose(held_out[outside], without, atol=1e-2)
    assert (covered == 1).all()


def test_a_fold_leaves_every_class_inside():
    labels = np.array([0] * 12 + [1] * 3 + [2])
    groups = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0, 0, 0, 1])
    found = splits(labels, groups)
    assert all(set(labels[inside]) == {0, 1, 2} for inside, _ in found)
    assert sorted(np.concatenate([outside for _, outside in found]).tolist()) == list(range(15))  # 15 is alone


def test_the_pooled_teachers_weigh_more_the_more_images_there_are():
    for number, together in ((1, 0.2), (3, 0.4), (9, 0.6)):  # 0.8 n / (n + 3)
        found = weights(number, 0.8)
        assert found.sum() == pytest.approx(1)
        assert found[POOLED].tolist() == pytest.approx([together / 2] * 2)
        assert found[~POOLED].tolist() == pytest.approx([(1 - together) / 5] * 5)


# ------------------------------------------------------------------ memory and attention


def test_the_memory_scores_a_group_as_one_that_has_not_seen_it():
    cells = torch.randn(20, 4, 5, generator=torch.Generator().manual_seed(0))
    groups = torch.arange(20) // 10
    fitted = memory.PositionMemory(cells, 5, torch.Generator().manual_seed(0))
    (held_out,) = fitted.held_out(cells, groups)
    scaled = (cells[:, :, fitted.chosen] / fitted.scale).double().numpy()
    for own, others in ((slice(0, 10), slice(10, 20)), (slice(10, 20), slice(0, 10))):
        for place in range(4):
            seen = scaled[others, place]
            # half the images are left out, and what was added beside their scatter weighs twice as much
            covariance = np.cov(seen.T, bias=True) + 2 * memory.RIDGE * np.eye(5)
            apart = scaled[own, place] - seen.mean(0)
            expected = np.einsum("ni,ij,nj->n", apart, np.linalg.inv(covariance), apart)
            np.testing.assert_allclose(held_out[own, place].numpy(), expected, rtol=1e-3)


def test_attention_averages_the_strangest_cells():
    cells = torch.arange(24.0).view(2, 12, 1)
    distances = torch.stack([torch.arange(12.0), -torch.arange(12.0)])
    one, three, nine = memory.attended(cells, distances)
    assert one.tolist() == [[11.0], [12.0]]
    assert three.tolist() == [[10.0], [13.0]]
    assert nine.tolist() == [[7.0], [16.0]]


def test_the_score_is_of_the_strangest_share_of_positions():
    distances = torch.zeros(1, 100)
    distances[0, [3, 50, 99]] = torch.tensor([4.0, 5.0, 6.0])
    assert memory.score(distances)[0] == pytest.approx(np.log(5) / 2)


# ------------------------------------------------------------------ threshold


def test_the_threshold_is_where_both_densities_are_equal():
    rest = RNG.normal(size=100_000)
    own = 3 + 1.5 * RNG.normal(size=100_000)
    logit = Logit.between(rest, None, own, Prior(1.6, 3.0, 1.5))
    crossing = brentq(lambda at: norm.pdf(at) - norm.pdf(at, 3, 1.5), 0, 3)
    assert logit.threshold == pytest.approx(crossing, abs=0.03)
    assert logit(np.array([logit.threshold * rest.std() + rest.mean()]))[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("own", [[], [50.0]])
def test_without_two_minority_images_the_prior_places_the_threshold(own):
    logit = Logit.between(RNG.normal(size=1000), None, np.array(own), Prior(1.6, 3.0, 1.0))
    # of two Gaussians of the same variance, half-way
    assert logit.threshold == pytest.approx(0.8, abs=0.02)


def test_a_class_that_scores_below_the_others_is_still_more_likely_above_them():
    logit = Logit.between(RNG.normal(size=1000), None, np.full(20, -5.0), Prior(1.6, 3.0, 1.0))
    # the held-out images do not vary, so 5 images' worth of the prior's variance is left of 24
    variance = 5 * 1.0 / 24
    assert logit.threshold >= 0
    assert logit.slope == pytest.approx(2 * LEAST / (1 + variance))


# ------------------------------------------------------------------ the method


@pytest.mark.parametrize("few", [0, 1, 3, 10])
def test_it_finds_strange_cells_with_no_defect_and_with_few(few):
    method, test = trained(spotted([80, few], strength=9.0)), spotted([100, 100], seed=1, strength=9.0)
    logits = method.predict_logits(test.images)
    assert (logits[:, 0] == 0).all()
    recalls = [(logits.argmax(1) == c)[test.labels == c].float().mean().item() for c in (0, 1)]
    assert sum(recalls) / 2 > 0.75


def test_the_memory_counts_less_the_more_minority_images_there_are():
    trusts = [trained(spotted([60, n]), trust=3.0)._columns[0][0].trust for n in (1, 10, 40)]
    assert trusts == pytest.approx([3.0, 3 / 10**0.7, 3 / 40**0.7])


def test_a_class_without_images_is_not_predicted_where_others_have_some():
    logits = trained(spotted([40, 5, 0])).predict_logits(spotted([10, 10, 10], seed=1).images)
    assert (logits[:, 2] == UNKNOWN).all()
    assert (logits.argmax(1) != 2).all()


def test_groups_that_are_given_are_held_out_and_else_clusters(monkeypatch):
    seen = []
    monkeypatch.setattr(views, "clusters", lambda *a: seen.append("clusters") or np.arange(len(a[0])) % 7)
    train = spotted([40, 5])
    trained(train)
    trained(TrainSet(train.images, train.labels, 2, torch.arange(45)))
    assert seen == ["clusters"] * 2
    trained(TrainSet(train.images, train.labels, 2, torch.arange(45) // 5))
    assert len(seen) == 2
    assert few_defect_fusion.views is views


def test_without_groups_the_logit_is_the_mean_of_what_images_and_clusters_say(monkeypatch):
    clusters = np.arange(40) // 8
    monkeypatch.setattr(views, "clusters", lambda *a: clusters)
    train, test = spotted([40, 0]), spotted([10, 10], seed=1)
    method = trained(train)
    cells = views.read(method._backbone, train.images).cells
    strange = memory.score(method._memory.distances(views.read(method._backbone, test.images).cells))
    logits = []
    for groups in (np.arange(40), clusters):
        known = memory.score(*method._memory.held_out(cells, torch.from_numpy(groups)))
        # nothing is known of the minority: two Gaussians 1.6 apart, the second's variance 1.5
        at = brentq(lambda x: norm.pdf(x) - norm.pdf(x, 1.6, 1.5**0.5), 0, 1.6)
        logits.append(((strange - known.mean()) / known.std() - at) * 2 * 1.6 / (1 + 1.5))
    assert np.abs(logits[0] - logits[1]).max() > 0.1
    np.testing.assert_allclose(method.predict_logits(test.images)[:, 1], np.mean(logits, 0), atol=0.02)


def test_clusters_are_of_like_images():
    means = np.repeat(np.eye(3) * 10, 8, 0) + RNG.normal(size=(24, 3)) * 0.1
    found = views.clusters(means, 3, 0)
    assert [len(set(found[i : i + 8].tolist())) for i in (0, 8, 16)] == [1, 1, 1]
    assert len(set(found.tolist())) == 3


def test_majority_classes():
    assert heads(np.array([10, 10])).tolist() == [True, False]
    assert heads(np.array([3, 10])).tolist() == [False, True]
    assert heads(np.array([100, 60, 50, 3])).tolist() == [True, True, False, False]
