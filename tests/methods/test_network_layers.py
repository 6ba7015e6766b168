"""Heads and classifiers, each written out once more by hand in NumPy or plain torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from methods.networks import Network, build
from methods.networks.classifiers import Aligned, Cosine, NearestMean, Scaled, SimplexETF, ZeroLinear, tau_normalised
from methods.networks.heads import Average, Vector
from methods.training.settings import BackboneSettings, NetworkSettings

FEATURES = torch.randn(7, 5, generator=torch.Generator().manual_seed(1)) + 0.5


def filled(layer: nn.Module) -> nn.Module:
    """Give every weight and statistic of a layer a value of its own."""
    generator = torch.Generator().manual_seed(2)
    for value in layer.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) + 0.1)
    return layer.eval()


def test_cosine_is_the_cosine_of_the_angle() -> None:
    layer = filled(Cosine(5, 3))
    x, w = FEATURES.numpy(), layer.weight.detach().numpy()
    expected = x @ w.T / np.linalg.norm(x, axis=1)[:, None] / np.linalg.norm(w, axis=1)
    np.testing.assert_allclose(layer(FEATURES).detach().numpy(), expected, atol=1e-6)
    torch.testing.assert_close(Cosine(5, 3).weight.norm(dim=1), torch.ones(3))


def test_scaled_is_a_linear_layer_times_a_factor_a_class_that_begins_at_one() -> None:
    assert (Scaled(5, 3).scale == 1).all()
    layer = filled(Scaled(5, 3))
    plain = FEATURES @ layer.linear.weight.T + layer.linear.bias
    torch.testing.assert_close(layer(FEATURES), plain * layer.scale)


def test_aligned_is_the_formula_of_disalign_and_begins_as_its_linear_layer() -> None:
    begins = Aligned(5, 3)
    torch.testing.assert_close(begins(FEATURES), begins.linear(FEATURES))
    assert not begins.confidence.bias.any()
    assert 0 < begins.confidence.weight.abs().max() < 0.06
    layer = filled(Aligned(5, 3))
    z = FEATURES @ layer.linear.weight.T + layer.linear.bias
    share = 1 / (1 + torch.exp(-(FEATURES @ layer.confidence.weight.T + layer.confidence.bias)))
    torch.testing.assert_close(layer(FEATURES), share * (layer.scale * z + layer.offset) + (1 - share) * z)


@pytest.mark.parametrize("classes", [2, 4, 70])
def test_the_vertices_of_the_simplex_are_as_far_apart_as_can_be(classes: int) -> None:
    """Of length 1, and every two at the cosine -1 / (C - 1)."""
    layer = SimplexETF(5, classes)
    expected = torch.full((classes, classes), -1 / (classes - 1)).fill_diagonal_(1.0)
    torch.testing.assert_close(layer.vertices @ layer.vertices.T, expected, atol=1e-4, rtol=0)
    assert layer.project.out_features == max(64, classes)
    filled(layer.project)
    features = F.normalize(layer.eval().norm(layer.project(FEATURES)))
    torch.testing.assert_close(layer(FEATURES), features @ layer.vertices.T)


def test_nearest_mean_is_minus_the_squared_distance() -> None:
    labels = torch.tensor([0, 0, 1, 1, 1, 1, 3])  # one image of class 3 alone
    layer, new = NearestMean(FEATURES, labels, 4), FEATURES[:4] * 2 - 1
    x, y = FEATURES.numpy().astype(float), new.numpy().astype(float)
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (x - x.mean(0), y - x.mean(0))]
    means = [unit[0][labels.numpy() == c].mean(0) for c in (0, 1, 3)]
    expected = np.stack([-((unit[1] - mean) ** 2).sum(1) for mean in means], 1)
    found = layer(new).numpy()
    np.testing.assert_allclose(found[:, [0, 1, 3]], expected, atol=1e-6)
    assert (found[:, 2] == -4).all()  # no image, no mean: as far as two points of the unit ball can be


def test_tau_norm_divides_by_a_power_of_the_norm() -> None:
    weight = torch.tensor([[3.0, 4.0], [0.6, 0.8]])
    assert tau_normalised(weight, 2.0).tolist() == [pytest.approx([3 / 25, 4 / 25]), pytest.approx([0.6, 0.8])]


def test_the_average_head_is_the_last_maps_mean() -> None:
    maps = [torch.rand(2, 3, 4, 4), torch.rand(2, 6, 2, 3)]
    head = Average([(3, 4, 4), (6, 2, 3)], NetworkSettings(dropout=0.0))
    torch.testing.assert_close(head(maps), maps[1].sum((2, 3)) / 6)
    assert head.dim == 6


def test_a_vector_of_features_is_left_as_it_is() -> None:
    head = Vector(5)
    assert head.dim == 5
    assert torch.equal(head([FEATURES[:, :, None, None]]), FEATURES)


def written_out(scale: nn.Module, maps: torch.Tensor, fields: list[tuple[int, int]]) -> torch.Tensor:
    """Return features of one depth: 1 x 1 convolution, parallel convolutions, and their maximum and mean."""
    reduce, norm = scale.reduce[0], scale.reduce[1]
    narrow = F.conv2d(maps, reduce.weight)
    narrow = F.batch_norm(narrow, norm.running_mean, norm.running_var, norm.weight, norm.bias).relu()
    parts = [
        F.conv2d(narrow, branch.weight, padding=(kernel - 1) * dilation // 2, dilation=dilation)
        for branch, (kernel, dilation) in zip(scale.branches, fields, strict=True)
    ]
    last, both = scale.normalise, torch.cat(parts, 1)
    both = F.batch_norm(both, last.running_mean, last.running_var, last.weight, last.bias).relu()
    return torch.cat([both.amax((2, 3)), both.mean((2, 3))], 1)


@pytest.mark.parametrize(
    ("head", "fields", "depths"),
    [("single-scale", [(3, 1)], [1]), ("multi-scale", [(1, 1), (3, 1), (3, 2)], [1, 2])],
)
def test_convolutional_heads_are_their_convolutions(head: str, fields, depths: list[int]) -> None:
    shapes = [(4, 12, 12), (5, 6, 6), (6, 3, 3)]
    maps = [torch.rand(2, *shape, generator=torch.Generator().manual_seed(at)) for at, shape in enumerate(shapes)]
    network = build(shapes, 3, NetworkSettings.model_validate({"head": head, "width": 8}))
    filled(network)
    expected = [
        written_out(scale, maps[depth], fields) for scale, depth in zip(network.head.scales, depths, strict=True)
    ]
    torch.testing.assert_close(network.features(tuple(maps)), torch.cat(expected, 1))
    assert network.classifier.in_features == 2 * 4 * len(fields) * len(depths)


def test_a_network_is_its_backbone_its_head_and_its_classifier() -> None:
    backbone = BackboneSettings(name="small-cnn", weights="none", frozen=False, strides=(8, 16))
    network = build([(3, 40, 24)], 3, NetworkSettings(head="pooled", dropout=0.0), backbone).eval()
    images = torch.rand(2, 3, 40, 24)
    maps = network.trunk(images)
    assert [tuple(each.shape[2:]) for each in maps] == [(5, 3), (3, 2)]  # a side that the stride does not divide
    pooled = torch.cat([statistic for each in maps for statistic in (each.amax((2, 3)), each.mean((2, 3)))], 1)
    torch.testing.assert_close(network.features((images,)), pooled)
    assert isinstance(network.classifier, ZeroLinear)
    assert not network((images,)).any()
    assert Network(None, network.head, network.classifier).maps(tuple(maps))[1] is maps[1]


def test_refining_keeps_the_linear_classifiers_weights() -> None:
    network = build([(2, 1, 1)], 3, NetworkSettings(head="average", dropout=0.0))
    before = {name: value.clone() for name, value in network.classifier.state_dict().items()}
    refined = network.refine(Scaled(2, 3))
    assert refined is network
    assert all(torch.equal(refined.classifier.linear.state_dict()[name], value) for name, value in before.items())
    assert math.isclose(refined.classifier.scale.sum().item(), 3.0)
