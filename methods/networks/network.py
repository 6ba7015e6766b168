"""Networks: backbone (or its maps), head, classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar, TypeVar

import torch
from torch import Tensor, nn

from methods.networks import backbones
from methods.networks.backbones import conv_block
from methods.networks.classifiers import Aligned, Scaled, ZeroLinear
from methods.training import inference
from methods.training.data import Images, Inputs, TrainSet
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

    def refine(self, classifier: Scaled | Aligned) -> Network:
        """Put the linear classifier, with its initial weights, into one that learns more; returns this network."""
        classifier.linear.load_state_dict(self.classifier.state_dict())
        self.classifier = classifier
        return self

    def forward(self, inputs: Inputs) -> Tensor:
        """Return (B, C) logits."""
        logits: Tensor = self.classifier(self.features(inputs))
        return logits


class Head(nn.Module):
    """Turns maps into features; `convolve` makes the last maps, which are pooled (maximum and average).

    Attributes:
        dim: D, of the features.
        last: does nothing; the last maps pass through it, so that explanations can watch them.
        linear: the class of the linear classifier that stands on the features.
    """

    dim: int
    linear: ClassVar[type[nn.Linear]] = nn.Linear

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
    """No layer of its own: maximum and average of every depth's maps, standardised by the training subset.

    The inputs may be the pooled features already, (B, D, 1, 1): over a frozen backbone nothing before the classifier
    learns, so they are pooled once (`pool_once`).

    Attributes:
        mean: (D,) of the training subset.
        scale: (D,) standard deviation of the training subset; 1 where a feature does not vary.
    """

    mean: Tensor
    scale: Tensor
    linear: ClassVar[type[nn.Linear]] = ZeroLinear

    def __init__(self, shapes: Shapes, settings: NetworkSettings) -> None:
        super().__init__(settings.dropout)
        self.dim = 2 * sum(channels for channels, _, _ in shapes)
        self.register_buffer("mean", torch.zeros(self.dim))
        self.register_buffer("scale", torch.ones(self.dim))

    def convolve(self, maps: list[Tensor]) -> Tensor:
        """Return the first depth's maps as they are."""
        return maps[0]

    def pooled(self, maps: list[Tensor]) -> Tensor:
        """Return (B, D) of the maps, or of what is pooled already, not yet standardised."""
        if len(maps) == 1 and maps[0].shape[1] == self.dim:
            return maps[0].flatten(1)
        depths = [self.last(self.convolve(maps)), *maps[1:]]
        return torch.cat([statistic for m in depths for statistic in (m.amax((2, 3)), m.mean((2, 3)))], 1)

    def standardise(self, features: Tensor) -> None:
        """Take mean and standard deviation from (N, D) features of the training subset."""
        self.mean.copy_(features.mean(0))
        scale = features.std(0, correction=0)
        self.scale.copy_(torch.where(scale > 0, scale, 1.0))

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return (B, D) features."""
        features: Tensor = self.dropout((self.pooled(maps) - self.mean) / self.scale)
        return features


class Vector(Head):
    """No maps at all: (B, D, 1, 1) features that another network has made, as they are."""

    def __init__(self, dim: int) -> None:
        super().__init__(0.0)
        self.dim = dim

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return (B, D)."""
        return maps[0].flatten(1)


class Average(Head):
    """The last maps' mean alone, as in the ResNets of the long-tail literature."""

    def __init__(self, shapes: Shapes, settings: NetworkSettings) -> None:
        super().__init__(settings.dropout)
        self.dim = shapes[-1][0]

    def convolve(self, maps: list[Tensor]) -> Tensor:
        """Return the last maps as they are."""
        return maps[-1]

    def pool(self, pixels: Tensor) -> Tensor:
        """Return the mean over (B, pixels, D)."""
        return pixels.mean(1)


T = TypeVar("T")


def convolved(depths: Sequence[T]) -> list[T]:
    """Return the depths that heads with convolutions read: the last two, or the only one there is.

    The next shallower maps have four times the cells, and four times the arithmetic.
    """
    return list(depths)[-2:]


class SingleScale(Head):
    """One receptive field over the last depth's maps but one: a 1 x 1 convolution to width / 2 channels, then a 3 x 3.

    Whole channels are dropped as in the multi-scale head, so that the two differ in their receptive fields alone.
    """

    def __init__(self, shapes: Shapes, settings: NetworkSettings) -> None:
        super().__init__(settings.dropout)
        narrow = max(1, settings.width // 2)
        self.dim = 2 * settings.width
        self.drop = nn.Dropout2d(settings.channel_dropout)
        self.body = nn.Sequential(
            conv_block(convolved(shapes)[0][0], narrow, kernel=1), conv_block(narrow, settings.width)
        )

    def convolve(self, maps: list[Tensor]) -> Tensor:
        """Return (B, width, h, w)."""
        last: Tensor = self.body(self.drop(convolved(maps)[0]))
        return last


class MultiScale(Head):
    """Parallel convolutions of different receptive fields over the maps of the last two depths, concatenated.

    For each depth a 1 x 1 convolution narrows the maps to width / 2 channels; on these stand a 1 x 1, a 3 x 3 and a
    3 x 3 convolution of dilation 2 (fields of 1, 3 and 5 cells). Depths are brought to the first one's side. Training
    drops whole channels of the transferred maps at random, so that no few of them decide.
    """

    def __init__(self, shapes: Shapes, settings: NetworkSettings) -> None:
        super().__init__(settings.dropout)
        width = max(1, settings.width // 2)
        self.drop = nn.Dropout2d(settings.channel_dropout)
        shapes = convolved(shapes)
        self.reduce = nn.ModuleList(conv_block(shape[0], width, kernel=1) for shape in shapes)
        self.branches = nn.ModuleList(
            nn.ModuleList(conv_block(width, width, kernel=k, dilation=d) for k, d in ((1, 1), (3, 1), (3, 2)))
            for _ in shapes
        )
        self.dim = 2 * 3 * width * len(shapes)

    def convolve(self, maps: list[Tensor]) -> Tensor:
        """Return (B, 3 width / 2 x depths, h, w)."""
        maps = convolved(maps)
        side = maps[0].shape[2:]
        out = []
        for x, reduce, branches in zip(maps, self.reduce, self.branches, strict=True):
            narrow = reduce(self.drop(x))
            out += [_resize(branch(narrow), side) for branch in branches.children()]
        return torch.cat(out, 1)


HEADS: dict[str, type[Average] | type[Pooled] | type[SingleScale] | type[MultiScale]] = {
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
    return Network(trunk, head, head.linear(head.dim, num_classes))


def pool_once(network: nn.Module, train: TrainSet, device: torch.device) -> TrainSet:
    """Let a network's pooled heads take their scale from the training subset; where all it reads is pooled, do it once.

    Args:
        network: any; heads of other kinds are left alone.
        train: the training subset, on the device.
        device: where the network is.

    Returns:
        The training subset, its maps replaced by (N, D, 1, 1) pooled features where nothing else reads them.
    """
    parts = [part for part in network.modules() if isinstance(part, Network)]
    heads = [(part, head) for part in parts for head in part.head.modules() if isinstance(head, Head)]
    pooled = [(part, head) for part, head in heads if isinstance(head, Pooled)]
    features = None
    for part, head in pooled:
        if features is None or part.trunk is not None:
            features = inference.apply(_reader(part, head), part, train.images, device)
        head.standardise(features)
    leaves = [head for _, head in heads if sum(isinstance(inner, Head) for inner in head.modules()) == 1]
    if features is None or len(pooled) < len(leaves) or any(part.trunk is not None for part in parts):
        return train
    return replace(train, images=Images((features[:, None, None, :],)))


def _reader(part: Network, head: Pooled) -> Callable[[Inputs], Tensor]:
    return lambda inputs: head.pooled(part.maps(inputs))


def _resize(x: Tensor, side: torch.Size) -> Tensor:
    return x if x.shape[2:] == side else nn.functional.interpolate(x, size=tuple(side), mode="nearest")
