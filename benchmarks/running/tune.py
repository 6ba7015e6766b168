"""Tuning: the same number of trials for every method, on a validation part cut from the training subset.

What is tried are the values of the method's own `search_space` and, always, the learning rate (log-uniform, a tenth to
ten times the comparison's). Trial 0 is the values that an untuned cell has, so that ties leave them as they are; the
others come from Optuna's TPE sampler, seeded by the method's name and the cell's identity. Every trial has the full
budget and the same initial weights and batches. The method then learns anew, from the whole training subset.

The validation part takes a quarter of each class, at least one image, whole groups (patients); a class of a single
image or group stays with the training part. The score is balanced accuracy over the classes that are validated.
"""

from __future__ import annotations

import importlib.util
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.metrics import recall_score

import methods
from benchmarks.grid.cells import Cell
from datasets import UserError
from methods import TrainSet
from methods.training.context import Context, Meter
from methods.training.settings import Optimizer

RATE = "optimizer.learning_rate"
RATE_FACTOR = 10.0
VALIDATION = 0.25

Values = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """One try: the values, and their score or why there is none."""

    values: Values
    score: float | None
    error: str | None = None


@dataclass(frozen=True)
class Tuned:
    """What tuning came to.

    Attributes:
        parameters: of the method.
        optimizer: of its training.
        record: what a reader of the results should know, as JSON values.
    """

    parameters: Values
    optimizer: Optimizer
    record: dict[str, Any]


@dataclass(frozen=True)
class Study:
    """Trials of one cell's method.

    Attributes:
        cell: what is tuned.
        context: the cell's, under another seed and with a meter of its own.
        fitting: what trials learn from.
        validation: what they are scored on.
    """

    cell: Cell
    context: Context
    fitting: TrainSet
    validation: TrainSet

    def defaults(self) -> Values:
        """Return the values that the cell has untuned."""
        space = methods.get(self.cell.method).search_space
        return {RATE: self.context.optimizer.learning_rate, **{name: self.cell.parameters[name] for name in space}}

    def trial(self, values: Values) -> Trial:
        """Train with some values, and score them; a failure is a trial without a score."""
        parameters, optimizer = self.apply(values)
        try:
            method = methods.create(self.cell.method, **parameters)
            method.fit(self.fitting, replace(self.context, optimizer=optimizer))
            return Trial(values, self.score(method))
        except Exception as error:  # values that a method cannot bear are no fault of the cell
            return Trial(values, None, f"{type(error).__name__}: {error}")

    def score(self, method: methods.Method) -> float:
        """Return the balanced accuracy over the classes of the validation part."""
        logits = method.predict_logits(self.validation.images).float()
        if not torch.isfinite(logits).all():
            raise RuntimeError("predict_logits gave values that are not finite")
        labels = self.validation.labels.numpy()
        return float(recall_score(labels, logits.argmax(1).numpy(), labels=np.unique(labels), average="macro"))

    def apply(self, values: Values) -> tuple[Values, Optimizer]:
        """Return the method's parameters and the optimiser with some values."""
        own = {name: value for name, value in values.items() if name != RATE}
        optimizer = self.context.optimizer.model_copy(update={"learning_rate": values[RATE]})
        return {**self.cell.parameters, **own}, optimizer


def require() -> None:
    """See that Optuna is here.

    Raises:
        UserError: it is not.
    """
    if importlib.util.find_spec("optuna") is None:
        raise UserError("--tune needs Optuna, which is not installed; install it with: pip install '.[tune]'")


def search(cell: Cell, train: TrainSet, groups: np.ndarray | None, context: Context) -> Tuned:
    """Choose a cell's values on its training subset.

    Args:
        cell: what to tune; `cell.tune` is the number of trials.
        train: the training subset.
        groups: (N,) group of each of its images, or None where each stands alone.
        context: the cell's.

    Raises:
        RuntimeError: no class has two images, or no trial came to its end.
    """
    fitting, validation = cut(train.labels.numpy(), groups, context.rng("validation part"))
    if not len(validation):
        raise RuntimeError("no class has two images (or groups), one to learn from and one to validate on; cannot tune")
    quiet = logging.Logger("tuning")
    quiet.addHandler(logging.NullHandler())  # what the final training has to say is enough
    apart = replace(context, seed=f"{context.seed}/tuning", meter=Meter(), log=quiet)
    rows = [torch.from_numpy(part) for part in (fitting, validation)]
    study = Study(cell, apart, train.subset(rows[0]), train.subset(rows[1]))
    history = list(_trials(study))
    scored = [trial for trial in history if trial.score is not None]
    if not scored:
        raise RuntimeError(f"all {cell.tune} trials of tuning failed, the last with {history[-1].error}")
    best = max(scored, key=lambda trial: trial.score or 0.0)
    record = {
        "trials": cell.tune,
        "chosen": best.values,
        "score": best.score,
        "validation_counts": study.validation.counts.tolist(),
        "steps": apart.meter.steps,
        "history": [vars(trial) for trial in history],
    }
    return Tuned(*study.apply(best.values), record)


def cut(labels: np.ndarray, groups: np.ndarray | None, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Split a training subset into the rows to learn from and those to validate on.

    Args:
        labels: (N,) int64.
        groups: (N,) that never straddle the cut, or None.
        rng: decides which.

    Returns:
        Two ascending int64 lists of rows; every class of the subset is in the first.
    """
    groups = np.arange(len(labels)) if groups is None else groups
    order = rng.permutation(len(labels))
    members = {label: order[labels[order] == label] for label in np.unique(labels)}
    kept = {groups[rows[0]].item() for rows in members.values()}
    held: set[Any] = set()
    for rows in members.values():
        sizes = Counter(groups[rows].tolist())
        missing = max(1, round(VALIDATION * len(rows))) - sum(sizes[group] for group in held)
        for group in [group for group in sizes if group not in held and group not in kept]:
            if missing <= 0:
                break
            held.add(group)
            missing -= sizes[group]
    chosen = np.isin(groups, list(held))
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _trials(study: Study) -> Iterator[Trial]:
    """Yield the trials one after another; each is drawn in the light of those before."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = _space(study)
    seed = study.context.derive("sampler", study.cell.method) % 2**32
    sampler = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    defaults = study.defaults()
    if all(_holds(space[name], value) for name, value in defaults.items()):
        sampler.enqueue_trial(defaults)
        first = None
    else:  # values that a user has set outside the space; Optuna cannot be told of them
        yield (first := study.trial(defaults))
    for _ in range(study.cell.tune - (first is not None)):
        asked = sampler.ask(space)
        trial = study.trial(dict(asked.params))
        failed = optuna.trial.TrialState.FAIL if trial.score is None else None
        sampler.tell(asked, trial.score, state=failed)
        yield trial


def _space(study: Study) -> dict[str, Any]:
    """Return the distribution of each value, as Optuna has it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    rate = study.context.optimizer.learning_rate
    space: dict[str, Any] = {RATE: FloatDistribution(rate / RATE_FACTOR, rate * RATE_FACTOR, log=True)}
    for name, values in methods.get(study.cell.method).search_space.items():
        space[name] = FloatDistribution(*values) if isinstance(values, tuple) else CategoricalDistribution(values)
    return space


def _holds(distribution: Any, value: Any) -> bool:
    """Say whether a distribution can give a value."""
    if hasattr(distribution, "choices"):
        return value in distribution.choices
    return isinstance(value, int | float) and distribution.low <= value <= distribution.high
