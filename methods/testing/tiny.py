"""Tiny data and a tiny budget, to check a method with in a moment."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from methods.base import Method
from methods.training.context import Context
from methods.training.data import Images, TrainSet
from methods.training.settings import BackboneSettings, Budget, NetworkSettings

STEPS = 12
SCRATCH = BackboneSettings(name="small-cnn", weights="none", frozen=False)


def made_data(
    counts: Sequence[int] = (12, 6, 3), *, channels: int | None = None, method: Method | None = None
) -> TrainSet:
    """Make tiny training data whose classes differ in brightness.

    Args:
        counts: images of each class.
        channels: of uint8 images; None: half-precision feature maps.
        method: one that reads images only (`from_scratch`) is given grey ones instead of maps.
    """
    if channels is None and method is not None and method.from_scratch:
        channels = 1
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    generator = torch.Generator().manual_seed(0)
    shape = (len(labels), 4, 4, 8) if channels is None else (len(labels), 16, 16, channels)
    values = torch.rand(shape, generator=generator) + labels[:, None, None, None] / len(counts)
    if channels is None:
        images = Images((values.half(),))
    else:
        images = Images(((values * 127).to(torch.uint8),), (127.0,) * channels, (64.0,) * channels)
    return TrainSet(images, labels, len(counts))


def tiny_context(train: TrainSet) -> Context:
    """Return a context with 12 steps of 8 images and a narrow network; images are read by a small backbone."""
    return Context(
        seed="check",
        device=torch.device("cpu"),
        budget=Budget(steps=STEPS, batch_size=8),
        network=NetworkSettings(width=8),
        backbone=SCRATCH if train.images.mean else None,
        source_data=lambda names: train,
    )
