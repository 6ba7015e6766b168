"""One-class methods: distances against plain loops, thresholds, and what is done without minority images."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import methods
from methods import testing
from methods.networks.frozen import FrozenBackbone
from methods.one_class import patches, pooled
from methods.one_class.base import (
    MEDIAN_TO_QUANTILE,
    Known,
    folds_of_groups,
    group_left_out_squares,
    left_out_squares,
)
from methods.one_class.patchcore import PatchMemory
from methods.training.data import Images, TrainSet

NAMES = [name for name in methods.available() if methods.get(name).family == "one-class"]


def brightness(counts, *, apart=3.0, seed=0, side=4):
    """Make half-precision maps of noise whose classes differ in mean."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    values = torch.randn(len(labels), side, side, 6, generator=generator) + apart * labels[:, None, None, None]
    return TrainSet(Images((values.half(),)), labels, len(counts))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_frozen_backbone_reads_images_as_it_comes(channels):
    """Grey or coloured, normalised as the training images are; and moves by nothing that it reads."""
    pixels = torch.randint(0, 256, (5, 32, 48, channels), dtype=torch.uint8)
    mean, std = (100.0,) * channels, (50.0,) * channels
    train = TrainSet(Images((pixels,), mean, std), torch.tensor([0, 0, 0, 1, 1]), 2)
    backbone = FrozenBackbone(train, testing.tiny_context(train))
    before = {name: value.clone() for name, value in backbone.trunk.state_dict().items()}
    (maps,) = backbone.maps(train.images)
    expected = backbone.trunk((pixels.float().permute(0, 3, 1, 2) - 100) / 50)
    for found, wanted in zip(maps, expected, strict=True):
        torch.testing.assert_close(found, wanted)
    assert all(torch.equal(value, before[name]) for name, value in backbone.trunk.state_dict().items())
    spread = backbone.pooled(train.images, ("std", "max"))[0]
    cells = expected[0].detach().flatten(2).numpy()
    np.testing.assert_allclose(spread.numpy(), np.concatenate([cells.std(2), cells.max(2)], 1), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_from_the_majority_alone(name):
    method, train = methods.create(name), brightness([40, 0])
    method.fit(train, testing.tiny_context(train))
    test = brightness([200, 20], seed=1)
    predicted = method.predict_logits(test.images).argmax(1)
    assert (predicted[:200] == 0).float().mean() > 0.75
    assert (predicted[200:] == 1).all()


@pytest.mark.parametrize("name", NAMES)
def test_minority_images_do_not_change_what_is_known_of_the_majority(name):
    logits = []
    for counts in ([40, 0], [40, 12]):
        method, train = methods.create(name), brightness([40, 12])
        train = train.subset(torch.arange(sum(counts)))
        method.fit(train, testing.tiny_context(train))
        logits.append(method.predict_logits(brightness([5, 5], seed=1).images))
    torch.testing.assert_close(*logits)


@pytest.mark.parametrize("name", NAMES)
def test_of_several_classes_an_unexplained_image_goes_to_the_nearest_minority(name):
    method, train = methods.create(name), brightness([40, 40, 3, 3], apart=4.0)
    method.fit(train, testing.tiny_context(train))
    test = brightness([10, 10, 10, 10], seed=1, apart=4.0)
    predicted = method.predict_logits(test.images).argmax(1)
    assert (predicted == test.labels).float().mean() > 0.8
    assert (predicted == test.labels)[20:].all()


def test_groups_are_held_out_whole():
    groups = torch.tensor([5, 5, 7, 9, 9, 9, 7, 2])
    parts = folds_of_groups(groups, 3)
    assert sorted(torch.cat(parts).tolist()) == list(range(8))
    for part in parts:
        assert not set(groups[part].tolist()) & {g for i, g in enumerate(groups.tolist()) if i not in part}
    assert sorted(len(part) for part in parts) == [2, 3, 3]
    assert folds_of_groups(torch.zeros(8), 3) == folds_of_groups(torch.arange(8), 3) == folds_of_groups(None, 3) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_threshold_is_that_of_unknown_groups_where_images_come_in_groups(name):
    generator = torch.Generator().manual_seed(0)
    # 25 groups of 8 images, each group with a place of its own
    place = 3 * torch.randn(25, 6, generator=generator).repeat_interleave(8, 0)[:, None, None]
    images = Images(((place + torch.randn(200, 3, 3, 6, generator=generator)).half(),))
    known, unknown = images[torch.arange(120)], images[torch.arange(120, 200)]
    labels, groups = torch.zeros(120, dtype=torch.int64), torch.arange(120) // 8
    shares = []
    for given in (None, groups):
        method = methods.create(name)
        train = TrainSet(known, labels, 2, given)
        method.fit(train, testing.tiny_context(train))
        shares.append((method.predict_logits(unknown).argmax(1) == 1).float().mean().item())
    assert shares[1] < shares[0] - 0.05
    assert shares[1] < 0.35


def test_images_are_held_out_by_themselves_only_where_there_are_no_groups():
    class Memory:
        def left_out(self, backbone, images):
            raise KeyError("asked for")

        def scores(self, backbone, images):
            return images.levels[0].flatten()

    method = methods.create("patchcore", folds=2)
    object.__setattr__(method, "memory", lambda *_: Memory())
    images = Images((torch.arange(6.0).view(6, 1, 1, 1),))
    grouped = TrainSet(images, torch.zeros(6, dtype=torch.int64), 2, torch.arange(6) // 2)
    assert method.held_out(Memory(), grouped, None, None, "all").tolist() == list(range(6))
    with pytest.raises(KeyError, match="asked for"):
        method.held_out(Memory(), TrainSet(images, grouped.labels, 2), None, None, "all")


@pytest.mark.parametrize(("n", "dim"), [(30, 4), (12, 11), (6, 20)])
@pytest.mark.parametrize(("less", "share"), [(0, 1.0), (1, 1.0), (0, 0.3)])
def test_leaving_an_image_out_is_a_change_of_rank_one(n, dim, less, share):
    x = np.random.default_rng(0).normal(size=(n, dim))
    divisor, extra = n - less, 0.1 * np.eye(dim)

    def squares(rows, divisor, extra):
        z = x[rows] - x[rows].mean(0)
        inverse = np.linalg.inv(share * z.T @ z / divisor + extra)
        return np.einsum("ni,ij,nj->n", x - x[rows].mean(0), inverse, x - x[rows].mean(0))

    found = left_out_squares(torch.tensor(squares(np.arange(n), divisor, extra)), n, divisor, share)
    for i in range(n):
        others = np.arange(n) != i
        expected = squares(others, divisor - 1, extra * divisor / (divisor - 1))[i]
        assert found[i].item() == pytest.approx(expected, rel=1e-6)


def test_a_group_left_out_by_hand():
    """Of 0, 2, 4 and 10 the last two go: mean 1, variance 2 / 1 + 3 x 1 where 1 was added to 56 / 3."""
    spread = math.sqrt(56 / 3 + 1)
    white = torch.tensor([[[0.0 / spread, 6.0 / spread]]])  # 4 and 10 less the mean 4
    assert group_left_out_squares(white, 4, 3)[0].tolist() == pytest.approx([(4 - 1) ** 2 / 5, (10 - 1) ** 2 / 5])


@pytest.mark.parametrize(("n", "dim"), [(40, 4), (12, 11), (8, 20)])
@pytest.mark.parametrize(("less", "share"), [(0, 1.0), (1, 1.0), (0, 0.3)])
def test_leaving_a_group_out_is_as_learning_from_the_others(n, dim, less, share):
    x = np.random.default_rng(1).normal(size=(n, dim))
    divisor, ridge, group = n - less, 0.1 * np.eye(dim), np.arange(3)

    def gaussian(rows, divisor, ridge):
        z = x[rows] - x[rows].mean(0)
        return x[rows].mean(0), share * z.T @ z / divisor + ridge

    mean, covariance = gaussian(np.arange(n), divisor, ridge)
    white = np.linalg.solve(np.linalg.cholesky(covariance), (x[group] - mean).T)
    found = group_left_out_squares(torch.tensor(white)[None], n, divisor, share)[0]
    mean, covariance = gaussian(np.arange(3, n), divisor - 3, ridge * divisor / (divisor - 3))
    apart = x[group] - mean
    expected = np.einsum("ni,ij,nj->n", apart, np.linalg.inv(covariance), apart)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


def test_leaving_out_a_group_of_one_is_leaving_out_an_image():
    white = torch.randn(1, 5, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    single = left_out_squares(white.square().sum(1)[0], 50, 49)
    torch.testing.assert_close(group_left_out_squares(white, 50, 49)[0], single)


def test_padims_threshold_is_near_what_unknown_images_score_where_there_are_hardly_more_than_channels():
    """Groups say nothing here, so that 1 in 20 new images is over a threshold that is a .95 quantile."""
    generator = torch.Generator().manual_seed(0)
    images = Images((torch.randn(1140, 2, 2, 100, generator=generator).half(),))
    method, own = methods.create("padim"), torch.arange(140)
    train = TrainSet(images[own], torch.zeros(140, dtype=torch.int64), 2, own // 2)
    method.fit(train, testing.tiny_context(train))
    over = (method.predict_logits(images[torch.arange(140, 1140)]).argmax(1) == 1).float().mean().item()
    assert over == pytest.approx(0.05, abs=0.035)  # 140 scores: a standard deviation of .018


@pytest.mark.parametrize("name", NAMES)
def test_one_in_twenty_majority_images_is_over_the_threshold(name):
    method, train = methods.create(name), brightness([300, 0], side=2)
    method.fit(train, testing.tiny_context(train))
    share = (method.predict_logits(brightness([2000], seed=1, side=2).images).argmax(1) == 1).float().mean()
    # the quantile of 300 scores has a standard deviation of sqrt(.05 x .95 / 300) = .013
    assert share.item() == pytest.approx(0.05, abs=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_an_image_left_out_scores_as_by_a_memory_of_the_others(name):
    train = brightness([40, 1], side=2)
    context, majority = testing.tiny_context(train), train.images[torch.arange(40)]
    backbone, method = FrozenBackbone(train, context), methods.create(name)
    if name == "patchcore":
        method = methods.create(name, share=1.0)
    memory = method.memory(backbone, majority, context, "all")
    left_out = memory.left_out(backbone, majority)
    for i in (0, 17, 39):
        others = torch.arange(40)[torch.arange(40) != i]
        expected = method.memory(backbone, majority[others], context, "others").scores(backbone, majority[[i]])
        seen = memory.scores(backbone, majority[[i]])
        # the scale of the features, the shrinkage and the regularisation are not taken again
        assert left_out[i].item() == pytest.approx(expected.item(), rel=0.1)
        assert left_out[i] > seen


def test_the_threshold_is_where_the_two_logits_meet_and_the_scale_a_standard_deviation():
    class Fixed:
        def scores(self, backbone, images):
            return torch.tensor([7.0, 3.0, 5.0])

    known = Known(0, Fixed(), threshold=5.0, scale=2.0)
    assert known.excess(None, None).tolist() == [1.0, -1.0, 0.0]
    normal = np.random.default_rng(0).normal(size=200_000)
    assert (np.quantile(normal, 0.95) - np.median(normal)) / MEDIAN_TO_QUANTILE == pytest.approx(1, abs=0.01)


def test_the_patch_score_is_the_papers():
    generator = np.random.default_rng(0)
    memory, cells = generator.normal(size=(7, 3)), generator.normal(size=(2, 4, 3))
    expected = []
    for image in cells:
        distances = [[math.dist(cell, m) for m in memory] for cell in image]
        star = max(range(4), key=lambda i: min(distances[i]))
        m_star = int(np.argmin(distances[star]))
        around = sorted(range(7), key=lambda j: math.dist(memory[m_star], memory[j]))[:3]
        s = distances[star][m_star]
        expected.append((1 - math.exp(s) / sum(math.exp(distances[star][j]) for j in around)) * s)
    found = PatchMemory(torch.tensor(memory), 3, torch.zeros(0)).score(torch.tensor(cells))
    assert found.tolist() == pytest.approx(expected)


def test_the_coreset_takes_the_farthest_each_time():
    points = torch.tensor([[0.0], [1.0], [2.0], [10.0], [11.0], [5.5]])
    rows = patches.coreset(points, 4, 128, torch.Generator().manual_seed(0))
    chosen = points[rows].flatten().tolist()
    for k in range(1, 4):
        nearest = [min(abs(p - c) for c in chosen[:k]) for p in points.flatten().tolist()]
        assert min(abs(chosen[k] - c) for c in chosen[:k]) == pytest.approx(max(nearest))


def test_cells_are_local_means_at_the_finest_side():
    fine, coarse = torch.arange(16.0).view(1, 1, 4, 4), torch.ones(1, 2, 2, 2)
    found = patches.cells([fine, coarse], smooth=True)
    assert found.shape == (1, 16, 3)
    corner, middle = (0 + 1 + 4 + 5) / 4, sum([0, 1, 2, 4, 5, 6, 8, 9, 10]) / 9
    assert found[0, 0, 0].item() == pytest.approx(corner)
    assert found[0, 5, 0].item() == pytest.approx(middle)
    assert (found[0, :, 1:] == 1).all()
    assert patches.cells([fine, coarse, torch.ones(1, 5, 1, 1)], smooth=True).shape == (1, 16, 3)


def test_padim_is_the_greatest_mahalanobis_distance():
    train = brightness([30, 1], side=2)
    context = testing.tiny_context(train)
    backbone = FrozenBackbone(train, context)
    memory = methods.create("padim").memory(backbone, train.images[torch.arange(30)], context, "test")
    x = train.images.levels[0].double().numpy().reshape(31, 4, 6)
    expected = []
    for place in range(4):
        mean, covariance = x[:30, place].mean(0), np.cov(x[:30, place].T) + 0.01 * np.eye(6)
        apart = x[:, place] - mean
        expected.append(np.sqrt(np.einsum("ni,ij,nj->n", apart, np.linalg.inv(covariance), apart)))
    np.testing.assert_allclose(memory.scores(backbone, train.images).numpy(), np.max(expected, 0), rtol=1e-3)


def test_mahalanobis_distances_are_scikit_learns():
    from sklearn.covariance import LedoitWolf

    x = np.random.default_rng(0).normal(size=(50, 4)) * [1, 2, 3, 4] + [5, 0, 0, 1]
    z = (x - x.mean(0)) / x.std(0)
    expected = np.sqrt(LedoitWolf(assume_centered=True).fit(z).mahalanobis(z))
    found = pooled.Gaussian.of(torch.tensor(x)).distances(torch.tensor(x))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4)


def test_knn_distance_is_scikit_learns():
    from sklearn.neighbors import NearestNeighbors

    train = brightness([20, 1], side=2)
    context = testing.tiny_context(train)
    backbone = FrozenBackbone(train, context)
    memory = methods.create("knn-distance", k=3).memory(backbone, train.images[torch.arange(20)], context, "test")
    x = train.images.levels[0].double().numpy().mean((1, 2))
    z = (x - x[:20].mean(0)) / x[:20].std(0)
    expected = NearestNeighbors(n_neighbors=3).fit(z[:20]).kneighbors(z)[0].mean(1)
    np.testing.assert_allclose(memory.scores(backbone, train.images).numpy(), expected, rtol=1e-3, atol=1e-3)
