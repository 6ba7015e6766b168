"""What a user sees while a grid runs: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.commands.terminal import Screen, plain, say
from benchmarks.records.store import Record

LINE_EVERY_S = 15.0
WINDOW = 200
WIDTH = 160
"""Columns of a table where the output is not a terminal, unless COLUMNS says otherwise."""


def make_console() -> Console:
    """Return the console of standard output."""
    wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Screen(width=WIDTH if wide else None)


class RunProgress:
    """Counts cells, estimates the time left, and knows the best method so far of each dataset."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self.total = total
        self.done = self.failed = 0
        self._ends: deque[float] = deque(maxlen=WINDOW)
        self._accuracy: dict[str, dict[str, Mean]] = defaultdict(lambda: defaultdict(Mean))
        self._line_at = time.monotonic()
        self._bar: Progress | None = None
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[rest]}"), console=console)
            self._task = self._bar.add_task("cells", total=total, rest="")

    def __enter__(self) -> RunProgress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def preparing(self, name: str) -> None:
        """Say that a dataset is being decoded, or its maps computed."""
        say(self.console, f"preparing {name}")

    def progressing(self, what: str, done: int, total: int) -> None:
        """Say how far a preparation is: on the bar, or in a line now and then."""
        text = f"{what}: {done} of {total}"
        if self._bar:
            self._bar.update(self._task, rest=escape(plain(text)))
        elif time.monotonic() - self._line_at > LINE_EVERY_S:
            self._line_at = time.monotonic()
            say(self.console, text)

    def finished(self, record: Record) -> None:
        """Count a cell, and show where the run stands."""
        self._ends.append(time.monotonic())
        if record.failure is not None:
            self.failed += 1
            say(self.console, f"failed {record.id}: {record.failure.type}: {record.failure.message}")
        else:
            self.done += 1
        if record.metrics is not None:
            self._accuracy[record.cell["dataset"]][record.cell["label"]].add(record.metrics.balanced_accuracy)
        self._show(record.cell["dataset"])

    def _show(self, dataset: str) -> None:
        if self._bar:
            rest = escape(plain(f"{self.rate_and_rest()}  {self.best(dataset)}"))
            self._bar.update(self._task, completed=self.done + self.failed, rest=rest)
        elif time.monotonic() - self._line_at > LINE_EVERY_S or self.done + self.failed == self.total:
            self._line_at = time.monotonic()
            counts = f"{self.done + self.failed}/{self.total} cells, {self.failed} failed"
            say(self.console, f"{counts}, {self.rate_and_rest()}  {self.best(dataset)}")

    def rate_and_rest(self) -> str:
        """Return cells per second over the last ones, and the time left at that rate."""
        span = self._ends[-1] - self._ends[0] if len(self._ends) > 1 else 0.0
        if not span:
            return "rate not known yet"
        rate = (len(self._ends) - 1) / span
        return f"{rate:.2f}/s, {duration((self.total - self.done - self.failed) / rate)} left"

    def best(self, dataset: str) -> str:
        """Return the method with the best mean so far on a dataset; until all are done, of different cells."""
        means = self._accuracy[dataset]
        if not means:
            return ""
        label = max(means, key=lambda k: means[k].value)
        return f"best on {dataset} so far: {label} {means[label].value:.3f}"


@dataclass
class Mean:
    """A mean that grows by one value at a time."""

    total: float = 0.0
    number: int = 0

    def add(self, value: float) -> None:
        """Take in a value."""
        self.total += value
        self.number += 1

    @property
    def value(self) -> float:
        """The mean so far."""
        return self.total / self.number


def duration(seconds: float) -> str:
    """Write a duration for people: `45 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
