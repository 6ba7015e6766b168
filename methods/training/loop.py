"""The training loop: no draw, no copy from the device and no wait inside a step."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from methods.networks import Network
from methods.training import sampling
from methods.training.context import Context
from methods.training.data import Batch, TrainSet
from methods.training.settings import Augmentation, Optimizer
from methods.training.stages import Stage, freeze_all_but, restart, split_steps

if TYPE_CHECKING:
    from methods.base import NetworkMethod


class DivergedError(RuntimeError):
    """The loss is no longer a finite number."""


def run_stages(method: NetworkMethod, network: Network, train: TrainSet, context: Context, total: int) -> None:
    """Run a method's stages over `total` gradient steps; nothing where that is zero.

    Raises:
        DivergedError: the loss became infinite or not a number.
    """
    if not total:
        return
    stages = method.stages()
    done = 0
    for k, (stage, steps) in enumerate(zip(stages, split_steps([s.share for s in stages], total), strict=True)):
        progress = [(done + i) / total for i in range(steps)]
        run_stage(method, network, train, context, stage, progress, f"stage {k}")
        done += steps


def run_stage(
    method: NetworkMethod,
    network: Network,
    train: TrainSet,
    context: Context,
    stage: Stage,
    progress: list[float],
    purpose: str,
) -> None:
    """Run one stage, a gradient step for each value of `progress`.

    Raises:
        DivergedError: the loss became infinite or not a number.
    """
    restart(network, stage.restart)
    draws = Draws(method, stage, train, context, progress, purpose)
    parameters = freeze_all_but(network, stage.trainable)
    optimizer = build_optimizer(parameters, context.optimizer, stage)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(context.optimizer, step, len(progress)))
    amp = mixed_precision(context.device)
    total = torch.zeros((), device=context.device)
    for step, done in enumerate(progress):
        with amp:
            batch = method.mix(draws.batch(step), draws.counts, draws.uniform[step])
            loss = method.loss(network, batch, draws.counts, done)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.detach()
    context.meter.steps += len(progress)
    context.meter.samples += len(progress) * context.budget.batch_size
    if context.device.type != "meta" and not math.isfinite(total.item()):
        raise DivergedError(f"the loss became {total.item()} in {purpose}; lower optimizer.learning_rate")


def mixed_precision(device: torch.device) -> AbstractContextManager[None]:
    """Return bfloat16 autocast where it is faster: on GPUs."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else nullcontext()


class Draws:
    """All that is random in one stage, drawn beforehand on the CPU and laid on the device once."""

    def __init__(
        self,
        method: NetworkMethod,
        stage: Stage,
        train: TrainSet,
        context: Context,
        progress: list[float],
        purpose: str,
    ) -> None:
        generator = context.generator(purpose)
        labels, counts = _labels_on_cpu(train)
        self.train = train
        self.counts = counts.to(context.device)
        rows, labels, kept = _limited(method, stage, labels, counts, generator)
        choose = stage.sampling or method.sampling
        drawn = sampling.draw_rows(labels, kept, choose, progress, context.budget.batch_size, generator)
        self.rows = (drawn if rows is None else rows[drawn]).to(context.device)
        shape = (len(progress), context.budget.batch_size)
        self.flips = _flips(context.augmentation, shape, generator, context.device)
        self.shifts = _shifts(context, shape, generator)
        self.uniform: list[float] = torch.rand(len(progress), generator=generator).tolist()

    def batch(self, step: int) -> Batch:
        """Return the batch of one step."""
        rows = self.rows[step]
        flips = None if self.flips is None else self.flips[step]
        shifts = None if self.shifts is None else self.shifts[step]
        return Batch(self.train.images.read(rows, flips, shifts), self.train.labels[rows])


def build_optimizer(parameters: list[torch.nn.Parameter], settings: Optimizer, stage: Stage) -> torch.optim.Optimizer:
    """Build the comparison's optimiser for one stage."""
    rate, decay = settings.learning_rate * stage.learning_rate, settings.weight_decay
    if settings.name == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=settings.momentum, weight_decay=decay)
    rate *= stage.adam_rate
    return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=parameters[0].device.type != "meta")


def rate(settings: Optimizer, step: int, steps: int) -> float:
    """Return the factor on the learning rate at a step of a stage of `steps`."""
    progress = step / steps
    if progress < settings.warmup:
        return (step + 1) / (math.ceil(settings.warmup * steps) + 1)
    if settings.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    if settings.schedule == "step":
        return 1.0 if progress < 0.8 else 0.01 if progress < 0.9 else 0.0001
    return 1.0


def _labels_on_cpu(train: TrainSet) -> tuple[Tensor, Tensor]:
    """Return labels and counts on the CPU; made-up ones, one class after another, where the data have no values."""
    made_up = train.labels.device.type == "meta"
    labels = torch.arange(len(train)) % train.num_classes if made_up else train.labels.cpu()
    return labels, torch.bincount(labels, minlength=train.num_classes)


def _limited(
    method: NetworkMethod, stage: Stage, labels: Tensor, counts: Tensor, generator: torch.Generator
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
