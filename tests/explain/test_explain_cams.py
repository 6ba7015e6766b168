"""Maps against closed forms, and networks left as they were found."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import methods
from benchmarks.explain import cams
from methods import Context, Images, NetworkMethod, TrainSet
from methods.ensemble.bbn import Branches
from methods.ensemble.feature_ensembles import FeatureEnsemble
from methods.ensemble.members import Ensemble
from methods.networks import Network, Pooled, SingleScale, Vector
from methods.training.settings import Budget, NetworkSettings

CPU = torch.device("cpu")
CLASSES = np.array([1, 0, 1, 1, 0])


def test_on_pooled_maps_it_is_the_closed_form() -> None:
    generator = torch.Generator().manual_seed(0)
    raw = torch.rand((5, 6, 6, 4), generator=generator)
    network = Network(None, Pooled([(4, 6, 6)], NetworkSettings(head="pooled")), nn.Linear(8, 2)).eval()
    with torch.no_grad():
        network.get_parameter("classifier.weight").copy_(torch.randn((2, 8), generator=generator))
    found = cams.class_maps(network, Images((raw,)), CLASSES, 6, CPU)
    # Selvaraju et al. 2017: a channel weighs its mean gradient; one of maximum and mean is (w_max + w_mean) / (h w)
    weight = network.get_parameter("classifier.weight").detach().numpy()[CLASSES]
    expected = np.maximum((raw.numpy() * ((weight[:, :4] + weight[:, 4:]) / 36)[:, None, None, :]).sum(3), 0)
    low, high = expected.min((1, 2), keepdims=True), expected.max((1, 2), keepdims=True)
    np.testing.assert_allclose(found, np.where(high > 0, (expected - low) / np.maximum(high - low, 1e-9), 0), atol=1e-4)


def test_the_cut_network_shows_what_the_whole_one_does(
    end_to_end: Network, cut: Network, pixels: Images, maps: Images
) -> None:
    whole = cams.class_maps(end_to_end, pixels, CLASSES, 64, CPU)
    part = cams.class_maps(cut, maps, CLASSES, 64, CPU)
    assert whole.shape == (5, 64, 64)
    assert whole.max() > 0
    np.testing.assert_allclose(part, whole, atol=1e-4)


def _hooks(module: nn.Module) -> int:
    return len(module._forward_hooks) + len(module._backward_hooks) + len(module._forward_pre_hooks)


def _state(network: Network) -> dict[str, Any]:
    return {
        "values": copy.deepcopy(network.state_dict()),
        "modes": {name: module.training for name, module in network.named_modules()},
        "learns": {name: p.requires_grad for name, p in network.named_parameters()},
        "gradients": {name: p.grad for name, p in network.named_parameters()},
        "hooks": [
            len(m._forward_hooks) + len(m._backward_hooks) + len(m._forward_pre_hooks) for m in network.modules()
        ],
        "submodules": [name for name, _ in network.named_modules()],
    }


def _assert_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    for name, value in before["values"].items():
        assert torch.equal(value, after["values"][name]), name
    assert before["values"].keys() == after["values"].keys()
    assert sum(after["hooks"]) == 0
    for key in ("modes", "learns", "gradients", "submodules"):
        assert before[key] == after[key], key


@pytest.mark.parametrize("whole", [True, False])
def test_the_network_is_left_as_found(
    end_to_end: Network, cut: Network, pixels: Images, maps: Images, whole: bool
) -> None:
    network, images = (end_to_end, pixels) if whole else (cut, maps)
    # part in training mode and part frozen, as after a last stage that retrains the classifier
    network.train()
    network.head.eval()
    network.head.requires_grad_(False)
    before = _state(network)
    assert all(gradient is None for gradient in before["gradients"].values())
    logits = network(images.read(torch.arange(5))) if not whole else None
    assert cams.class_maps(network, images, CLASSES, 32, CPU).max() > 0
    _assert_same(before, _state(network))
    if logits is not None:
        assert torch.equal(logits, network(images.read(torch.arange(5))))


def test_a_gradient_that_was_there_is_there_afterwards(cut: Network, maps: Images) -> None:
    parameter = cut.get_parameter("classifier.weight")
    parameter.grad = torch.ones_like(parameter)
    cams.class_maps(cut, maps, CLASSES, 32, CPU)
    assert parameter.grad is not None
    assert torch.equal(parameter.grad, torch.ones_like(parameter))


def test_the_network_is_left_as_found_when_explaining_fails(cut: Network, maps: Images) -> None:
    cut.train()
    before = _state(cut)
    with pytest.raises(IndexError):
        cams.class_maps(cut, maps, np.full(5, 7), 32, CPU)
    _assert_same(before, _state(cut))


def test_it_works_where_gradients_are_switched_off(cut: Network, maps: Images) -> None:
    expected = cams.class_maps(cut, maps, CLASSES, 32, CPU)
    with torch.no_grad():
        np.testing.assert_array_equal(cams.class_maps(cut, maps, CLASSES, 32, CPU), expected)


def test_branches_are_averaged() -> None:
    shapes = [(4, 6, 6)]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        heads = [SingleScale(shapes, NetworkSettings(width=8)) for _ in range(2)]
        classifier = nn.Linear(sum(head.dim for head in heads), 2)
    network = Network(None, Branches(*heads), classifier).eval()
    images = Images((torch.rand((5, 6, 6, 4), generator=torch.Generator().manual_seed(0)),))
    assert cams.last_maps(network) == [heads[0].scales[0].last, heads[1].scales[0].last]
    found = cams.class_maps(network, images, CLASSES, 6, CPU)
    singles = []
    for head, columns in zip(heads, (slice(0, 8), slice(8, 16)), strict=True):
        alone = nn.Linear(8, 2)
        with torch.no_grad():
            alone.weight.copy_(classifier.weight[:, columns])
        singles.append(cams.class_maps(Network(None, head, alone).eval(), images, CLASSES, 6, CPU))
    mean = np.mean(singles, axis=0)
    low, high = mean.min((1, 2), keepdims=True), mean.max((1, 2), keepdims=True)
    # the package adds 1e-7 to a map's maximum before it divides by it
    np.testing.assert_allclose(found, (mean - low) / (high - low), atol=1e-3)


def test_a_network_without_maps_is_refused() -> None:
    network = Network(None, Vector(3), nn.Linear(3, 2)).eval()
    with pytest.raises(cams.Unexplainable, match="no maps"):
        cams.class_maps(network, Images((torch.zeros(2, 1, 1, 3),)), np.array([0, 1]), 8, CPU)


@pytest.fixture
def context() -> Context:
    return Context(seed="test", device=CPU, budget=Budget(steps=6, batch_size=8), network=NetworkSettings(width=8))


def test_an_ensemble_is_the_mean_of_its_members(context: Context) -> None:
    images = Images((torch.rand((20, 6, 6, 4), generator=torch.Generator().manual_seed(0)),))
    train = TrainSet(images, torch.tensor([0] * 14 + [1] * 6), 2)
    method = methods.create("under-bagging", members=3)
    method.fit(train, context)
    members = [cams.class_maps(network, images[:5], CLASSES, 12, CPU) for network in cams.networks(method)]
    assert len(members) == 3
    found = cams.method_maps(method, images[:5], CLASSES, 12, CPU)
    np.testing.assert_allclose(found, np.mean(members, axis=0), rtol=1e-6)


@pytest.mark.parametrize("name", ["easy-ensemble", "balanced-bagging", "imblearn:BalancedRandomForestClassifier"])
def test_a_classifier_in_feature_space_is_refused(name: str) -> None:
    with pytest.raises(cams.Unexplainable, match="another classifier decides"):
        cams.check(methods.create(name))
    with pytest.raises(cams.Unexplainable, match="another classifier decides"):
        cams.check(methods.create("under-bagging", base=name))


def test_every_registered_method_is_either_explained_or_refused_with_a_reason(context: Context) -> None:
    images = Images((torch.rand((24, 6, 6, 4), generator=torch.Generator().manual_seed(0)),))
    train = TrainSet(images, torch.tensor([0] * 16 + [1] * 8), 2)
    refused = set()
    for name in methods.available():
        method = methods.create(name)
        try:
            cams.check(method)
        except cams.Unexplainable:
            refused.add(name)
            continue
        method.fit(train, context)
        assert cams.method_maps(method, images[:5], CLASSES, 12, CPU).shape == (5, 12, 12), name
    known = {name: methods.get(name) for name in methods.available()}
    with_maps = (NetworkMethod, Ensemble)
    assert refused == {n for n, c in known.items() if issubclass(c, FeatureEnsemble) or not issubclass(c, with_maps)}
