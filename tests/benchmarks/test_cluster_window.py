"""What the engine hands to a cluster: little at a time, and again what was in hand when a worker died."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.grid import plan
from benchmarks.grid import presets as settings
from benchmarks.grid.cells import Cell
from benchmarks.running import cluster
from benchmarks.running.engine import Place, Preparation, Queue
from datasets import UserError

WORKERS = 3


class Future:
    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    def result(self) -> Any:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Waiting:
    """Stands in for Dask's `as_completed`: every task is done when it is asked for, the oldest first."""

    def __init__(self) -> None:
        self.futures: list[Future] = []
        self.most = 0

    def add(self, future: Future) -> None:
        self.futures.append(future)
        self.most = max(self.most, len(self.futures))

    def __iter__(self) -> Any:
        while self.futures:
            yield self.futures.pop(0)


class Client:
    """A cluster of three workers; a task in `fatal` kills its worker and takes along what else is in hand."""

    def __init__(self, waiting: Waiting, fatal: set[str]) -> None:
        self.waiting, self.fatal = waiting, fatal
        self.runs: list[str] = []

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        return {"workers": dict.fromkeys(range(WORKERS))}

    def submit(self, run: Any, task: Any, place: Place, pure: bool) -> Future:
        from distributed.scheduler import KilledWorker

        name = task.method if isinstance(task, Cell) else "preparation"
        self.runs.append(name)
        if name in self.fatal:
            dead = KilledWorker(name, SimpleNamespace(address="tcp://a:1"), 0)
            for future in self.waiting.futures:
                future.outcome = dead
            return Future(dead)
        return Future((task.id, None) if isinstance(task, Cell) else None)


class Silent:
    def preparing(self, name: str) -> None: ...

    def finished(self, record: Any) -> None: ...


def feed(monkeypatch: pytest.MonkeyPatch, todo: list[Cell], fatal: set[str]) -> tuple[list[Any], Waiting, Client]:
    waiting = Waiting()
    client = Client(waiting, fatal)
    monkeypatch.setattr("distributed.as_completed", lambda: waiting)
    return list(cluster.feed(client, Queue.of(todo), Place(cache=None, device="cpu"), Silent())), waiting, client  # type: ignore[arg-type]


def some_cells(bench: Any, *overrides: str) -> list[Cell]:
    return plan.build(settings.load(str(bench.preset), list(overrides)), ["textures"]).cells


def test_at_most_two_tasks_a_worker_are_in_hand(bench, monkeypatch) -> None:
    todo = some_cells(bench, f"seeds={list(range(40))}")
    outcomes, waiting, _ = feed(monkeypatch, todo, set())
    assert [outcome[0] for outcome in outcomes] == [cell.id for cell in todo]
    assert waiting.most == 2 * WORKERS


def test_a_cell_is_blamed_only_when_it_was_alone(bench, monkeypatch) -> None:
    todo = some_cells(bench, "methods=['cross-entropy','focal','mixup']")
    outcomes, _, client = feed(monkeypatch, todo, {"focal"})
    status = {o[0].id if hasattr(o[0], "id") else o[0]: hasattr(o[0], "id") for o in outcomes}
    assert status == {cell.id: cell.method == "focal" for cell in todo}
    failed = next(o[0] for o in outcomes if hasattr(o[0], "id"))
    assert failed.status == "failed"
    assert "memory" in failed.failure.message
    assert client.runs.count("focal") == 2


def test_data_that_kill_their_worker_twice_stop_the_run(bench, monkeypatch) -> None:
    with pytest.raises(UserError, match=r"textures.*size"):
        feed(monkeypatch, some_cells(bench), {"preparation"})


def test_each_dataset_is_prepared_once(bench) -> None:
    queue = Queue.of(some_cells(bench, "seeds=[0,1]", "ratios=[2,5]"))
    assert len(queue.preparations) == 1
    (preparation,) = queue.preparations
    assert isinstance(preparation, Preparation)
    queue.release(preparation)
    assert len(queue.ready) == 8
