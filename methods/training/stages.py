"""Stages: the phases of a method's training."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn

from methods.training.sampling import ClassProbabilities

RETRAIN_ADAM_RATE = 10.0
"""`adam_rate` of stages that train a classifier anew: 22 steps of 0.001 (15 % of 150) would leave it within a tenth of
its random weights' size; `python -m experiments.choose retraining` compares others."""


@dataclass(frozen=True)
class Stage:
    """One phase of training.

    Attributes:
        share: of the method's gradient steps.
        trainable: prefixes of the names of the modules that learn ("" is the whole network); all others are frozen:
            no gradient, and batch normalisation keeps its statistics.
        sampling: replaces the method's for this stage.
        learning_rate: factor on the comparison's.
        adam_rate: further factor under AdamW. Its steps are as long as the rate, however large the gradient, so a few
            of them do not move a new layer from its random weights; SGD's steps grow with the gradient.
        restart: prefixes of the names of the modules that begin this stage anew.
        limit: whether the method's `limit` holds in this stage.
    """

    share: float = 1.0
    trainable: tuple[str, ...] = ("",)
    sampling: ClassProbabilities | None = None
    learning_rate: float = 1.0
    adam_rate: float = 1.0
    restart: tuple[str, ...] = ()
    limit: bool = True


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


def freeze_all_but(network: nn.Module, prefixes: tuple[str, ...]) -> list[nn.Parameter]:
    """Put a network into training mode with only some of its modules learning.

    A frozen module is in evaluation mode too, or its batch-norm statistics would drift.

    Returns:
        The parameters that learn.
    """
    for name, module in network.named_modules():
        module.training = covered(name, prefixes)
    learning = []
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(covered(name, prefixes))
        if parameter.requires_grad:
            learning.append(parameter)
    return learning


def restart(network: nn.Module, prefixes: tuple[str, ...]) -> None:
    """Give the modules under the prefixes new initial weights."""
    for name, module in network.named_modules():
        reset = getattr(module, "reset_parameters", None)
        if prefixes and covered(name, prefixes) and callable(reset):
            reset()
