"""Running a grid: its tasks and their order. `run_in_process` runs them here, `benchmarks.running.cluster` on workers.

Each dataset is prepared by one task; its cells follow when it is ready. The same bits come out either way.
"""

from __future__ import annotations

import functools
import itertools
import uuid
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch

from benchmarks.commands import plugins, stopping
from benchmarks.grid.cells import Cell, DataSpec
from benchmarks.grid.rows import source_dataset_of
from benchmarks.records.store import Record
from benchmarks.running import cell as cells
from benchmarks.running.devices import worker_device
from benchmarks.running.isolation import deterministic
from benchmarks.running.prepare import prepare
from datasets import UserError, eviction
from datasets.progress import heard_by
from methods.training.settings import BackboneSettings

Outcome = tuple[Record, cells.Scores | None]


@dataclass(frozen=True)
class Place:
    """Where tasks find what they need.

    Attributes:
        cache: folder of decoded images and maps.
        device: `cpu`, `cuda:1`, or `cuda`: the worker's share of the GPUs.
        plugins: files with methods and datasets of others.
        timeout: seconds that a cell may take.
        run: differs between any two runs.
    """

    cache: Path
    device: str
    plugins: tuple[str, ...] = ()
    timeout: float | None = None
    run: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Preparation:
    """Decoding a dataset and computing its backbones' maps: one task, or two would decode it."""

    data: DataSpec
    backbones: tuple[BackboneSettings, ...]
    sources: tuple[DataSpec, ...] = ()


Task = Cell | Preparation


@dataclass
class Queue:
    """What is to be done, in order; a cell is ready once its data are prepared.

    Suspects were in hand when a worker died. Each is tried once more when nothing else is in hand: the one that kills a
    worker then was the cause.
    """

    preparations: deque[Preparation]
    waiting: dict[DataSpec, list[Cell]]
    ready: deque[Cell] = field(default_factory=deque)
    suspects: deque[Task] = field(default_factory=deque)

    @classmethod
    def of(cls, todo: list[Cell]) -> Queue:
        """Make the queue of some cells."""
        waiting: dict[DataSpec, list[Cell]] = {}
        for cell in todo:
            waiting.setdefault(cell.data, []).append(cell)
        preparations = [
            Preparation(
                spec,
                tuple(dict.fromkeys(cell.settings.backbone for cell in group)),
                tuple(dict.fromkeys(s for cell in group if (s := source_dataset_of(cell)))),
            )
            for spec, group in waiting.items()
        ]
        return cls(deque(preparations), waiting)

    def take(self, in_hand: int, most: int) -> Task | None:
        """Return the next task, or None while `in_hand` tasks are enough."""
        if in_hand < most and self.ready:
            return self.ready.popleft()
        if in_hand < most and self.preparations:
            return self.preparations.popleft()
        return self.suspects.popleft() if self.suspects and not in_hand else None

    def release(self, preparation: Preparation) -> None:
        """Make the cells of prepared data ready."""
        self.ready.extend(self.waiting.pop(preparation.data))


class Listener(Protocol):
    """Hears what happens."""

    def preparing(self, name: str) -> None:
        """A dataset is being decoded, or its maps computed."""

    def progressing(self, what: str, done: int, total: int) -> None:
        """A preparation is so far."""

    def finished(self, record: Record) -> None:
        """A cell is done or has failed."""


def run_in_process(todo: list[Cell], place: Place, listener: Listener) -> Generator[Outcome]:
    """Run cells one after another in this process."""
    queue = Queue.of(todo)
    while queue.preparations:
        preparation = queue.preparations.popleft()
        listener.preparing(preparation.data.name)
        with heard_by(listener.progressing):
            prepare_data(preparation, place)
        queue.release(preparation)
        while queue.ready:
            with stopping.in_hand(1):
                outcome = run_cell(queue.ready.popleft(), place)
            yield outcome


def is_here() -> bool:
    """Do nothing: a cluster that can run this can load the suite."""
    return True


def prepare_data(preparation: Preparation, place: Place) -> None:
    """Prepare a dataset, and those that its cells transfer from, for their backbones.

    Raises:
        UserError: the data are damaged, the cache cannot be written, or a backbone cannot be had.
    """
    enter(place)
    with deterministic(torch.device("cpu")):
        for data, backbone in itertools.product((preparation.data, *preparation.sources), preparation.backbones):
            try:
                prepare(data, backbone, place.cache, worker_device(place.device))
            except ValueError as error:
                raise UserError(str(error)) from error
            except MemoryError as error:
                raise UserError(
                    f"not enough memory to prepare {data.name} at {data.size} pixels ({error}); use a smaller "
                    f'--set dataset."{data.name}".size=N'
                ) from error


def run_cell(cell: Cell, place: Place) -> Outcome:
    """Run a cell.

    Raises:
        UserError: see `enter` and `cell.run`.
    """
    enter(place)
    return cells.run(cell, place.cache, worker_device(place.device), place.timeout)


@functools.lru_cache(maxsize=1)
def enter(place: Place) -> None:
    """Make this process ready for a run, once: it may have served others, and knows nothing of other people's methods.

    Raises:
        UserError: a plug-in cannot be loaded here.
    """
    prepare.cache_clear()  # the files of a dataset may have changed since
    eviction.release()
    plugins.load(place.plugins)
