"""Training data as methods see it: images or feature maps, kept on the device, read batch by batch."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

Inputs = tuple[Tensor, ...]
"""What a network reads: one (B, C, H, W) float tensor for each depth (images have one)."""


@dataclass(frozen=True)
class Images:
    """N images, or the feature maps that a frozen backbone made of them; methods need not know which.

    Attributes:
        levels: for each depth a tensor (N, H, W, C): uint8 for images, floating for feature maps.
        mean: per-channel mean that uint8 images are normalised with, in [0, 255]; empty for feature maps.
        std: likewise the standard deviation.
    """

    levels: tuple[Tensor, ...]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.levels[0])

    def __getitem__(self, rows: Tensor | slice) -> Images:
        return replace(self, levels=tuple(level[rows] for level in self.levels))

    def to(self, device: torch.device) -> Images:
        """Return the same images on a device."""
        return replace(self, levels=tuple(level.to(device) for level in self.levels))

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """(C, H, W) of each depth."""
        return [(level.shape[3], level.shape[1], level.shape[2]) for level in self.levels]

    def read(self, rows: Tensor, flips: Tensor | None = None, shifts: Tensor | None = None) -> Inputs:
        """Return the images of `rows` (B,) as float tensors, channels last in memory.

        Augmentation is arithmetic on pixel coordinates, so gathering and augmenting is one pass over the data.

        Args:
            rows: (B,) int64, on the images' device.
            flips: (B, 2) bool, upside down and left to right.
            shifts: (B, 2) int64, pixels down and right; zeros come in.
        """
        return tuple(self._normalise(_gather(level, rows, flips, shifts)) for level in self.levels)

    def _normalise(self, batch: Tensor) -> Tensor:
        if not self.mean:
            return batch.float()
        mean, std = on_device(self.mean, batch.device), on_device(self.std, batch.device)
        channels = max(len(self.mean), batch.shape[1])
        return ((batch.float().expand(-1, channels, -1, -1) - mean) / std).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class TrainSet:
    """The imbalanced training subset, all that a method may see.

    Attributes:
        images: N images.
        labels: (N,) int64.
        num_classes: C, also where a class has no image.
        groups: (N,) int64, images of one group (a patient, a module) are alike; None where each stands alone. Who holds
            images out holds whole groups out, or what is found there is too good.
    """

    images: Images
    labels: Tensor
    num_classes: int
    groups: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def counts(self) -> Tensor:
        """(C,) int64 images per class, on the labels' device."""
        return torch.zeros(self.num_classes, dtype=torch.int64, device=self.labels.device).index_add_(
            0, self.labels, torch.ones_like(self.labels)
        )

    def subset(self, rows: Tensor) -> TrainSet:
        """Keep the images of `rows` (M,) int64."""
        groups = None if self.groups is None else self.groups[rows]
        return replace(self, images=self.images[rows], labels=self.labels[rows], groups=groups)

    def to(self, device: torch.device) -> TrainSet:
        """Return the same data on a device."""
        groups = None if self.groups is None else self.groups.to(device)
        return replace(self, images=self.images.to(device), labels=self.labels.to(device), groups=groups)


@dataclass(frozen=True)
class Batch:
    """One training batch.

    Attributes:
        inputs: one (B, C, H, W) float tensor for each depth.
        targets: (B,) int64 labels, or (B, C) float class probabilities after mixing.
    """

    inputs: Inputs
    targets: Tensor


def _gather(level: Tensor, rows: Tensor, flips: Tensor | None, shifts: Tensor | None) -> Tensor:
    """Return (B, C, H, W) of (N, H, W, C), flipped and shifted image by image."""
    _, height, width, channels = level.shape
    if shifts is None and (flips is None or height == width == 1):
        return level.index_select(0, rows).permute(0, 3, 1, 2)
    down, inside_h = _coordinates(height, rows, flips, shifts, 0)
    right, inside_w = _coordinates(width, rows, flips, shifts, 1)
    pixels = (rows[:, None, None] * height + down[:, :, None]) * width + right[:, None, :]
    batch = level.view(-1, channels).index_select(0, pixels.view(-1)).view(*pixels.shape, channels)
    if shifts is not None:
        batch = batch * (inside_h[:, :, None] & inside_w[:, None, :]).unsqueeze(3)
    return batch.permute(0, 3, 1, 2)


def _coordinates(
    side: int, rows: Tensor, flips: Tensor | None, shifts: Tensor | None, axis: int
) -> tuple[Tensor, Tensor]:
    """Return (B, side) source coordinates along one axis, and where they lie inside the image."""
    at = torch.arange(side, device=rows.device).expand(len(rows), side)
    if flips is not None:
        at = torch.where(flips[:, axis, None], side - 1 - at, at)
    if shifts is not None:
        at = at - shifts[:, axis, None]
    return at.clamp(0, side - 1), (at >= 0) & (at < side)


@functools.lru_cache(maxsize=128)
def on_device(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Return a value for each channel as (1, C, 1, 1) float32 on a device, copied there once: a step copies nothing."""
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=torch.float32, device=device).view(1, -1, 1, 1)


def concatenate(parts: Sequence[Images]) -> Images:
    """Join images of the same shapes."""
    levels = zip(*(part.levels for part in parts), strict=True)
    return replace(parts[0], levels=tuple(torch.cat(level) for level in levels))
