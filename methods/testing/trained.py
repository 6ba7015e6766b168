"""A method of the contract, and how it is trained there: once for the clauses that only look at what came of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook

from methods.base import Method
from methods.testing.tiny import made_data, tiny_context
from methods.training.context import Context, Meter
from methods.training.data import TrainSet


@dataclass(frozen=True)
class Trained:
    """A method that was trained once, and what was seen of it.

    Attributes:
        method: trained.
        train: what on; its tensors as they are after training.
        before: the tensors of `train` as they were.
        logits: of the training images.
        meter: what the method says that it spent.
        taken: optimiser steps that it took.
        drawn: names of the global random states that it changed.
    """

    method: Method
    train: TrainSet
    before: tuple[Tensor, ...]
    logits: Tensor
    meter: Meter
    taken: int
    drawn: tuple[str, ...]


class Make:
    """Makes a new, untrained method; and one that is trained, once for all clauses that do no more than look at it."""

    def __init__(self, make: Callable[[], Method]) -> None:
        self._make = make

    def __call__(self) -> Method:
        """Return a new, untrained method."""
        return self._make()

    @cached_property
    def trained(self) -> Trained:
        """Train one with global seed 1."""
        method, train, taken = self(), made_data(method=self()), []
        before = tuple(tensor.clone() for tensor in tensors(train))
        context = tiny_context(train)
        hook = register_optimizer_step_post_hook(lambda *_: taken.append(1))
        try:
            with global_seed(1):
                states = _global_state()
                logits = logits_of(method, train, context)
                drawn = tuple(name for name, state in _global_state().items() if state != states[name])
        finally:
            hook.remove()
        return Trained(method, train, before, logits, context.meter, len(taken), drawn)


def tensors(train: TrainSet) -> tuple[Tensor, ...]:
    """Return all tensors of a training set."""
    return (*train.images.levels, train.labels)


def logits_of(method: Method, train: TrainSet, context: Context | None = None) -> Tensor:
    """Train, predict the training images, check the form of the answer."""
    method.fit(train, context or tiny_context(train))
    logits = method.predict_logits(train.images)
    shape = (len(train), train.num_classes)
    if not isinstance(logits, Tensor) or tuple(logits.shape) != shape:
        raise AssertionError(f"predict_logits gives {getattr(logits, 'shape', type(logits))}, not (N, C) = {shape}")
    if logits.device.type != "cpu" or not logits.is_floating_point():
        raise AssertionError(f"predict_logits gives {logits.dtype} on {logits.device}, not floats on the CPU")
    if not logits.isfinite().all():
        raise AssertionError("predict_logits gives values that are not finite")
    return logits


@contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """Seed the global random states inside the block, and restore them after."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 (they are what is checked)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])


def _global_state() -> dict[str, str]:
    return {
        "random": str(random.getstate()),
        "numpy": str(np.random.get_state(legacy=False)["state"]),  # noqa: NPY002
        "torch": str(torch.get_rng_state().tolist()),
    }
