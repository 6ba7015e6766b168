"""The training loop: no draw, no copy from the device and no wait inside a step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from methods.training.context import Context
from methods.training.data import TrainSet
from methods.training.draws import Draws
from methods.training.learner import Learner
from methods.training.optimizers import FusedAdamW, called_straight
from methods.training.settings import Optimizer
from methods.training.stages import Stage, freeze_all_but, restart, split_steps


class DivergedError(RuntimeError):
    """The loss is no longer a finite number."""


@dataclass(frozen=True)
class Phase:
    """A stage that can begin: what it trains, and when.

    Attributes:
        stage: what `stages` said.
        network: what is trained.
        train: what it is trained on.
        context: with the stage's own augmentation.
        progress: the fraction of the whole budget done before each of its steps.
        purpose: what its random draws derive from.
    """

    stage: Stage
    network: nn.Module
    train: TrainSet
    context: Context
    progress: list[float]
    purpose: str

    def run(self, method: Learner[Any]) -> None:
        """Take the steps.

        Raises:
            DivergedError: the loss became infinite or not a number.
        """
        if self.stage.run is not None:
            self.stage.run(self.network, self.train, self.context, self.progress)
        else:
            run_stage(method, self.network, self.train, self.context, self.stage, self.progress, self.purpose)


def phases(method: Learner[Any], network: nn.Module, train: TrainSet, context: Context) -> Iterator[Phase]:
    """Yield the stages of a method as each can begin; a stage must have run before the next is asked for."""
    stages, total = method.stages(), context.budget.steps
    if not stages:
        return
    done = unnamed = 0
    for stage, steps in zip(stages, split_steps([s.share for s in stages], total), strict=True):
        progress = [(done + i) / total for i in range(steps)]
        done += steps
        purpose = stage.name or f"stage {unnamed}"
        unnamed += not stage.name
        if stage.task is None:
            yield Phase(stage, network, train, context, progress, purpose)
            continue
        task = stage.task(network, train, context)
        own = replace(context, augmentation=task.augmentation or context.augmentation)
        yield Phase(stage, task.network, task.data, own, progress, purpose)


def run_stage(
    method: Learner[Any],
    network: nn.Module,
    train: TrainSet,
    context: Context,
    stage: Stage,
    progress: list[float],
    purpose: str,
) -> None:
    """Run one stage.

    Args:
        method: whose hooks are called.
        network: what is trained, on the device.
        train: what it is trained on, on the device.
        context: device, budget, optimiser, augmentation.
        stage: what learns, and how.
        progress: one value for each gradient step of the budget; an optimiser step takes `method.step_cost` of them,
            and what does not suffice for another is left.
        purpose: what the draws derive from.

    Raises:
        DivergedError: the loss became infinite or not a number.
        ValueError: the stage has fewer gradient steps than one optimiser step takes.
    """
    begins = progress[:: method.step_cost][: len(progress) // method.step_cost]
    if not begins:
        raise ValueError(
            f"{purpose} has only {len(progress)} of the {method.step_cost} steps that it needs; raise budget.steps"
        )
    restart(network, stage.restart)
    draws = Draws(method, stage, train, context, begins, purpose)
    optimizer = build_optimizer(freeze_all_but(network, stage.trainable, stage.moving), context.optimizer, stage)
    initial = [group["lr"] for group in optimizer.param_groups]
    amp, loss_of = mixed_precision(context.device), stage.loss or method.loss
    total = torch.zeros((), device=context.device)
    for step, done in enumerate(begins):
        batch = draws.batch(step)
        if stage.mix:
            batch = method.mix(batch, draws.counts, draws.uniform[step])

        def loss(batch=batch, done=done) -> Tensor:  # type: ignore[no-untyped-def]
            with amp:
                return loss_of(network, batch, draws.counts, done)

        for group, lr in zip(optimizer.param_groups, initial, strict=True):
            group["lr"] = lr * rate(context.optimizer, step, len(begins))
        optimizer.zero_grad(set_to_none=True)
        total += method.gradient(network, loss).detach()
        optimizer.step()
        with torch.no_grad():
            method.after_step(network, batch, draws.counts, done)
    context.meter.steps += len(begins) * method.step_cost
    context.meter.samples += len(begins) * method.step_cost * context.budget.batch_size
    check_finite(total, f"the loss in {purpose}", "optimizer.learning_rate")


def check_finite(total: Tensor, what: str, remedy: str) -> None:
    """Check a sum of losses, once after all steps.

    Raises:
        DivergedError: it is infinite or not a number.
    """
    if total.device.type != "meta" and not math.isfinite(total.item()):
        raise DivergedError(f"{what} became {total.item()}; lower {remedy}")


def mixed_precision(device: torch.device) -> AbstractContextManager[None]:
    """Return bfloat16 autocast where it is faster: on GPUs."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else nullcontext()


def build_optimizer(parameters: list[nn.Parameter], settings: Optimizer, stage: Stage) -> torch.optim.Optimizer:
    """Build the comparison's optimiser for one stage."""
    rate = settings.learning_rate * stage.learning_rate
    decay = settings.weight_decay if stage.weight_decay is None else stage.weight_decay
    if settings.name == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=settings.momentum, weight_decay=decay)
    rate *= stage.adam_rate
    if parameters[0].device.type == "meta":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
    adamw = FusedAdamW if called_straight() else torch.optim.AdamW
    return adamw(parameters, lr=rate, weight_decay=decay, fused=True)


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
