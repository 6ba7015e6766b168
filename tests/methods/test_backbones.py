"""Backbones are the networks they are said to be."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_sample_image
from torch.nn import functional as F

from methods import networks
from methods.networks import backbones
from methods.training.settings import BackboneSettings, NetworkSettings
from methods.training.stages import freeze_all_but


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_resnet32_has_the_published_size():
    settings = BackboneSettings(name="resnet32", weights="none", frozen=False, strides=(4,))
    network = networks.build([(3, 32, 32)], 10, NetworkSettings(head="pooled"), settings)
    published = 460_000  # He et al. 2016, table 6: 0.46 M
    assert count(network.trunk) + 64 * 10 + 10 == pytest.approx(published, abs=5_000)
    convolutions = [m for m in network.trunk.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) + 1 == 32


def test_resnet32_halves_its_side_twice():
    settings = BackboneSettings(name="resnet32", weights="none", frozen=False, strides=(1, 2, 4))
    maps = backbones.build(settings, 3).eval()(torch.zeros(1, 3, 32, 32))
    assert [tuple(m.shape[1:]) for m in maps] == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]


def sample(name):
    image = torch.from_numpy(load_sample_image(name).copy()).permute(2, 0, 1)[None].float()
    side = min(image.shape[2:])
    top, left = (image.shape[2] - side) // 2, (image.shape[3] - side) // 2
    return F.interpolate(image[:, :, top : top + side, left : left + side], (224, 224), mode="area")


@pytest.mark.parametrize(("name", "expected"), [("flower.jpg", 985), ("china.jpg", 698)])
def test_the_packaged_weights_know_what_is_on_a_photograph(name, expected):
    """985 is daisy, the class of composite flowers; 698 is palace."""
    import timm

    model = timm.create_model(backbones.PACKAGED, pretrained=False)
    model.load_state_dict(backbones.packaged_weights())
    with torch.no_grad():
        logits = model.eval()((sample(name) - 127.5) / 127.5)
    assert logits.argmax(1).item() == expected


def test_the_backbone_has_the_packaged_weights_and_their_normalisation():
    backbone = backbones.build(BackboneSettings(strides=(8, 16)), 3).eval()
    weights = backbones.packaged_weights()
    shared = {n: t for n, t in backbone.body.state_dict().items() if n in weights}
    assert len(shared) == len(backbone.body.state_dict())
    assert all(torch.equal(t, weights[n]) for n, t in shared.items())
    assert backbone.mean == backbone.std == (127.5, 127.5, 127.5)
    assert [tuple(m.shape[1:]) for m in backbone(torch.zeros(1, 3, 64, 64))] == [(40, 8, 8), (112, 4, 4)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "resnet33"}, "unknown backbone"),
        ({"strides": (3,)}, "maps of strides"),
        ({"name": "small-cnn", "strides": (2,)}, "maps of strides"),
    ],
)
def test_an_impossible_backbone_is_explained(settings, message):
    with pytest.raises(ValueError, match=message):
        backbones.build(BackboneSettings(weights="none", **settings), 3)


def test_only_what_a_stage_trains_learns_and_updates_its_statistics():
    settings = BackboneSettings(name="small-cnn", weights="none", frozen=False)
    network = networks.build([(1, 32, 32)], 3, NetworkSettings(), settings)
    learning = freeze_all_but(network, ("head", "classifier"))
    assert {id(p) for p in learning} == {id(p) for m in (network.head, network.classifier) for p in m.parameters()}
    assert not any(m.training for m in network.trunk.modules())
    assert all(m.training for m in network.head.modules())
    assert len(freeze_all_but(network, ("",))) == len(list(network.parameters()))
    assert all(m.training for m in network.modules())


def test_a_prefix_covers_modules_and_not_names_that_begin_alike():
    network = torch.nn.ModuleDict({"head": torch.nn.Linear(1, 1), "header": torch.nn.Linear(1, 1)})
    assert len(freeze_all_but(network, ("head",))) == 2
    assert not network["header"].training


def test_networks_with_layers_of_their_own_drop_channels_and_only_in_training():
    shapes, maps = [(200, 6, 6), (100, 3, 3)], (torch.ones(64, 200, 6, 6), torch.ones(64, 100, 3, 3))
    seen: list[torch.Tensor] = []
    settings = NetworkSettings(head="multi-scale", channel_dropout=0.25)
    network = networks.build(shapes, 2, settings)
    for reduce in network.head.reduce:
        reduce.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(maps)
    for x in seen:
        channels = x.flatten(2)
        assert ((channels == 0).all(2) | (channels == 1 / 0.75).all(2)).all()  # a channel goes as a whole
        assert (channels == 0).float().mean() == pytest.approx(0.25, abs=0.02)
    assert len(seen) == 2
    seen.clear()
    network.eval()(maps)
    assert all((x == 1).all() for x in seen)
    single = networks.build(shapes[:1], 2, settings.model_copy(update={"head": "single-scale"}))
    seen.clear()
    single.head.body.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    single(maps[:1])
    channels = seen[0].flatten(2)
    assert ((channels == 0).all(2) | (channels == 1 / 0.75).all(2)).all()
    assert (channels == 0).float().mean() == pytest.approx(0.25, abs=0.02)
    for head in ("pooled", "average"):
        other = networks.build(shapes[:1], 2, settings.model_copy(update={"head": head}))
        assert not [m for m in other.modules() if isinstance(m, torch.nn.Dropout2d)]
