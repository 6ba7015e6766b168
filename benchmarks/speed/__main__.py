"""Measure the suite's speed: `python -m benchmarks.speed --out DIR`."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.commands.ending import ending
from benchmarks.commands.terminal import say
from benchmarks.records.files import write_atomic
from benchmarks.running.machine import cpu
from benchmarks.running.progress import make_console
from benchmarks.speed import grids, steps, versus
from benchmarks.speed.bench import Bench
from benchmarks.speed.measure import Figure, as_json, markdown
from benchmarks.speed.profile import Profile
from benchmarks.speed.scale import SHORT, Scale

LIMIT_S = 600.0
"""After it no other part is begun; the longest takes two minutes."""


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    p = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    p.add_argument("--out", type=Path, default=Path("results/speed"), metavar="DIR", help="default: %(default)s")
    p.add_argument("--short", action="store_true", help="measure next to nothing, to see that everything runs")
    p.add_argument("--only", default="abcdefgh", metavar="LETTERS", help="rows of the table, such as ah")
    return p


@dataclass
class Found:
    """What was measured so far.

    Attributes:
        about: the machine and the versions.
        figures: rows of the table.
        failures: why others are not there, by their letters.
        profile: where the time of a step end to end goes.
    """

    about: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    profile: Profile | None = None

    def write(self, folder: Path) -> None:
        """Write `speed.json` and `speed.md`."""
        folder.mkdir(parents=True, exist_ok=True)
        profile = None if self.profile is None else asdict(self.profile)
        data = as_json(self.figures, about=self.about, failures=self.failures, profile=profile)
        text = markdown(self.figures, self.failures)
        if self.profile is not None:
            text += f"\n{self.profile.table}"
        write_atomic(folder / "speed.json", lambda file: file.write(data.encode()))
        write_atomic(folder / "speed.md", lambda file: file.write(text.encode()))


def parts(bench: Bench) -> list[tuple[str, Callable[[], Iterator[Figure | Profile]]]]:
    """Return what is measured, by the letters of its rows, what needs a quiet machine before what does not."""
    return [
        ("ah", lambda: steps.figures(bench.scale)),
        ("b", lambda: versus.against_script(bench)),
        ("c", lambda: versus.end_to_end(bench)),
        ("d", lambda: grids.workers(bench)),
        ("e", lambda: grids.besides(bench)),
        ("e", lambda: grids.again(bench)),
        ("f", lambda: grids.memory(bench)),
        ("g", lambda: grids.growth(bench)),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 1 where something could not be measured."""
    options = parser().parse_args(arguments)
    return ending(lambda: _main(options), f"stopped; what was measured is in {options.out}")


def _main(options: argparse.Namespace) -> int:
    console, end = make_console(), time.monotonic() + LIMIT_S
    found = Found(
        {"cpu": cpu(), "short": options.short, "versions": {name: version(name) for name in ("torch", "numpy")}}
    )
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), SHORT if options.short else Scale())
        for letters, part in parts(bench):
            if set(letters) & set(options.only):
                _measure(letters, part, found, console, end)
                found.write(options.out)
    return 1 if found.failures else 0


def _measure(
    letters: str, part: Callable[[], Iterator[Figure | Profile]], found: Found, console: Console, end: float
) -> None:
    """Measure one part; what goes wrong is said, and the other parts follow."""
    if time.monotonic() > end:
        found.failures[letters] = f"the {LIMIT_S / 60:.0f} minutes were over; --only {letters} measures it alone"
        return
    measured = part()
    while True:
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # what the runs say
                one = next(measured, None)
        except Exception as error:  # one part that cannot be measured must not cost the others
            found.failures[letters] = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            say(console, f"{letters}: not measured: {found.failures[letters]}")
            return
        if one is None:
            return
        if isinstance(one, Profile):
            found.profile = one
            console.print(one.table, markup=False)
        else:
            found.figures.append(one)
            say(console, f"{one.letter}. {one.name}: {one.median:.3g} {one.unit}")


if __name__ == "__main__":
    sys.exit(main())
