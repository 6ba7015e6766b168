"""Choose what the presets and the proposed method leave open: `python -m experiments.choose QUESTION`.

Candidates are compared on the development pools of `textures`, `elpv` and `magnetic_tile`, split anew by each seed
before anything is made imbalanced, and on textures drawn for this: images that no run trains on or tests. `dagm` takes
no part. Every trial is a line of the log; those that it has already are not run again. Where settings are drawn, every
method has the same number of trials, and what is best is tried again beside the defaults on other splits, which judge.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed  # type: ignore[import-untyped]
from rich.console import Console
from tabulate import tabulate

import datasets
from experiments.recipe.questions import KEPT, QUESTIONS, Question
from experiments.recipe.tasks import TASKS, Candidate, Point, evaluate

Row = dict[str, Any]
Trials = dict[tuple[str, Point], Row]
"""Lines of the log by candidate and point."""


class Log:
    """The trials done; a file of JSON lines, or such a file compressed, which is only read."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.trials: Trials = {}
        for row in read(path) if path is not None and path.exists() else ():
            self.trials[text(row), Point(row["dataset"], float(row["level"]), row["seed"])] = row

    def run(self, candidates: Iterable[Candidate], points: Iterable[Point], cache: Path, jobs: int) -> None:
        """Try candidates at points, and note each trial as it ends."""
        candidates = list(candidates)
        todo = [(c, p) for p in points for c in candidates if (text(c.key), p) not in self.trials]
        rows = Parallel(n_jobs=jobs, return_as="generator")(delayed(evaluate)(c, p, cache) for c, p in todo)
        for (candidate, point), row in zip(todo, rows, strict=True):
            if row is not None:
                self.trials[text(candidate.key), point] = row
                self._append(row)

    def _append(self, row: Row) -> None:
        if self.path is not None and self.path.suffix != ".gz":
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")

    def mean(self, candidate: Candidate, points: Sequence[Point]) -> tuple[float, float] | None:
        """Return the mean accuracy and AUROC over the points, or None where one is missing."""
        rows = [self.trials.get((text(candidate.key), point)) for point in points]
        if not rows or not all(rows):
            return None
        return tuple(statistics.fmean(row[name] for row in rows if row) for name in ("accuracy", "auroc"))  # type: ignore[return-value]

    def over(self, candidate: Candidate, other: Candidate, points: Sequence[Point]) -> tuple[float, float] | None:
        """Return the mean of the paired differences in accuracy, and its standard error over the points."""
        mine, theirs = (
            [self.trials[text(each.key), p]["accuracy"] for p in points if (text(each.key), p) in self.trials]
            for each in (candidate, other)
        )
        if len(mine) != len(points) or len(theirs) != len(points) or len(points) < 2:
            return None
        apart = [a - b for a, b in zip(mine, theirs, strict=True)]
        return statistics.fmean(apart), statistics.stdev(apart) / len(apart) ** 0.5


def text(row: Row) -> str:
    """Return what tells candidates apart, of a candidate's key or of a line of the log."""
    return json.dumps({name: row[name] for name in ("method", "parameters", "settings")}, sort_keys=True)


def read(path: Path) -> list[Row]:
    """Return the lines of a log."""
    data = path.read_bytes()
    lines = (gzip.decompress(data) if path.suffix == ".gz" else data).decode().splitlines()
    return [json.loads(line) for line in lines]


def finalists(question: Question, log: Log) -> list[Candidate]:
    """Return the defaults and the best of each method."""
    found: dict[str, list[Candidate]] = {}
    for candidate in question.candidates():
        found.setdefault(candidate.method, []).append(candidate)
    kept = []
    for first, *others in found.values():
        others.sort(key=lambda each: -(log.mean(each, question.points) or (0.0, 0.0))[0])
        kept += [first, *others[:KEPT]]
    return kept


def table(question: Question, log: Log) -> str:
    """Return the means of all candidates, best first, and for those tried again what they have over the defaults."""
    first: dict[str, Candidate] = {}
    rows = []
    for candidate in question.candidates():
        default = first.setdefault(candidate.method, candidate)
        once, again = log.mean(candidate, question.points), log.mean(candidate, question.again)
        over = None if candidate is default else log.over(candidate, default, question.again)
        shown = ", ".join(f"{key}={value}" for key, value in (candidate.parameters | candidate.settings).items())
        apart = f"{100 * over[0]:+.1f} +- {100 * over[1]:.1f}" if over else ""
        rows.append([candidate.method, shown or "defaults", _scores(once), _scores(again), apart])
    rows.sort(key=lambda row: row[2], reverse=True)
    return tabulate(rows, ["method", "with", "tried", "tried again", "over the defaults"], tablefmt="github")


def _scores(found: tuple[float, float] | None) -> str:
    return "" if found is None else f"{100 * found[0]:.1f} / {found[1]:.3f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all candidates of a question, and print them, best first."""
    parser = argparse.ArgumentParser(prog="python -m experiments.choose", description=__doc__)
    parser.add_argument("question", choices=list(QUESTIONS), help="what to choose")
    parser.add_argument("--log", type=Path, metavar="FILE", help="JSON lines of the trials, read and added to")
    parser.add_argument("--jobs", type=int, default=-1, help="processes; default: one a core")
    parser.add_argument("--cache", type=Path, default=datasets.cache_root())
    options = parser.parse_args(arguments)
    question, log = QUESTIONS[options.question], Log(options.log)

    def here(points: Sequence[Point]) -> list[Point]:
        names = {point.task: TASKS[point.task].dataset for point in points}
        usable = {task for task, name in names.items() if datasets.availability(datasets.create(name)) is None}
        return [point for point in points if point.task in usable]

    try:
        log.run(question.candidates(), here(question.points), options.cache, options.jobs)
        log.run(finalists(question, log), here(question.again), options.cache, options.jobs)
    except datasets.UserError as error:
        Console(stderr=True).print(f"error: {error}", style="bold red", markup=False, soft_wrap=True)
        return 2
    Console().print(table(question, log), soft_wrap=True, markup=False, highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
