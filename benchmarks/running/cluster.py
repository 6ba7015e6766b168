"""Running a grid on a Dask cluster, of this machine's processes or anyone's: workers compute, this process writes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from typing import Any

from benchmarks.commands import stopping
from benchmarks.commands.request import Request
from benchmarks.grid.cells import Cell
from benchmarks.records.store import Failure, Record
from benchmarks.running.connection import first_line, open_client
from benchmarks.running.engine import Listener, Outcome, Place, Preparation, Queue, Task, prepare_data, run_cell
from datasets import UserError
from datasets.progress import heard_by

TOPIC = "imbalance-benchmark-progress"
"""Under which workers say how far a preparation is."""
TASKS_PER_WORKER = 2
"""In hand at once: no worker waits, and memory stays flat as the grid grows."""


def run_on_cluster(
    todo: list[Cell], place: Place, listener: Listener, workers: int, request: Request
) -> Generator[Outcome]:
    """Run cells on a Dask cluster.

    Args:
        todo: the cells.
        place: where tasks find what they need.
        listener: hears of preparations.
        workers: processes of a local cluster.
        request: whether there is a running Dask scheduler, and how to talk to it.

    Raises:
        UserError: data cannot be prepared, or the cluster cannot be reached or is gone.
    """
    with open_client(workers, request) as client:
        client.subscribe_topic(TOPIC, lambda event: listener.progressing(*event[1]))
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
            run = _prepare_and_tell if isinstance(task, Preparation) else run_cell
            future = client.submit(run, task, place, pure=False)
            in_hand[future] = task
            pending.add(future)
        stopping.hold(sum(isinstance(task, Cell) for task in in_hand.values()))

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


def _prepare_and_tell(preparation: Preparation, place: Place) -> None:
    """Prepare on a worker, which says how far it is."""
    from distributed import get_worker

    worker = get_worker()
    with heard_by(lambda *progress: worker.log_event(TOPIC, progress)):
        prepare_data(preparation, place)


def _result(future: Any) -> Outcome | None:
    from distributed.client import FutureCancelledError

    try:
        outcome: Outcome | None = future.result()
        return outcome
    except FutureCancelledError as error:
        raise UserError(
            f"the Dask scheduler is gone ({first_line(error)}); run the same command again; nothing finished is lost"
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
