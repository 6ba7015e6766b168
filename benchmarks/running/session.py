"""One call of the command line: settings, grid, what is done, what is to do."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import datasets
from benchmarks.grid import plan
from benchmarks.grid import presets as settings
from benchmarks.grid.cells import Cell
from benchmarks.grid.estimate import Estimate
from benchmarks.grid.plan import Grid
from benchmarks.grid.presets import Preset
from benchmarks.records.store import Record, Store
from benchmarks.running import cluster, devices, engine, trackers, tune
from benchmarks.running.progress import Report, duration, say
from datasets import UserError


@dataclass
class Session:
    """What a call of the command line asks for.

    Attributes:
        options: the parsed command line.
        console: where to say what happens.
        preset: settings with all overrides.
        missing: datasets left out because they are not available here, with the reason.
        grid: the cells asked for.
        store: the results folder.
        known: the records that the folder holds, by id.
    """

    options: argparse.Namespace
    console: Console
    preset: Preset
    missing: dict[str, str]
    grid: Grid
    store: Store
    known: dict[str, Record]

    @classmethod
    def of(cls, options: argparse.Namespace, console: Console) -> Session:
        """Check what was asked for, and plan it.

        Raises:
            UserError: something is unknown, unavailable or of a wrong type; nothing has run then.
        """
        preset = settings.load(options.preset, [*options.set, *_overrides(options)])
        devices.resolve_device(options.device)
        _check(options)
        names, missing = _datasets(options, preset)
        grid = plan.build(preset, names, options.tune)
        store = Store(options.results)
        known = {record.id: record for record in store.records()}
        return cls(options, console, preset, missing, grid, store, known)

    @property
    def todo(self) -> list[Cell]:
        """The cells that have no record, or a failed one if these are to be tried again."""
        return [cell for cell in self.grid.cells if self._is_todo(cell)]

    def _is_todo(self, cell: Cell) -> bool:
        record = self.known.get(cell.id)
        return record is None or (record.status == "failed" and self.options.retry_failed)

    @property
    def workers(self) -> int:
        """How many processes compute; 0 is this one."""
        if self.options.workers is not None:
            return int(self.options.workers)
        return devices.default_workers(devices.resolve_device(self.options.device))

    def show_plan(self) -> None:
        """Print the grid, what is done, what is to do, and an estimate."""
        status = {cell.id: self.known[cell.id].status if cell.id in self.known else "to do" for cell in self.grid.cells}
        table = Table("dataset", "protocol", "level", "methods", "seeds", "done", "failed", "to do", title="Plan")
        groups: dict[tuple[str, str, str], list[Cell]] = {}
        for cell in self.grid.cells:
            groups.setdefault((cell.dataset, cell.level.protocol, cell.level.name), []).append(cell)
        for key, group in groups.items():
            counts = Counter(status[cell.id] for cell in group)
            sizes = [len({c.label for c in group}), len({c.seed for c in group})]
            table.add_row(*key, *(str(n) for n in [*sizes, counts["done"], counts["failed"], counts["to do"]]))
        for skip in self.grid.skipped:
            table.add_row(skip.dataset, skip.level.protocol, skip.level.name, f"skipped: {skip.reason}")
        self.console.print(table)
        for name, reason in self.missing.items():
            say(self.console, f"not available here: {name}: {reason}")
        say(self.console, self.outlook())

    def outlook(self) -> str:
        """Say what is done, what is to do, how long that will take, and what the time is taken from."""
        todo, every = self.todo, len(self.grid.cells)
        if not todo:
            return f"{every} cells, none to do"
        estimate = Estimate(self.known.values(), devices.resolve_device(self.options.device))
        workers = 1 if self.options.scheduler else min(max(1, self.workers), len(todo))
        seconds = sum(estimate.seconds(cell) for cell in todo) / workers
        basis = "from the cells done here" if estimate.measured else "a rough guess, no cell has been measured here yet"
        return (
            f"{every} cells, {len(todo)} to do: about {duration(seconds)} on {workers} worker(s) "
            f"({basis}), and what preparing data takes that are not cached yet"
        )

    def execute(self) -> int:
        """Run what is to do, then make tables and figures. Returns 0, or 1 if cells failed."""
        if not self.grid.cells:
            raise UserError(
                "nothing to run: " + ("; ".join(s.reason for s in self.grid.skipped) or "the grid is empty")
            )
        self.store.prepare()
        self.store.add_grid(self._asked())
        if self.missing:
            say(self.console, f"left out: {', '.join(self.missing)} (not here; --list says how to get them)")
        for skip in self.grid.skipped:
            say(self.console, f"skipped: {skip.dataset}, {skip.level}: {skip.reason}")
        say(self.console, self.outlook())
        todo = self.todo
        failed = self._run(todo) if todo else 0
        if not self.options.no_report:
            self._report()
        return 1 if failed else 0

    def _run(self, todo: list[Cell]) -> int:
        start = time.monotonic()
        contents = {_images(record): record.data.content for record in self.known.values() if record.data}
        with ExitStack() as stack:
            tracking = [stack.enter_context(trackers.create(name, self.store.root)) for name in self.options.track]
            report = stack.enter_context(Report(self.console, len(todo)))
            # closed here and now, whatever happens: it holds the worker processes
            for record, scores in stack.enter_context(closing(self._outcomes(todo, report))):
                self._check_content(record, contents)
                self.store.write(record, scores)
                for tracker in tracking:
                    tracker.track(record)
                self.known[record.id] = record
                report.finished(record)
        took = duration(time.monotonic() - start)
        say(self.console, f"{report.done} cells done, {report.failed} failed, in {took}")
        return report.failed

    def _outcomes(self, todo: list[Cell], report: Report) -> Generator[engine.Outcome]:
        place = engine.Place(
            cache=(self.options.cache or datasets.cache_root()).expanduser().absolute(),
            device=devices.resolve_device(self.options.device),
            plugins=tuple(str(Path(path).absolute()) for path in self.options.plugin),
        )
        if self.workers == 0 and not self.options.scheduler:
            return engine.run_in_process(todo, place, report)
        return cluster.run_on_cluster(todo, place, report, min(self.workers, len(todo)), self.options.scheduler)

    def _check_content(self, record: Record, contents: dict[str, str]) -> None:
        """Refuse to mix results of different images under one dataset's name."""
        if record.data is None:
            return
        if contents.setdefault(_images(record), record.data.content) != record.data.content:
            raise UserError(
                f"the images of {record.cell['dataset']} are not those that {self.store.root} has results of; "
                "name another folder with --results DIR"
            )

    def _asked(self) -> dict[str, Any]:
        labels = dict.fromkeys(cell.label for cell in self.grid.cells)
        return {
            "preset": self.options.preset,
            "command": self.options.command,
            "datasets": [spec.name for spec in self.grid.data],
            "missing": self.missing,
            "comparisons": list(self.preset.comparisons),
            "protocols": list(self.preset.protocols),
            "ratios": list(self.preset.ratios),
            "minorities": list(self.preset.minorities),
            "seeds": list(self.preset.seeds),
            "methods": list(labels),
            "cells": [cell.id for cell in self.grid.cells],
            "skipped": [asdict(skip) for skip in self.grid.skipped],
        }

    def _report(self) -> None:
        from benchmarks import report

        start = time.monotonic()
        made = report.build([self.store.root])
        took = duration(time.monotonic() - start)
        for part in made.paragraphs:
            say(self.console, f"{part.heading}: {part.advice} {part.sentences[0]}")
        say(self.console, f"tables, figures and page in {self.store.root} ({took})")


def _images(record: Record) -> str:
    """Name the images that a record is of: a dataset as it is used."""
    return json.dumps(record.cell["data"], sort_keys=True)


def _check(options: argparse.Namespace) -> None:
    """See that numbers are in range, and that what was asked for is installed.

    Raises:
        UserError: they are not.
    """
    for name in ("workers", "tune"):
        if (getattr(options, name) or 0) < 0:
            raise UserError(f"--{name} must be 0 or more, not {getattr(options, name)}")
    if options.tune:
        tune.require()
    for name in options.track:
        trackers.require(name)


def _overrides(options: argparse.Namespace) -> list[str]:
    """Turn the lists of the command line into settings."""
    lists = {
        "methods": options.method,
        "ratios": options.ratio,
        "seeds": options.seed,
        "protocols": options.protocol,
        "comparisons": options.comparison,
    }
    texts = [f"{key}={value!r}" for key, value in lists.items() if value]
    return [*texts, *([f"minorities=[{options.minority}]"] if options.minority else [])]


def _datasets(options: argparse.Namespace, preset: Preset) -> tuple[list[str], dict[str, str]]:
    """Return the datasets to run and, of those a preset or --all names, the ones that are not here.

    Raises:
        UserError: none was asked for, or one asked for by name is not available.
    """
    if not options.dataset and not options.all:
        raise UserError("name what to run: --all, or --dataset NAME (see --list)")
    asked = datasets.expand(options.dataset or preset.datasets)
    reasons = {
        name: datasets.availability(datasets.create(name, **preset.dataset_settings(name).parameters)) for name in asked
    }
    missing = {name: reason for name, reason in reasons.items() if reason}
    if options.dataset and missing:
        raise UserError("; ".join(missing.values()))
    return [name for name in asked if name not in missing], missing
