"""All that is random in a stage, drawn beforehand."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from methods.training import sampling
from methods.training.context import Context
from methods.training.data import Batch, TrainSet
from methods.training.learner import Learner
from methods.training.settings import Augmentation
from methods.training.stages import Stage


class Draws:
    """All that is random in one stage, drawn beforehand on the CPU and laid on the device once.

    Attributes:
        counts: (C,) int64 of the data.
        rows: (S, B) int64, the images of each step.
        flips: (S, B, 2) bool, upside down and left to right, or None.
        shifts: (S, B, 2) int64 pixels down and right, or None.
        uniform: S numbers in [0, 1).
    """

    def __init__(
        self,
        method: Learner[Any],
        stage: Stage,
        train: TrainSet,
        context: Context,
        progress: list[float],
        purpose: str,
    ) -> None:
        generator = context.generator(purpose)
        labels, counts = labels_on_cpu(train)
        self.train = train
        self.counts = counts.to(context.device)
        rows, labels, kept = _limited(method, stage, labels, counts, generator)
        choose, size = stage.sampling or method.sampling, context.budget.batch_size * method.streams
        drawn = sampling.draw_rows(labels, kept, choose, progress, size, generator)
        self.rows = (drawn if rows is None else rows[drawn]).to(context.device)
        self.flips = _flips(context.augmentation, (len(progress), size), generator, context.device)
        self.shifts = _shifts(context, (len(progress), size), generator)
        self.uniform: list[float] = torch.rand(len(progress), generator=generator).tolist()

    def batch(self, step: int) -> Batch:
        """Return the batch of one step."""
        rows = self.rows[step]
        flips = None if self.flips is None else self.flips[step]
        shifts = None if self.shifts is None else self.shifts[step]
        return Batch(self.train.images.read(rows, flips, shifts), self.train.labels[rows])


def labels_on_cpu(train: TrainSet) -> tuple[Tensor, Tensor]:
    """Return labels and counts on the CPU; made-up ones, one class after another, where the data have no values."""
    made_up = train.labels.device.type == "meta"
    labels = torch.arange(len(train)) % train.num_classes if made_up else train.labels.cpu()
    return labels, torch.bincount(labels, minlength=train.num_classes)


def _limited(
    method: Learner[Any], stage: Stage, labels: Tensor, counts: Tensor, generator: torch.Generator
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Return the rows that the stage may use (None for all), their labels and their counts."""
    limit = method.limit(counts) if stage.limit else None
    if limit is None:
        return None, labels, counts
    rows = sampling.cut(labels, limit, generator)
    return rows, labels[rows], torch.bincount(labels[rows], minlength=len(counts))


def _flips(
    settings: Augmentation, shape: tuple[int, int], generator: torch.Generator, device: torch.device
) -> Tensor | None:
    allowed = torch.tensor([settings.vertical_flip, settings.horizontal_flip])
    if not allowed.any():
        return None
    return ((torch.rand(*shape, 2, generator=generator) < 0.5) & allowed).to(device)


def _shifts(context: Context, shape: tuple[int, int], generator: torch.Generator) -> Tensor | None:
    most = context.augmentation.crop if context.backbone is not None else 0
    if not most:
        return None
    return torch.randint(-most, most + 1, (*shape, 2), generator=generator).to(context.device)
