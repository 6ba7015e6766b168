"""Running what a plan has to do, keeping what comes of it, and making the report."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

import datasets
from benchmarks.commands.terminal import say
from benchmarks.grid.cells import Cell
from benchmarks.records.store import Record
from benchmarks.running import trackers
from benchmarks.running.outlook import outlook, show_notes
from benchmarks.running.planning import Plan
from benchmarks.running.progress import RunProgress, duration
from datasets import UserError
from datasets.hints import counted

if TYPE_CHECKING:
    from benchmarks.running import engine


def execute(plan: Plan, console: Console) -> int:
    """Run what is to do, then make tables and figures. Returns 0, or 1 if cells failed.

    Raises:
        UserError: there is nothing to run, the data or the results folder cannot be used, or the cluster is gone.
    """
    if not plan.grid.cells:
        raise UserError("nothing to run: " + ("; ".join(s.reason for s in plan.grid.skipped) or "the grid is empty"))
    require_weights(plan)
    require_same_images(plan)
    plan.store.prepare()
    plan.store.add_grid(plan.asked())
    if plan.missing:
        say(console, f"left out: {', '.join(plan.missing)} (not here; --list says how to get them)")
    for skip in plan.grid.skipped:
        say(console, f"skipped: {skip}")
    show_notes(plan, console)
    say(console, outlook(plan))
    todo = plan.todo
    failed = run(plan, todo, console) if todo else 0
    if not plan.request.no_report:
        report(plan, console, anew=bool(todo))
    return 1 if failed else 0


def require_weights(plan: Plan) -> None:
    """See within seconds that every backbone's weights can be had, before anything is prepared.

    Raises:
        UserError: they cannot.
    """
    if not plan.todo:
        return
    from methods.networks import weights

    try:
        for backbone in dict.fromkeys(cell.settings.backbone for cell in plan.todo):
            weights.require(backbone)
    except ValueError as error:
        raise UserError(str(error)) from error


def require_same_images(plan: Plan) -> None:
    """See that the datasets still are what the results folder has results of; decodes what the cache does not have.

    Raises:
        UserError: images were added, removed or changed since.
    """
    known = {_images(record): record for record in plan.known.values() if record.data}
    for spec in plan.grid.data:
        record = known.get(json.dumps(spec.model_dump(mode="json"), sort_keys=True))
        if record is not None:
            dataset = datasets.create(spec.name, **spec.settings.parameters)
            content = datasets.load(dataset, spec.size, plan.cache).content
            changed = datasets.what_changed(dataset, record.data.content, content, plan.cache) if record.data else ""
            _check_content(record, {_images(record): content}, plan.store.root, changed)


def run(plan: Plan, todo: list[Cell], console: Console) -> int:
    """Run cells and keep their records. Returns how many failed."""
    start = time.monotonic()
    contents = {_images(record): record.data.content for record in plan.known.values() if record.data}
    with ExitStack() as stack:
        tracking = [stack.enter_context(trackers.create(name, plan.store.root)) for name in plan.request.track]
        progress = stack.enter_context(RunProgress(console, len(todo)))
        # closed here and now, whatever happens: it holds the worker processes
        for record, scores in stack.enter_context(closing(_outcomes(plan, todo, progress))):
            _check_content(record, contents, plan.store.root)
            plan.store.write(record, scores)
            for tracker in tracking:
                tracker.track(record)
            plan.known[record.id] = record
            progress.finished(record)
    took = duration(time.monotonic() - start)
    say(console, f"{counted(progress.done, 'cell')} done, {progress.failed} failed, in {took}")
    return progress.failed


def report(plan: Plan, console: Console, anew: bool) -> None:
    """Make tables, figures and page from the records; where no cell was run, only if they are older than these."""
    if not anew and plan.store.is_reported():
        say(console, f"tables, figures and page in {plan.store.root} are of these records already")
        return
    from benchmarks import report as reports

    start = time.monotonic()
    made = reports.build([plan.store.root])
    for part in made.paragraphs:
        say(console, f"{part.heading}: {part.advice} {part.sentences[0]}")
    say(console, f"tables, figures and page in {plan.store.root} ({duration(time.monotonic() - start)})")


def _outcomes(plan: Plan, todo: list[Cell], listener: engine.Listener) -> Generator[engine.Outcome]:
    from benchmarks.running import cluster, engine

    request = plan.request
    plugins = tuple(str(path.absolute()) for path in request.plugin)
    place = engine.Place(cache=plan.cache, device=plan.device, plugins=plugins, timeout=request.timeout)
    if plan.workers == 0 and not request.scheduler:
        return engine.run_in_process(todo, place, listener)
    return cluster.run_on_cluster(todo, place, listener, min(plan.workers, len(todo)), request)


def _check_content(record: Record, contents: dict[str, str], root: Path, changed: str = "") -> None:
    """Refuse to mix results of different images under one dataset's name."""
    if record.data is None:
        return
    if contents.setdefault(_images(record), record.data.content) != record.data.content:
        raise UserError(
            f"the images of {record.cell['dataset']} are not those that {root} has results for"
            f"{': ' + changed if changed else ''}; put them back, or name another folder with --results DIR"
        )


def _images(record: Record) -> str:
    """Name the images that a record is of: a dataset as it is used."""
    return json.dumps(record.cell.get("data"), sort_keys=True)
