"""What tuning tries: the values that all methods share, and each method's own; drawn alike for all.

Trial 0 is the values that an untuned cell has. Trial k of every method has the same shared values, drawn from the
cell's identity and k alone, so that no method is luckier than another; its own values are drawn beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import methods
from benchmarks.grid.cells import Cell
from methods.training.context import Context

Values = dict[str, Any]

RATE, DECAY, DROPOUT = "optimizer.learning_rate", "optimizer.weight_decay", "network.dropout"
STEPS, BATCH, FLIPS = "budget.steps", "budget.batch_size", "augmentation.flips"
SHARED = (RATE, DECAY, DROPOUT, STEPS, BATCH, FLIPS)

RATE_FACTOR = 10.0
DECAY_FACTOR = 100.0
LEAST_DECAY = 1e-4
"""Weight decay that is tried around where the comparison has none."""
MOST_DROPOUT = 0.6
STEP_FACTORS = (1 / 3, 1.0, 3.0)
BATCH_FACTORS = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Space:
    """The values around those of one cell.

    Attributes:
        cell: what is tuned.
        context: what its method is given untuned.
        own: whether the method has nothing of what all share, as one that takes no gradient steps.
    """

    cell: Cell
    context: Context
    own: bool = False

    def defaults(self) -> Values:
        """Return the values that the cell has untuned."""
        context = self.context
        shared = {
            RATE: context.optimizer.learning_rate,
            DECAY: context.optimizer.weight_decay,
            DROPOUT: context.network.dropout,
            STEPS: context.budget.steps,
            BATCH: context.budget.batch_size,
            FLIPS: context.augmentation.horizontal_flip or context.augmentation.vertical_flip,
        }
        named = methods.get(self.cell.method).search_space
        return ({} if self.own else shared) | {name: self.cell.parameters[name] for name in named}

    def draw(self, trial: int) -> Values:
        """Return the values of a trial; those of trial 0 are the defaults."""
        if trial == 0:
            return self.defaults()
        shared = {} if self.own else self._shared(self.context.rng("trial", trial))
        rng = self.context.rng("trial", trial, "of its own")
        space = methods.get(self.cell.method).search_space
        return shared | {name: _own(values, rng) for name, values in space.items()}

    def _shared(self, rng: np.random.Generator) -> Values:
        context = self.context
        decay = max(context.optimizer.weight_decay, LEAST_DECAY)
        flips = bool(rng.random() < 0.5)
        return {
            RATE: _log(context.optimizer.learning_rate, RATE_FACTOR, rng),
            DECAY: _log(decay, DECAY_FACTOR, rng),
            DROPOUT: float(rng.uniform(0, MOST_DROPOUT)),
            STEPS: max(1, round(context.budget.steps * float(rng.choice(STEP_FACTORS)))),
            BATCH: max(1, round(context.budget.batch_size * float(rng.choice(BATCH_FACTORS)))),
            FLIPS: flips and bool(self.defaults()[FLIPS]),
        }

    def apply(self, values: Values) -> tuple[dict[str, Any], Context]:
        """Return the method's parameters and its context with some values."""
        own = {name: value for name, value in values.items() if name not in SHARED}
        parameters = {**self.cell.parameters, **own}
        if self.own:
            return parameters, self.context
        context = self.context
        rates = {"learning_rate": values[RATE], "weight_decay": values[DECAY]}
        flips = {} if values[FLIPS] else {"horizontal_flip": False, "vertical_flip": False}
        return parameters, replace(
            context,
            optimizer=context.optimizer.model_copy(update=rates),
            network=context.network.model_copy(update={"dropout": values[DROPOUT]}),
            budget=context.budget.model_copy(update={"steps": values[STEPS], "batch_size": values[BATCH]}),
            augmentation=context.augmentation.model_copy(update=flips),
        )


def _log(middle: float, factor: float, rng: np.random.Generator) -> float:
    return float(middle * factor ** rng.uniform(-1, 1))


def _own(values: tuple[float, float] | list[Any], rng: np.random.Generator) -> Any:
    if isinstance(values, tuple):
        return float(rng.uniform(*values))
    return values[int(rng.integers(len(values)))]
