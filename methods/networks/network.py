"""Networks: backbone (or its maps), head, classifier."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from methods.networks import backbones
from methods.networks.backbones import conv_block
from methods.training.data import Inputs
from methods.training.settings import BackboneSettings, NetworkSettings

Shapes = Sequence[tuple[int, int, int]]


class Network(nn.Module):
    """Backbone -> head -> classifier.

    Attributes:
        trunk: the backbone, or None where the inputs are its maps already.
        head: turns the maps into (B, D) features.
        classifier: turns the features into (B, C) logits.
    """

    def __init__(self, trunk: nn.Module | None, head: Head, classifier: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head
        self.classifier = classifier

    def maps(self, inputs: Inputs) -> list[Tensor]:
        """Return the backbone's maps, one (B, D, h, w) tensor for each depth."""
        return list(inputs) if self.trunk is None else self.trunk(inputs[0])

    def features(self, inputs: Inputs) -> Tensor:
        """Return the (B, D) features that enter the classifier."""
        features: Tensor = self.head(self.maps(inputs))
        return features

    def forward(self, inputs: Inputs) -> Tensor:
        """Return (B, C) logits."""
        logits: Tensor = self.classifier(self.features(inputs))
        return logits


class Head(nn.Module):
    """Turns maps into features; `convolve` makes the last maps, which are pooled (maximum and average).

    Attributes:
        dim: D, of the features.
        last: does nothing; the last maps pass through it, so that explanations can watch them.
    """

    dim: int

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Identity()

    def convolve(self, maps: list[Tensor]) -> Tensor:
        """Return the last (B, D / 2, h, w) maps before pooling."""
        raise NotImplementedError

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return (B, D) features."""
        # pixels in one dimension, channels last as they lie in memory: twice as fast to go back through on a CPU
        pixels = self.last(self.convolve(maps)).permute(0, 2, 3, 1).flatten(1, 2)
        features: Tensor = self.dropout(self.pool(pixels))
        return features

    def pool(self, pixels: Tensor) -> Tensor:
        """Return (B, D) of (B, pixels, D / 2): maximum and average."""
        return torch.cat([pixels.amax(1), pixels.mean(1)], 1)


class Pooled(Head):
    """No layer of its own: the backbone's last maps, pooled."""

    def __init__(self, shapes: Shapes, settings: NetworkSettings) -> None:
        super().__init__(settings.dropout)
        self.dim = 2 * shapes[-1][0]

    def convolve(self, maps: list[Tensor]) -> Tensor:
        """Return the last maps as they are."""
        return maps[-1]


class Vector(Head):
    """No maps at all: (B, D, 1, 1) features that another network has made, as they are."""

    def __init__(self, dim: int) -> None:
        super().__init__(0.0)
        self.dim = dim

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return (B, D)."""
        return maps[0].flatten(1)


class Average(Pooled):
    """The last maps' mean alone, as in the ResNets of the long-tail literature."""

    def __init__(self, shapes: Shapes, settings: NetworkSettings) -> None:
        super().__init__(shapes, settings)
        self.dim = shapes[-1][0]

    def pool(self, pixels: Tensor) -> Tensor:
        """Return the mean over (B, pixels, D)."""
        return pixels.mean(1)


class SingleScale(Head):
    """One receptive field over the first depth's maps: a 1 x 1 convolution to width / 2 channels, then a 3 x 3.

    Whole channels are dropped as in the multi-scale head, so that the two differ in their receptive fields alone.
    """

    def __init__(self, shapes: Shapes, settings: NetworkSettings) -> None:
        super().__init__(settings.dropout)
        narrow = max(1, settings.width // 2)
        self.dim = 2 * settings.width
        self.drop = nn.Dropout2d(settings.channel_dropout)
        self.body = nn.Sequential(conv_block(shapes[0][0], narrow, kernel=1), conv_block(narrow, settings.width))

    def convolve(self, maps: list[Tensor]) -> Tensor:
        """Return (B, width, h, w)."""
        last: Tensor = self.body(self.drop(maps[0]))
        return last


class MultiScale(Head):
    """Parallel convolutions of different receptive fields over the maps of one or several depths, concatenated.

    For each depth a 1 x 1 convolution narrows the maps to width / 2 channels; on these stand a 1 x 1, a 3 x 3 and a
    3 x 3 convolution of dilation 2 (fields of 1, 3 and 5 cells). Depths are brought to the first one's side. Training
    drops whole channels of the transferred maps at random, so that no few of them decide.
    """

    def __init__(self, shapes: Shapes, settings: NetworkSettings) -> None:
        super().__init__(settings.dropout)
        width = max(1, settings.width // 2)
        self.drop = nn.Dropout2d(settings.channel_dropout)
        self.reduce = nn.ModuleList(conv_block(shape[0], width, kernel=1) for shape in shapes)
        self.branches = nn.ModuleList(
            nn.ModuleList(conv_block(width, width, kernel=k, dilation=d) for k, d in ((1, 1), (3, 1), (3, 2)))
            for _ in shapes
        )
        self.dim = 2 * 3 * width * len(shapes)

    def convolve(self, maps: list[Tensor]) -> Tensor:
        """Return (B, 3 width / 2 x depths, h, w)."""
        side = maps[0].shape[2:]
        out = []
        for x, reduce, branches in zip(maps, self.reduce, self.branches, strict=True):
            narrow = reduce(self.drop(x))
            out += [_resize(branch(narrow), side) for branch in branches.children()]
        return torch.cat(out, 1)


HEADS: dict[str, type[Pooled] | type[SingleScale] | type[MultiScale]] = {
    "average": Average,
    "pooled": Pooled,
    "single-scale": SingleScale,
    "multi-scale": MultiScale,
}


def build(
    shapes: Shapes, num_classes: int, settings: NetworkSettings, backbone: BackboneSettings | None = None
) -> Network:
    """Build a network.

    Args:
        shapes: (C, H, W) of the inputs, one for each depth.
        num_classes: C.
        settings: the layers on top.
        backbone: the backbone to build in; None where the inputs are its maps.
    """
    trunk = None
    if backbone is not None:
        channels, height, width = shapes[0]
        trunk = backbones.build(backbone, channels)
        shapes = [(c, -(-height // s), -(-width // s)) for c, s in zip(trunk.channels, backbone.strides, strict=True)]
    head = HEADS[settings.head](shapes, settings)
    return Network(trunk, head, nn.Linear(head.dim, num_classes))


def _resize(x: Tensor, side: torch.Size) -> Tensor:
    return x if x.shape[2:] == side else nn.functional.interpolate(x, size=tuple(side), mode="nearest")
