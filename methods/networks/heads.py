"""Heads: from the backbone's maps to the features that enter the classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

import torch
from torch import Tensor, nn

from methods.networks.backbones import conv_block
from methods.networks.classifiers import ZeroLinear
from methods.training.settings import HeadName, NetworkSettings

Shapes = Sequence[tuple[int, int, int]]
"""(C, H, W) of each depth."""
FIELDS = ((1, 1), (3, 1), (3, 2))
"""Kernel and dilation of the multi-scale head's parallel convolutions: fields of 1, 3 and 5 cells."""
SINGLE_FIELD = ((3, 1),)


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
        # not amax, which passes a gradient back by comparing every pixel with the maximum
        return torch.cat([pixels.max(1).values, pixels.mean(1)], 1)


class Pooled(Head):
    """No layer of its own: maximum and average of every depth's maps, standardised by the training subset.

    The inputs may be the pooled features already, (B, D, 1, 1): over a frozen backbone nothing before the classifier
    learns, so they are pooled once (`read_once`).

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


class Scale(Head):
    """Parallel convolutions over one depth's maps, pooled on their own side.

    A 1 x 1 convolution narrows the maps to width / 2 channels; on these stand the convolutions, normalised together.
    Training drops whole channels of the transferred maps at random, so that no few of them decide.
    """

    def __init__(self, channels: int, settings: NetworkSettings, fields: Sequence[tuple[int, int]]) -> None:
        super().__init__(settings.dropout)
        width = max(1, settings.width // 2)
        self.drop = nn.Dropout2d(settings.channel_dropout)
        self.reduce = conv_block(channels, width, kernel=1)
        self.branches = nn.ModuleList(
            nn.Conv2d(width, width, kernel, padding=dilation * (kernel // 2), dilation=dilation, bias=False)
            for kernel, dilation in fields
        )
        self.normalise = nn.BatchNorm2d(width * len(fields))
        self.dim = 2 * width * len(fields)

    def convolve(self, maps: list[Tensor]) -> Tensor:
        """Return (B, width / 2 x fields, h, w) of the one depth's maps."""
        narrow = self.reduce(self.drop(maps[0]))
        return torch.relu(self.normalise(torch.cat([branch(narrow) for branch in self.branches], 1)))


class Convolutional(Head):
    """What convolutions make of the deeper maps, each depth pooled on its own side.

    Attributes:
        scales: the convolutions, one module for each depth that they read.
    """

    def __init__(self, read: Shapes, settings: NetworkSettings, fields: Sequence[tuple[int, int]]) -> None:
        super().__init__(0.0)
        scales = [Scale(channels, settings, fields) for channels, _, _ in read]
        self.scales = nn.ModuleList(scales)
        self.dim = sum(scale.dim for scale in scales)

    def read(self, depths: Sequence[T]) -> list[T]:
        """Return the depths that the convolutions read."""
        return convolved(depths)[: len(self.scales)]

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return (B, D)."""
        return torch.cat([scale([depth]) for scale, depth in zip(self.scales, self.read(maps), strict=True)], 1)


class SingleScale(Convolutional):
    """One receptive field, of 3 cells, over the last depth's maps but one."""

    def __init__(self, shapes: Shapes, settings: NetworkSettings) -> None:
        super().__init__(convolved(shapes)[:1], settings, SINGLE_FIELD)


class MultiScale(Convolutional):
    """Different receptive fields, of 1, 3 and 5 cells, over the maps of the last two depths."""

    def __init__(self, shapes: Shapes, settings: NetworkSettings) -> None:
        super().__init__(convolved(shapes), settings, FIELDS)


HEADS: dict[HeadName, type[Average] | type[Pooled] | type[SingleScale] | type[MultiScale]] = {
    "average": Average,
    "pooled": Pooled,
    "single-scale": SingleScale,
    "multi-scale": MultiScale,
}
