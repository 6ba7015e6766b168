"""What a user sees while a grid runs: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict, deque
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.store import Record

LINE_EVERY_S = 15.0
WINDOW = 200


class Report:
    """Counts cells, estimates the time left, and knows the best method so far of each dataset."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self.total = total
        self.done = self.failed = 0
        self._ends: deque[float] = deque(maxlen=WINDOW)
        self._accuracy: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._line_at = time.monotonic()
        self._bar: Progress | None = None
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[rest]}"), console=console)
            self._task = self._bar.add_task("cells", total=total, rest="")

    def __enter__(self) -> Report:
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
        self.console.print(f"preparing {name}", highlight=False)

    def finished(self, record: Record) -> None:
        """Count a cell, and show where the run stands."""
        self._ends.append(time.monotonic())
        if record.failure is not None:
            self.failed += 1
            self.console.print(f"failed {record.id}: {record.failure.type}: {record.failure.message}", markup=False)
        else:
            self.done += 1
        if record.metrics is not None:
            self._accuracy[record.cell["dataset"], record.cell["label"]].append(record.metrics.balanced_accuracy)
        self._show(record.cell["dataset"])

    def _show(self, dataset: str) -> None:
        if self._bar:
            rest = f"{self.rate_and_rest()}  {self.best(dataset)}"
            self._bar.update(self._task, completed=self.done + self.failed, rest=rest)
        elif time.monotonic() - self._line_at > LINE_EVERY_S or self.done + self.failed == self.total:
            self._line_at = time.monotonic()
            counts = f"{self.done + self.failed}/{self.total} cells, {self.failed} failed"
            self.console.print(f"{counts}, {self.rate_and_rest()}  {self.best(dataset)}", highlight=False, markup=False)

    def rate_and_rest(self) -> str:
        """Return cells per second over the last ones, and the time left at that rate."""
        span = self._ends[-1] - self._ends[0] if len(self._ends) > 1 else 0.0
        if not span:
            return "rate not known yet"
        rate = (len(self._ends) - 1) / span
        return f"{rate:.2f}/s, {duration((self.total - self.done - self.failed) / rate)} left"

    def best(self, dataset: str) -> str:
        """Return the method with the best mean so far on a dataset; until all are done, of different cells."""
        means = {key: statistics.fmean(v) for key, v in self._accuracy.items() if key[0] == dataset}
        if not means:
            return ""
        key = max(means, key=lambda k: means[k])
        return f"best on {dataset} so far: {key[1]} {means[key]:.3f}"


def duration(seconds: float) -> str:
    """Write a duration for people: `45 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
