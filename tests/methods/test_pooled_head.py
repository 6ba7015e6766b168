"""The head without layers of its own: what it computes, its scale, and that pooling once changes nothing."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler

import methods
from methods.networks import Network, Pooled, build, read_once
from methods.testing import made_data, tiny_context
from methods.training.data import Images, TrainSet
from methods.training.settings import NetworkSettings

SETTINGS = NetworkSettings(head="pooled", dropout=0.0)


def two_depths(counts: tuple[int, ...] = (9, 4)) -> TrainSet:
    generator = torch.Generator().manual_seed(3)
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    levels = [torch.randn(len(labels), side, side, c, generator=generator).half() for side, c in ((4, 3), (2, 5))]
    return TrainSet(Images(tuple(levels)), labels, len(counts))


def by_numpy(train: TrainSet) -> np.ndarray:
    columns = []
    for level in train.images.levels:
        values = level.float().numpy()
        columns += [values.max((1, 2)), values.mean((1, 2))]
    return np.concatenate(columns, 1)


def made(train: TrainSet) -> tuple[Network, TrainSet]:
    network = build(train.images.shapes, train.num_classes, SETTINGS)
    return network, read_once(network, train, torch.device("cpu"))


def test_features_are_those_of_numpy_and_scikit_learn() -> None:
    train = two_depths()
    network, _ = made(train)
    maps = [m.permute(0, 3, 1, 2).float() for m in train.images.levels]
    expected = StandardScaler().fit_transform(by_numpy(train))
    np.testing.assert_allclose(network.eval().features(tuple(maps)).numpy(), expected, atol=1e-4)


def test_pooled_once_or_at_every_step_is_the_same() -> None:
    train = two_depths()
    network, once = made(train)
    assert once.images.shapes == [(16, 1, 1)]
    rows = torch.tensor([5, 0, 11])
    flips = torch.tensor([[True, False], [False, True], [True, True]])
    torch.testing.assert_close(
        network.eval().features(once.images.read(rows)), network.features(train.images.read(rows, flips))
    )


def test_a_feature_that_does_not_vary_stays_finite() -> None:
    train = two_depths()
    train.images.levels[1][..., 2] = 1.0
    network, _ = made(train)
    assert torch.isfinite(network.features(train.images.read(torch.arange(13)))).all()


def test_its_classifier_begins_at_zero_and_restarts_there() -> None:
    network, _ = made(two_depths())
    assert not network.classifier.weight.any()
    assert not network.classifier.bias.any()


@pytest.mark.parametrize("name", ["bbn", "sade", "lws", "cross-entropy"])
def test_every_head_inside_a_method_has_the_training_subsets_scale(name: str) -> None:
    train = two_depths()
    context = tiny_context(train)
    method = methods.create(name)
    method.fit(train, replace(context, network=SETTINGS))
    heads = [m for m in method.trained()[0].modules() if isinstance(m, Pooled)]
    assert heads
    for head in heads:
        np.testing.assert_allclose(head.mean.numpy(), by_numpy(train).mean(0), atol=1e-4)


def test_a_head_that_reads_maps_keeps_them() -> None:
    train = made_data()
    network = build(train.images.shapes, 3, NetworkSettings(head="average"))
    assert read_once(network, train, torch.device("cpu")) is train
    both = copy.deepcopy(network)
    both.pooled = build(train.images.shapes, 3, SETTINGS)
    assert read_once(both, train, torch.device("cpu")) is train


@pytest.mark.parametrize(("head", "read"), [("single-scale", 1), ("multi-scale", 2)])
def test_convolutions_keep_the_maps_that_they_read_and_no_others(head: str, read: int) -> None:
    generator = torch.Generator().manual_seed(3)
    sizes = ((8, 2), (4, 3), (2, 5))
    levels = tuple(torch.randn(13, side, side, c, generator=generator).half() for side, c in sizes)
    train = TrainSet(Images(levels), torch.arange(13) % 2, 2)
    network = build(train.images.shapes, 2, NetworkSettings.model_validate({"head": head, "width": 8, "dropout": 0.0}))
    once = read_once(network, train, torch.device("cpu"))
    assert once.images.shapes == [(3, 4, 4), (5, 2, 2)][:read]
    assert all(level.dtype == torch.float32 for level in once.images.levels)
    rows, flips = torch.tensor([5, 0, 11]), torch.tensor([[True, False], [False, True], [True, True]])
    network.eval().requires_grad_(False)
    found, expected = (network.features(each.images.read(rows, flips)) for each in (once, train))
    assert torch.equal(found, expected)
