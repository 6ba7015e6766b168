"""Mutate modules, run the tests near them on each mutant, and say which mutants no test noticed.

Every mutant gets a process of its own, forked from one that has the libraries loaded already; it reads the changed
module from memory, so the files stay as they are. What is done is kept in a file, by the texts of the module and its
tests: the same command continues.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from importlib import import_module
from pathlib import Path

from tests.mutation import forked, near
from tests.mutation.operators import Mutant, mutants

ROOT = Path(__file__).parents[2]
NAMED = ROOT / "docs" / "mutants.md"
DATA_LIBRARIES = ("numpy", "PIL.Image", "pydantic", "pytest")
LIBRARIES = (
    *DATA_LIBRARIES,
    "torch",
    "timm",
    "sklearn.linear_model",
    "imblearn.ensemble",
    "torchvision",
    "pandas",
    "scipy.stats",
)
"""What the tests need, loaded once; those of `datasets` do without what trains."""


@dataclass(frozen=True)
class Job:
    """One mutant of a module, and what its result is kept under."""

    module: str
    mutant: Mutant
    key: str

    @property
    def name(self) -> str:
        """As docs/mutants.md names it."""
        return f"`{self.module}` | `{self.mutant.scope}` | `{self.mutant.change.replace('|', chr(92) + '|')}`"


def jobs(module: str) -> Iterator[Job]:
    """Yield the mutants of a module."""
    source = (ROOT / module).read_text()
    texts = [source, *(path.read_text() for path in map(ROOT.joinpath, near.tests(ROOT, module)))]
    for mutant in mutants(source):
        identity = json.dumps([texts, mutant.scope, mutant.change])
        yield Job(module, mutant, blake2b(identity.encode(), digest_size=16).hexdigest())


def main(arguments: list[str] | None = None) -> int:
    """Run; 1 where a mutant survives that docs/mutants.md does not name."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="paths; all that tests/mutation/near.py names by default")
    parser.add_argument("--sample", type=int, help="at most so many mutants, drawn at random over the modules")
    parser.add_argument("--each", type=int, help="at most so many mutants of each module, drawn at random")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at a time")
    parser.add_argument("--kept", type=Path, default=ROOT / "results" / "mutants.jsonl", help="file of results")
    asked = parser.parse_args(arguments)
    made = [list(jobs(module)) for module in asked.modules or near.modules(ROOT)]
    every = _drawn([job for found in made for job in _drawn(found, asked.each)], asked.sample)
    kept = _kept(asked.kept)
    _run([job for job in every if job.key not in kept], asked.jobs, asked.kept, kept)
    return _report(every, kept)


def _drawn(found: list[Job], number: int | None) -> list[Job]:
    """Draw `number` of the mutants at random, the same ones each time; all where it is None."""
    if number is None or number >= len(found):
        return found
    return sorted(random.Random(0).sample(found, number), key=lambda job: (job.module, job.mutant.line))


def _kept(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    return {line["key"]: line["result"] for line in map(json.loads, path.read_text().splitlines())}


def _run(todo: list[Job], at_once: int, path: Path, kept: dict[str, str]) -> None:
    """Run the mutants that have no result yet, and keep each result as it comes."""
    if not todo:
        return
    for library in DATA_LIBRARIES if all(job.module.startswith("datasets/") for job in todo) else LIBRARIES:
        import_module(library)
    limits = {module: _limit(module) for module in dict.fromkeys(job.module for job in todo)}
    path.parent.mkdir(parents=True, exist_ok=True)

    def result(job: Job) -> tuple[Job, str]:
        tests = near.tests(ROOT, job.module)
        return job, forked.outcome(ROOT, job.module, job.mutant.tree, tests, limits[job.module])[0]

    start = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool, path.open("a") as file:
        for done, (job, came) in enumerate(pool.map(result, todo), 1):
            kept[job.key] = came
            file.write(json.dumps({"key": job.key, "mutant": job.name, "line": job.mutant.line, "result": came}) + "\n")
            file.flush()
            _say(f"{done}/{len(todo)} {time.monotonic() - start:.0f} s {came} {job.module}:{job.mutant.line}")


def _limit(module: str) -> int:
    """Return the seconds of processor time that a mutant may take: five times what the code as it is takes, and five.

    Raises:
        SystemExit: the tests fail on the code as it is.
    """
    outcome, seconds = forked.outcome(ROOT, module, None, near.tests(ROOT, module), 600)
    if outcome != "survived":
        raise SystemExit(f"the tests near {module} fail on the code as it is: {' '.join(near.tests(ROOT, module))}")
    return 5 + math.ceil(5 * seconds)


def _report(every: Iterable[Job], kept: dict[str, str]) -> int:
    """Print how many mutants of each module were noticed, and the survivors."""
    tally: dict[str, list[int]] = {}
    named = NAMED.read_text() if NAMED.exists() else ""
    survivors = []
    for job in every:
        counts = tally.setdefault(job.module, [0, 0, 0])
        survived = kept[job.key] == "survived"
        counts[0] += 1
        counts[1] += not survived
        counts[2] += survived and job.name in named
        if survived and job.name not in named:
            survivors.append(job)
    _say("| module | mutants | killed | share | survivors named |\n| --- | --- | --- | --- | --- |")
    for module, (made, killed, known) in [*tally.items(), ("all", _sums(tally.values()))]:
        _say(f"| {module} | {made} | {killed} | {killed / max(made, 1):.0%} | {known} of {made - killed} |")
    for job in survivors:
        _say(f"| {job.name} | line {job.mutant.line} |")
    return int(bool(survivors))


def _sums(rows: Iterable[list[int]]) -> list[int]:
    return [sum(column) for column in zip(*rows, strict=True)] or [0, 0, 0]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch: a pool of threads does not survive a fork
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = scratch
        sys.exit(main())
