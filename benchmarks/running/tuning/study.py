"""The race of a cell's trials over folds: each round on one more fold, the better half goes on, the defaults always do.

The score is balanced accuracy, ties by the balanced log loss; both are means over the folds a trial has seen. Every
method has the same number of trials, the same folds and the same rounds, so the same number of trainings; one whose
trials come to fewer different ones has those. The method then learns anew, from the whole training subset.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from sklearn.metrics import recall_score

import methods
from benchmarks.grid.cells import Cell
from benchmarks.running.tuning.folds import Fold, folds
from benchmarks.running.tuning.space import SHARED, Space, Values
from datasets import UserError
from methods import TrainSet
from methods.training.context import Context, Meter

NOTHING = "not tuned: no two classes have two images (or groups) each, so nothing can be validated; the defaults stay"


@dataclass
class Trial:
    """One try: its values, its scores (balanced accuracy, less the log loss) by fold, and why there are no more."""

    values: Values
    scores: list[tuple[float, float]] = field(default_factory=list)
    error: str | None = None

    @property
    def mean(self) -> tuple[float, float]:
        """Mean of each part of the score."""
        accuracy, loss = np.mean(self.scores, axis=0).tolist() if self.scores else (-np.inf, -np.inf)
        return accuracy, loss


@dataclass(frozen=True)
class Tuned:
    """What tuning came to.

    Attributes:
        parameters: of the method.
        context: of its training.
        record: what a reader of the results should know, as JSON values.
    """

    parameters: Values
    context: Context
    record: dict[str, Any]


def search(cell: Cell, train: TrainSet, groups: np.ndarray | None, context: Context) -> Tuned:
    """Choose a cell's values on its training subset.

    Args:
        cell: what to tune; `cell.tune` is the number of trials.
        train: the training subset.
        groups: (N,) group of each of its images, or None where each stands alone.
        context: the cell's.

    Raises:
        RuntimeError: no trial came to its end.
    """
    quiet = logging.Logger("tuning")
    quiet.addHandler(logging.NullHandler())  # what the final training has to say is enough
    apart = replace(context, seed=f"{context.seed}/tuning", meter=Meter(), log=quiet)
    space = Space(cell, apart)
    cuts = folds(train.labels.numpy(), groups, apart.derive("folds"))
    if not cuts:
        context.log.info(NOTHING)
        return Tuned(cell.parameters, context, {"trials": cell.tune, "chosen": space.defaults(), "note": NOTHING})
    trials = race(space, train, cuts, cell.tune)
    finished = [trial for trial in trials if len(trial.scores) == len(cuts)]
    if not finished:
        raise RuntimeError(f"all {cell.tune} trials of tuning failed, the last with {trials[-1].error}")
    best = max(finished, key=lambda trial: trial.mean)
    record = {
        "trials": cell.tune,
        "folds": len(cuts),
        "chosen": best.values,
        "score": best.mean[0],
        "default_score": trials[0].mean[0] if trials[0].scores else None,
        "steps": apart.meter.steps,
        "history": [{"values": t.values, "scores": [score[0] for score in t.scores], "error": t.error} for t in trials],
    }
    parameters, chosen = replace(space, own=not set(best.values) & set(SHARED)).apply(best.values)
    return Tuned(parameters, replace(chosen, seed=context.seed, meter=context.meter, log=context.log), record)


def race(space: Space, train: TrainSet, cuts: Sequence[Fold], number: int) -> list[Trial]:
    """Run the trials over the folds; half of them, rounded up, and the defaults go on to each next fold."""
    first = Trial(space.draw(0))
    _run(space, first, train, cuts, 0)
    if not space.context.meter.steps and first.error is None:  # nothing of what all share matters to such a method
        space = replace(space, own=True)
        first.values = space.draw(0)
    trials = [first]
    seen = {_text(first.values)}
    for k in range(1, number):
        values = space.draw(k)
        if _text(values) not in seen:
            trials.append(Trial(values))
            seen.add(_text(values))
    alive = trials
    for place in range(len(cuts)):
        for trial in alive:
            if len(trial.scores) == place and trial.error is None:
                _run(space, trial, train, cuts, place)
        alive = sorted((trial for trial in alive if trial.error is None), key=lambda trial: trial.mean, reverse=True)
        best = alive[: (len(alive) + 1) // 2]
        alive = best + [trial for trial in alive if trial is first and trial not in best]
    return trials


def _run(space: Space, trial: Trial, train: TrainSet, cuts: Sequence[Fold], place: int) -> None:
    """Train with a trial's values on one fold, and score them; a failure ends the trial."""
    fit, held = (torch.from_numpy(rows) for rows in cuts[place])
    parameters, context = space.apply(trial.values)
    try:
        method = methods.create(space.cell.method, **parameters)
        method.fit(train.subset(fit), replace(context, seed=f"{context.seed}/fold{place}"))
        trial.scores.append(score(method, train.subset(held)))
    except Exception as error:  # values that a method cannot bear are no fault of the cell
        if isinstance(error, UserError) or _lacks_memory(error):
            raise  # of the machine, not of the values: what is chosen must not hang on what else runs here
        trial.error = f"{type(error).__name__}: {error}"


def _lacks_memory(error: Exception) -> bool:
    """Say whether an error is the machine's want of memory; torch has a class of its own for a GPU's alone."""
    on_cpu = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return on_cpu or isinstance(error, (MemoryError, torch.OutOfMemoryError))


def score(method: methods.Method, validation: TrainSet) -> tuple[float, float]:
    """Return the balanced accuracy over the classes of some images, and their balanced log likelihood.

    Raises:
        RuntimeError: the method predicts what is not finite.
    """
    logits = method.predict_logits(validation.images).float()
    if not torch.isfinite(logits).all():
        raise RuntimeError("predict_logits gave values that are not finite")
    labels = validation.labels.numpy()
    present = np.unique(labels)
    accuracy = recall_score(labels, logits.argmax(1).numpy(), labels=present, average="macro")
    likelihood = torch.log_softmax(logits, 1).gather(1, validation.labels[:, None]).squeeze(1).numpy()
    return float(accuracy), float(np.mean([likelihood[labels == label].mean() for label in present]))


def _text(values: Values) -> str:
    return json.dumps(values, sort_keys=True, default=str)
