"""Running a grid on a Dask cluster, of this machine's processes or anyone's: workers compute, this process writes."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from multiprocessing import resource_tracker
from typing import Any

from benchmarks.engine import Listener, Outcome, Place, Preparation, Queue, Task, prepare_data, run_cell
from benchmarks.plan import Cell
from benchmarks.store import Failure, Record
from datasets import UserError

CONNECT_S = 20.0
"""How long somebody's scheduler may take to answer, and to have its first worker."""
TASKS_PER_WORKER = 2
"""In hand at once: no worker waits, and memory stays flat as the grid grows."""

LOCAL = {
    "distributed.scheduler.allowed-failures": 0,  # who killed a worker is found out here, see `Queue`
    "distributed.worker.memory.terminate": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.target": False,
}


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

    Raises:
        UserError: data cannot be prepared, or the cluster cannot be reached or is gone.
    """
    with open_client(workers, scheduler) as client:
        yield from feed(client, Queue.of(todo), place, listener)


def feed(client: Any, queue: Queue, place: Place, listener: Listener) -> Iterator[Outcome]:
    """Keep a client's workers busy until a queue is empty, and yield the outcomes of cells as they come."""
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    in_hand: dict[Any, Task] = {}
    accused: set[Task] = set()
    pending = as_completed()

    def fill() -> None:
        most = TASKS_PER_WORKER * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        while (task := queue.take(len(in_hand), most)) is not None:
            if isinstance(task, Preparation):
                listener.preparing(task.data.name)
            run = prepare_data if isinstance(task, Preparation) else run_cell
            future = client.submit(run, task, place, pure=False)
            in_hand[future] = task
            pending.add(future)

    fill()
    for future in pending:
        task, outcome = in_hand.pop(future), None
        try:
            outcome = _result(future)
        except KilledWorker as error:
            if task in accused:
                outcome = _guilty(task, error)
            else:
                accused.add(task)
                queue.suspects.append(task)
        else:
            if isinstance(task, Preparation):
                queue.release(task)
        del future  # or the scheduler keeps its result
        fill()
        if outcome is not None:
            yield outcome


def _result(future: Any) -> Outcome | None:
    from distributed.client import FutureCancelledError

    try:
        outcome: Outcome | None = future.result()
        return outcome
    except FutureCancelledError as error:
        raise UserError(
            f"the Dask scheduler is gone ({error}); run the same command again, nothing finished is lost"
        ) from error


def _guilty(task: Task, error: Exception) -> Outcome:
    """Return the record of a cell that has killed its worker twice, the second time by itself.

    Raises:
        UserError: it was no cell, but the preparation of its data.
    """
    if isinstance(task, Preparation):
        raise UserError(
            f"preparing {task.data.name} killed its worker process twice (out of memory?); try a smaller "
            f'--set dataset."{task.data.name}".size=N'
        ) from error
    message = "its worker process died twice, the second time with nothing else running (out of memory?)"
    record = Record(
        id=task.id,
        cell=task.model_dump(mode="json"),
        status="failed",
        failure=Failure(type="KilledWorker", message=message, traceback=str(error)),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return record, None


@contextlib.contextmanager
def open_client(workers: int, scheduler: str | None) -> Iterator[Any]:
    """Give a client of somebody's scheduler, or of a cluster of local processes that ends with the block.

    Raises:
        UserError: no scheduler answers at the address, or it has no workers.
    """
    import dask
    from distributed import Client, LocalCluster

    with contextlib.ExitStack() as stack:
        if scheduler:
            yield stack.enter_context(_connect(scheduler))
            return
        stack.enter_context(dask.config.set(LOCAL))
        with deaf_to_interrupts():
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                # an HTTP server starts all the same: on any free port, or a second run beside this one warns
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                silence_logs=logging.CRITICAL,
            )
        yield stack.enter_context(Client(stack.enter_context(cluster)))


@contextlib.contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Let threads started in the block, and all their processes, never see a Ctrl-C.

    A terminal sends it to every process; this one alone shall hear it, and end the others.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # started later, it would undo the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _connect(scheduler: str) -> Any:
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
