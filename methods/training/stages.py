"""Stages: the phases of a method's training. They share out all of its gradient steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from methods.training.context import Context
from methods.training.data import Batch, TrainSet
from methods.training.sampling import ClassProbabilities
from methods.training.settings import Augmentation

RETRAIN_ADAM_RATE = 10.0
"""`adam_rate` of stages that train a classifier anew: 22 steps of 0.001 (15 % of 150) would leave it within a tenth of
its random weights' size; `python -m experiments.choose retraining` compares others."""

Loss = Callable[[Any, Batch, Tensor, float], Tensor]
"""(network, batch, counts (C,), progress) -> scalar."""


@dataclass(frozen=True)
class Task:
    """What a stage trains, where that is not the method's network on the training subset.

    Attributes:
        network: what learns; it may share modules with the method's network.
        data: what it learns from.
        augmentation: replaces the comparison's; None: as the comparison has it.
    """

    network: nn.Module
    data: TrainSet
    augmentation: Augmentation | None = None


@dataclass(frozen=True)
class Stage:
    """One phase of training: steps before, between and after others are stages too.

    Attributes:
        share: of the method's gradient steps.
        name: what its random draws derive from; "": its number among the stages without a name.
        trainable: prefixes of the names of the modules that learn ("" is the whole network); all others are frozen:
            no gradient, and batch normalisation keeps its statistics.
        moving: prefixes of the names of modules that move without gradients, in training mode: batch normalisation that
            takes up new statistics, or what `after_step` writes (an average of the weights).
        restart: prefixes of the names of the modules that begin this stage anew.
        sampling: replaces the method's for this stage.
        limit: whether the method's `limit` holds in this stage.
        mix: whether the method's `mix` holds in this stage.
        loss: replaces the method's for this stage.
        learning_rate: factor on the comparison's.
        adam_rate: further factor under AdamW. Its steps are as long as the rate, however large the gradient, so a few
            of them do not move a new layer from its random weights; SGD's steps grow with the gradient.
        weight_decay: replaces the comparison's.
        task: called once when the stage begins, with the method's network, the training subset and the context; what it
            returns is trained instead.
        run: replaces the shared loop: called once with the method's network, the training subset, the context and the
            progress at each of its steps. It counts what it takes in `context.meter`.
    """

    share: float = 1.0
    name: str = ""
    trainable: tuple[str, ...] = ("",)
    moving: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    sampling: ClassProbabilities | None = None
    limit: bool = True
    mix: bool = True
    loss: Loss | None = None
    learning_rate: float = 1.0
    adam_rate: float = 1.0
    weight_decay: float | None = None
    task: Callable[[Any, TrainSet, Context], Task] | None = None
    run: Callable[[Any, TrainSet, Context, list[float]], None] | None = None


def split_steps(shares: list[float], steps: int) -> list[int]:
    """Share out gradient steps so that they sum to `steps` exactly and every stage gets at least one.

    A boundary is rounded up: then a step belongs to stage 1 just where its progress is below stage 1's share, and what
    goes by progress changes with the stage, not a step early.

    Raises:
        ValueError: the shares do not sum to 1, or there are fewer steps than stages.
    """
    if abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"the shares of the stages sum to {sum(shares)}, not 1")
    if steps < len(shares):
        raise ValueError(f"{len(shares)} stages cannot share {steps} steps; raise budget.steps")
    ends: list[int] = []
    total = 0.0
    for k, share in enumerate(shares, 1):
        total += share
        least = (ends[-1] if ends else 0) + 1
        ends.append(min(max(math.ceil(total * steps - 1e-9), least), steps - (len(shares) - k)))
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def covered(name: str, prefixes: tuple[str, ...]) -> bool:
    """Say whether a module's or parameter's dotted name lies under one of the prefixes."""
    return any(prefix == "" or name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def freeze_all_but(network: nn.Module, trainable: tuple[str, ...], moving: tuple[str, ...] = ()) -> list[nn.Parameter]:
    """Put a network into training mode with only some of its modules learning.

    A frozen module is in evaluation mode too, or its batch-norm statistics would drift; one that moves is not.

    Returns:
        The parameters that learn.
    """
    for name, module in network.named_modules():
        module.training = covered(name, trainable + moving)
    learning = []
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(covered(name, trainable) and not covered(name, moving))
        if parameter.requires_grad:
            learning.append(parameter)
    return learning


def restart(network: nn.Module, prefixes: tuple[str, ...]) -> None:
    """Give the modules under the prefixes new initial weights."""
    for name, module in network.named_modules():
        reset = getattr(module, "reset_parameters", None)
        if prefixes and covered(name, prefixes) and callable(reset):
            reset()
