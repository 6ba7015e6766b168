"""Backbones: any timm model with feature maps, and two small networks to train from scratch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from datasets.hints import did_you_mean
from methods.networks import weights
from methods.training.settings import BackboneSettings


class Backbone(nn.Module):
    """Feature maps at chosen depths.

    Attributes:
        channels: of the maps, one number for each depth.
        in_channels: of the images it reads; None where it was built for the images at hand.
        mean: per-channel mean its images are normalised with, in [0, 255]; None: that of the training subset.
        std: likewise.
    """

    channels: list[int]
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __init__(self, body: nn.Module, channels: list[int]) -> None:
        super().__init__()
        self.body = body
        self.channels = channels

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map (B, C, H, W) float images to one (B, D, h, w) tensor for each depth."""
        return list(self.body(images))


def build(settings: BackboneSettings, in_channels: int) -> Backbone:
    """Build a backbone that gives the maps of `settings.strides`.

    Args:
        settings: name, weights and depths.
        in_channels: of the images; networks with ImageNet weights always read 3.

    Raises:
        ValueError: no such model, no such depth, or its weights cannot be had here.
    """
    if settings.name in SCRATCH:
        body: nn.Module = SCRATCH[settings.name](in_channels, settings.strides)
        return Backbone(body, list(body.channels))  # type: ignore[arg-type]
    return _timm(settings)


def _timm(settings: BackboneSettings) -> Backbone:
    import timm

    if not weights.is_model(settings.name):
        hint = did_you_mean(settings.name, timm.list_pretrained() if "." in settings.name else timm.list_models())
        raise ValueError(f"unknown backbone {settings.name!r}{hint} Any timm model, or one of {sorted(SCRATCH)}")
    reductions = _reductions(settings.name)
    missing = set(settings.strides) - set(reductions)
    if missing:
        known = sorted(set(reductions))
        raise ValueError(f"backbone {settings.name!r} has maps of strides {known}, not {sorted(missing)}")
    # of several maps of one stride, as a transformer's blocks have, the deepest
    places = [len(reductions) - 1 - reductions[::-1].index(stride) for stride in settings.strides]
    body = _with_weights(settings, places)
    backbone = Backbone(body, body.feature_info.channels())
    config = body.default_cfg if hasattr(body, "default_cfg") else vars(timm.get_pretrained_cfg(settings.name))
    backbone.mean = tuple(255 * m for m in config["mean"])
    backbone.std = tuple(255 * s for s in config["std"])
    return backbone


def _reductions(name: str) -> list[int]:
    """Return the stride of each map that a timm model offers, in order of depth."""
    body = _features(name)
    # a transformer's extractor knows its first blocks alone, the transformer in it knows all
    inner = getattr(getattr(body, "model", None), "feature_info", None)
    return [each["reduction"] for each in inner] if isinstance(inner, list) else body.feature_info.reduction()


def _with_weights(settings: BackboneSettings, places: list[int]) -> Any:
    """Return the feature extractor with its weights.

    Raises:
        ValueError: they cannot be had, or are another model's.
    """
    import timm

    name = settings.name
    if settings.weights == "none":
        return _features(name, out_indices=places)
    if settings.weights == "imagenet" and weights.packaged(name):
        body = _features(name, out_indices=places)
        body.load_state_dict(weights.packaged_weights(name), strict=False)
        return body
    state = weights.state_for(settings, timm.create_model(name, pretrained=False))
    try:
        own = {} if state is None else {"pretrained_cfg_overlay": {"state_dict": state}}
        return _features(name, out_indices=places, pretrained=True, **own)
    except Exception as error:  # whatever the hub's client raises, the remedy is the same
        raise ValueError(weights.no_weights(name, error)) from error


def _features(name: str, **options: Any) -> Any:
    """Return timm's feature extractor; a transformer takes images of any side, padded to whole patches."""
    import timm

    try:
        return timm.create_model(name, features_only=True, dynamic_img_size=True, dynamic_img_pad=True, **options)
    except TypeError:  # a convolutional network does so by itself
        return timm.create_model(name, features_only=True, **options)


class SmallCNN(nn.Module):
    """Four convolutions, to train from scratch: strides 4, 8 and 16, the last with 112 channels.

    The patch-wise first layer (as in ViT and ConvNeXt) and narrow early ones keep the cost on a CPU low; 112 channels
    are those of EfficientNet-Lite0 at stride 16, so that heads on top of either are of the same size.
    """

    widths = {4: 16, 8: 32, 16: 112}

    def __init__(self, in_channels: int, strides: tuple[int, ...]) -> None:
        super().__init__()
        _check_strides("small-cnn", strides, self.widths)
        self.strides = strides
        self.channels = [self.widths[s] for s in strides]
        self.stem = conv_block(in_channels, self.widths[4], kernel=4, stride=4, padding=0)
        self.down8 = conv_block(self.widths[4], self.widths[8], stride=2)
        self.down16 = conv_block(self.widths[8], self.widths[16], stride=2)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map (B, C, H, W) to the maps of the chosen strides."""
        maps = {4: self.stem(images)}
        maps[8] = self.down8(maps[4])
        maps[16] = self.down16(maps[8])
        return [maps[s] for s in self.strides]


class ResNet32(nn.Module):
    """ResNet-32 for 32 x 32 images (He et al. 2016, section 4.2; shortcut of option A), as CIFAR-LT papers use it."""

    widths = {1: 16, 2: 32, 4: 64}

    def __init__(self, in_channels: int, strides: tuple[int, ...]) -> None:
        super().__init__()
        _check_strides("resnet32", strides, self.widths)
        self.strides = strides
        self.channels = [self.widths[s] for s in strides]
        self.stem = conv_block(in_channels, 16)
        self.stages = nn.ModuleList(
            nn.Sequential(*(BasicBlock(a if i == 0 else b, b, 2 if i == 0 and a != b else 1) for i in range(5)))
            for a, b in ((16, 16), (16, 32), (32, 64))
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map (B, C, 32, 32) to the maps of the chosen strides."""
        x, maps = self.stem(images), {}
        for stage, stride in zip(self.stages, self.widths, strict=True):
            x = maps[stride] = stage(x)
        return [maps[s] for s in self.strides]


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions with an identity shortcut, zero-padded where channels are added (option A)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.first = conv_block(in_channels, out_channels, stride=stride)
        self.second = conv_block(out_channels, out_channels, activation=False)
        self.stride, self.added = stride, out_channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, D, H / stride, W / stride)."""
        shortcut = x[:, :, :: self.stride, :: self.stride]
        if self.added:
            shortcut = nn.functional.pad(shortcut, (0, 0, 0, 0, self.added // 2, self.added - self.added // 2))
        return torch.relu(self.second(self.first(x)) + shortcut)


SCRATCH: dict[str, type[SmallCNN] | type[ResNet32]] = {"small-cnn": SmallCNN, "resnet32": ResNet32}


def conv_block(
    in_channels: int,
    out_channels: int,
    *,
    kernel: int = 3,
    stride: int = 1,
    dilation: int = 1,
    padding: int | None = None,
    activation: bool = True,
) -> nn.Sequential:
    """Convolution, batch normalisation and ReLU; the side is kept at stride 1."""
    pad = dilation * (kernel // 2) if padding is None else padding
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, out_channels, kernel, stride, pad, dilation=dilation, bias=False),
        nn.BatchNorm2d(out_channels),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if activation else []))


def _check_strides(name: str, strides: tuple[int, ...], known: dict[int, int]) -> None:
    missing = set(strides) - set(known)
    if missing:
        raise ValueError(f"backbone {name!r} has maps of strides {sorted(known)}, not {sorted(missing)}")
