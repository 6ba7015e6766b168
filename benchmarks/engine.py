"""Running a grid: on a Dask cluster, local or anyone's, or in this process; the same bits come out either way.

Workers compute, this process alone writes. Each dataset is prepared by one task; its cells follow when it is ready.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import torch

import methods.plugins
from benchmarks import cell as cells
from benchmarks.plan import Cell, DataSpec, source_spec
from benchmarks.prepare import prepare
from benchmarks.store import Failure, Record
from datasets import UserError
from methods.settings import BackboneSettings

Outcome = tuple[Record, cells.Scores | None]

KEPT = "nothing finished is lost"
CONNECT_S = 20.0
"""How long somebody's scheduler may take to answer, and to have its first worker."""
ALLOWED_DEATHS = 2
"""So often may a worker die with a cell in hand; the third time the cell is taken to be the cause."""


@dataclass(frozen=True)
class Place:
    """Where tasks find what they need.

    Attributes:
        cache: folder of decoded images and maps.
        device: `cpu`, `cuda:1`, or `cuda`: the worker's share of the GPUs.
        plugins: files with methods of others.
    """

    cache: Path
    device: str
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preparation:
    """Decoding a dataset and computing its backbones' maps: one task, or two would decode it."""

    data: DataSpec
    backbones: tuple[BackboneSettings, ...]
    sources: tuple[DataSpec, ...] = ()


@dataclass
class Queue:
    """What is to be done, in order; a cell is ready once its data are prepared."""

    preparations: deque[Preparation]
    waiting: dict[DataSpec, list[Cell]]
    ready: deque[Cell] = field(default_factory=deque)

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
                tuple(dict.fromkeys(s for cell in group if (s := source_spec(spec, cell.parameters)))),
            )
            for spec, group in waiting.items()
        ]
        return cls(deque(preparations), waiting)

    def release(self, preparation: Preparation) -> None:
        """Make the cells of prepared data ready."""
        self.ready.extend(self.waiting.pop(preparation.data))


class Listener(Protocol):
    """Hears what happens."""

    def preparing(self, name: str) -> None:
        """A dataset is being decoded, or its maps computed."""

    def finished(self, record: Record) -> None:
        """A cell is done or has failed."""


def run_in_process(todo: list[Cell], place: Place, listener: Listener) -> Generator[Outcome]:
    """Run cells one after another in this process."""
    queue = Queue.of(todo)
    while queue.preparations:
        preparation = queue.preparations.popleft()
        listener.preparing(preparation.data.name)
        _prepare(preparation, place)
        queue.release(preparation)
        while queue.ready:
            yield _run_cell(queue.ready.popleft(), place)


def run_on_cluster(
    todo: list[Cell], place: Place, listener: Listener, workers: int, scheduler: str | None
) -> Generator[Outcome]:
    """Run cells on a Dask cluster.

    Args:
        todo: the cells.
        place: where tasks find what they need.
        listener: hears of preparations.
        workers: processes of a local cluster.
        scheduler: address of a running Dask scheduler, instead of a local cluster.
    """
    from distributed import as_completed

    with _client(workers, scheduler) as client:
        queue = Queue.of(todo)
        submitted: dict[Any, Any] = {}
        pending = as_completed()

        def fill() -> None:
            """Keep two tasks in hand for each worker: no worker waits, and memory stays flat as the grid grows."""
            most = 2 * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
            while len(submitted) < most and (queue.preparations or queue.ready):
                task: Any = queue.ready.popleft() if queue.ready else queue.preparations.popleft()
                is_cell = isinstance(task, Cell)
                if not is_cell:
                    listener.preparing(task.data.name)
                future = client.submit(_run_cell if is_cell else _prepare, task, place, pure=False)
                submitted[future] = task
                pending.add(future)

        fill()
        for future in pending:
            task = submitted.pop(future)
            outcome = _collect(future, task)
            if outcome is None:
                queue.release(task)
            fill()
            if outcome is not None:
                yield outcome


def _collect(future: Any, task: Cell | Preparation) -> Outcome | None:
    """Return a cell's outcome, None for a preparation; a cell that kills its workers becomes a failed record.

    Raises:
        UserError: the data cannot be prepared, or the cluster is gone.
    """
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    try:
        return future.result()
    except FutureCancelledError as error:
        raise UserError(f"the Dask scheduler is gone ({error}); run the same command again, {KEPT}") from error
    except KilledWorker as error:
        if isinstance(task, Preparation):
            raise UserError(
                f"the workers that prepared {task.data.name} died (out of memory?); try fewer --workers, or a smaller "
                f'--set dataset."{task.data.name}".size=N'
            ) from error
        return _killed(task, str(error)), None


def _killed(cell: Cell, reason: str) -> Record:
    return Record(
        id=cell.id,
        cell=cell.model_dump(mode="json"),
        status="failed",
        failure=Failure(
            type="KilledWorker",
            message="its worker processes died while they ran this cell (out of memory?); try fewer --workers",
            traceback=reason,
        ),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


@contextlib.contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    quiet = {
        "distributed.scheduler.allowed-failures": ALLOWED_DEATHS,
        "distributed.worker.memory.terminate": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.target": False,
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(quiet))
        if scheduler:
            client = stack.enter_context(_connect(scheduler))
            yield client
            return
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
            )
        )
        yield stack.enter_context(Client(cluster))


def _connect(scheduler: str) -> Any:
    """Return a client of somebody's scheduler that has workers.

    Raises:
        UserError: none answers there, or it has no workers.
    """
    from distributed import Client

    try:
        client = Client(scheduler, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise UserError(
            f"no Dask scheduler answers at {scheduler} ({error}); start one with `dask scheduler`, or leave "
            "--scheduler away to use processes of this machine"
        ) from error
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError as error:
        client.close()
        raise UserError(
            f"the Dask scheduler at {scheduler} has no workers; start some with `dask worker {scheduler} --nthreads 1`"
        ) from error
    return client


def _prepare(preparation: Preparation, place: Place) -> None:
    """Prepare a dataset, and those that its cells transfer from, for their backbones.

    Raises:
        UserError: the data are damaged, the cache cannot be written, or a backbone cannot be had.
    """
    with cells.deterministic(torch.device("cpu")):
        for data, backbone in itertools.product((preparation.data, *preparation.sources), preparation.backbones):
            try:
                prepare(data, backbone, place.cache, worker_device(place.device))
            except ValueError as error:
                raise UserError(str(error)) from error


def _run_cell(cell: Cell, place: Place) -> Outcome:
    """Run a cell in a process that may never have heard of other people's methods.

    Raises:
        UserError: a plug-in cannot be loaded here, or see `cell.run`.
    """
    try:
        methods.plugins.load_installed()
        for path in place.plugins:
            methods.plugins.load_file(Path(path))
    except methods.plugins.PluginError as error:
        raise UserError(str(error)) from error
    return cells.run(cell, place.cache, worker_device(place.device))


def worker_device(device: str) -> str:
    """Return the device of this process: with several GPUs, workers take them in turn."""
    if device != "cuda":
        return device
    name: Any = 0
    with contextlib.suppress(ImportError, ValueError):
        from distributed import get_worker

        name = get_worker().name
    number = int(name) if str(name).isdigit() else os.getpid()
    return f"cuda:{number % max(1, torch.cuda.device_count())}"


def resolve_device(asked: str) -> str:
    """Return `cpu`, `cuda` or `cuda:i` for `auto|cpu|cuda[:i]`.

    Raises:
        UserError: no such device here.
    """
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if asked == "cpu":
        return asked
    kind, _, number = asked.partition(":")
    if kind != "cuda" or (number and not number.isdigit()):
        raise UserError(f"unknown device {asked!r}; one of auto, cpu, cuda, cuda:0, cuda:1, ...")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        raise UserError(f"device {asked!r} was asked for, and torch sees no GPU here; use --device cpu or auto")
    if number and int(number) >= count:
        raise UserError(f"device {asked!r} was asked for, and there are {count} GPUs: cuda:0 to cuda:{count - 1}")
    return asked


def default_workers(device: str) -> int:
    """Return one worker a GPU, or one a core."""
    if device == "cuda":
        return torch.cuda.device_count()
    from dask.system import CPU_COUNT  # minds what a container or a batch system allows

    return 1 if device.startswith("cuda:") else CPU_COUNT
