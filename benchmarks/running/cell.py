"""One cell: data, method, metrics, record. A pure function of the cell's specification and the files it reads."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

import datasets
import methods
from benchmarks.grid.cells import Cell
from benchmarks.records.store import Cost, Data, Failure, Record
from benchmarks.running import environment, metrics
from benchmarks.running.isolation import OutOfTime, deterministic, limited
from benchmarks.running.prepare import Prepared, prepare
from benchmarks.running.source_task import SourceTask
from benchmarks.running.tuning import study
from datasets.files import readable
from methods.training.context import Context

Scores = dict[str, np.ndarray]

ROOM = (
    "the GPU has no room for this cell; use fewer --workers, a smaller --set budget.batch_size=N, smaller images, or "
    "--device cpu, and run again with --retry-failed"
)


@dataclass
class Clock:
    """Seconds by phase."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - start


class Notes(logging.Handler):
    """Collects what a method has to say to a reader of the record."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message once."""
        if (line := readable(record.getMessage())) not in self.lines:
            self.lines.append(line)


def run(cell: Cell, cache: Path, device: str, timeout: float | None = None) -> tuple[Record, Scores | None]:
    """Run one cell; whatever its method raises becomes a failed record, a longer time than `timeout` seconds too.

    Raises:
        UserError: the data or the cache cannot be used; that is no failure of the method.
    """
    record = Record(
        id=cell.id,
        cell=cell.model_dump(mode="json"),
        status="failed",
        environment=environment.describe(device) | {"device": device},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    try:
        with deterministic(torch.device(device)), limited(timeout):
            return _run(cell, record, cache, torch.device(device))
    except (datasets.UserError, KeyboardInterrupt):
        raise
    except BaseException as error:  # one method's fault must not end the grid, be it sys.exit or a panic
        message = f"longer than --timeout {timeout:g} s" if isinstance(error, OutOfTime) else str(error)
        if isinstance(error, torch.OutOfMemoryError):
            message = f"{message.splitlines()[0]}; {ROOM}"
        trace = readable(traceback.format_exc())
        failure = Failure(type=type(error).__name__, message=readable(message), traceback=trace)
    if failure.type == torch.OutOfMemoryError.__name__ and torch.cuda.is_initialized():
        torch.cuda.empty_cache()  # out of the handler, whose traceback held the tensors: the next cell needs the room
    return record.model_copy(update={"failure": failure}), None


@dataclass(frozen=True)
class Fitted:
    """A cell's method after training, and what it was trained and is tested on.

    Attributes:
        method: fitted.
        prepared: the whole dataset.
        train: the training subset.
        rows: (N,) int64, where its images stand in the dataset.
        test: (M,) int64, where the test images stand.
        context: what the method was given besides.
        tuning: what tuning came to, where the cell asks for it.
    """

    method: methods.Method
    prepared: Prepared
    train: methods.TrainSet
    rows: np.ndarray
    test: np.ndarray
    context: Context
    tuning: dict[str, Any] | None = None


def fit(cell: Cell, cache: Path, device: torch.device, clock: Clock, notes: logging.Handler) -> Fitted:
    """Load a cell's data and fit its method; inside `deterministic`, the same cell gives the same bits."""
    with clock.phase("load"):
        prepared = prepare(cell.data, cell.settings.backbone, cache, str(device))
        index = prepared.imageset.index
        rows, test = prepared.rows(cell.data, cell.seed, cell.level)
        train = prepared.train_set(rows)
    context = make_context(cell, device, cache, notes)
    parameters, record = cell.parameters, None
    if cell.tune:
        with clock.phase("tune"):
            tuned = study.search(cell, train, None if index.units is None else index.units[rows], context)
            synchronize(device)
        parameters, context, record = tuned.parameters, tuned.context, tuned.record
    method = methods.create(cell.method, **parameters)
    wanted = methods.create(cell.method).source_datasets()
    if wanted and not method.source_datasets():
        context.log.info("no source task: on equal footing nobody has one, or none of %s is here", ", ".join(wanted))
    with clock.phase("fit"):
        method.fit(train, context)
        synchronize(device)
    return Fitted(method, prepared, train, rows, test, context, record)


def _run(cell: Cell, record: Record, cache: Path, device: torch.device) -> tuple[Record, Scores]:
    clock, notes = Clock(), Notes()
    environment.reset_peak_memory(device)
    fitted = fit(cell, cache, device, clock, notes)
    prepared, train, test, index = fitted.prepared, fitted.train, fitted.test, fitted.prepared.imageset.index
    with clock.phase("predict"):
        logits = predict(fitted.method, prepared, train, test)
    clock.seconds["total"] = sum(clock.seconds.values())
    labels = index.labels[test]
    done = {
        "status": "done",
        "data": Data(
            content=prepared.imageset.content,
            train_hash=datasets.index_hash(fitted.rows),
            test_hash=datasets.index_hash(test),
            class_names=list(index.class_names),
            counts=train.counts.tolist(),
            test_counts=np.bincount(labels, minlength=train.num_classes).tolist(),
            notes=[*index.notes, *notes.lines],
        ),
        "metrics": metrics.compute(logits, labels),
        "cost": Cost(
            steps=fitted.context.meter.steps,
            batch_size=fitted.context.budget.batch_size,
            seconds={name: round(value, 4) for name, value in clock.seconds.items()},
            peak_memory_mb=round(environment.peak_memory_mb(device), 1),
        ),
        "tuning": fitted.tuning,
    }
    return record.model_copy(update=done), {"logits": logits, "labels": labels, "indices": test}


def make_context(cell: Cell, device: torch.device, cache: Path, notes: logging.Handler) -> Context:
    """Build what a cell's method is given besides its data."""
    log = logging.Logger(f"cell.{cell.id}")
    log.addHandler(notes)
    backbone = cell.settings.backbone
    source_task = SourceTask(cell.data, backbone, cell.seed, cache, device)
    return Context(
        seed=cell.identity,
        device=device,
        budget=cell.settings.budget,
        optimizer=cell.settings.optimizer,
        augmentation=cell.settings.augmentation,
        network=cell.network,
        backbone=None if backbone.frozen else backbone,
        source_data=source_task.load,
        shared=source_task.learnt,
        log=log,
    )


def predict(method: methods.Method, prepared: Prepared, train: methods.TrainSet, test: np.ndarray) -> np.ndarray:
    """Return (M, C) float32 logits of the test images, normalised as the training images are.

    Raises:
        RuntimeError: they are of a wrong shape or not finite.
    """
    images = prepared.images(test)
    images = methods.Images(images.levels, train.images.mean, train.images.std)
    logits = method.predict_logits(images).float().numpy()
    if logits.shape != (len(test), train.num_classes):
        raise RuntimeError(f"predict_logits gave shape {logits.shape}, not {(len(test), train.num_classes)}")
    if not np.isfinite(logits).all():
        raise RuntimeError("predict_logits gave values that are not finite")
    return logits


def synchronize(device: torch.device) -> None:
    """Wait for the device, so that a phase's seconds are its own."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
