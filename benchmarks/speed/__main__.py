"""Measure the suite's speed: `python -m benchmarks.speed --out DIR`."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.commands.ending import ending
from benchmarks.commands.terminal import say
from benchmarks.records.files import write_atomic
from benchmarks.running.machine import cpu
from benchmarks.running.progress import make_console
from benchmarks.speed import grids, steps
from benchmarks.speed.measure import Figure, as_json, markdown
from benchmarks.speed.scale import SHORT, Scale


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    p = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    p.add_argument("--out", type=Path, default=Path("results/speed"), metavar="DIR", help="default: %(default)s")
    p.add_argument("--short", action="store_true", help="measure next to nothing, to see that everything runs")
    p.add_argument("--only", default="abcdefgh", metavar="LETTERS", help="rows of the table, such as ah")
    return p


def figures(scale: Scale, folder: Path, only: str) -> Iterator[Figure]:
    """Measure what is asked for, row by row."""
    bench = grids.Bench(folder, scale)
    parts: list[tuple[str, Callable[[], Iterator[Figure]]]] = [
        ("ah", lambda: steps.figures(scale)),
        ("bc", lambda: grids.against_script(bench)),
        ("d", lambda: grids.workers(bench)),
        ("e", lambda: grids.besides(bench)),
        ("e", lambda: grids.again(bench)),
        ("f", lambda: grids.memory(bench)),
        ("g", lambda: grids.growth(bench)),
    ]
    for letters, part in parts:
        if set(letters) & set(only):
            yield from part()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = parser().parse_args(arguments)
    return ending(lambda: _main(options), "stopped; nothing was written")


def _main(options: argparse.Namespace) -> int:
    console, found = make_console(), []
    with tempfile.TemporaryDirectory() as folder:
        measured = figures(SHORT if options.short else Scale(), Path(folder), options.only)
        while True:
            with contextlib.redirect_stdout(io.StringIO()):  # what the runs say
                figure = next(measured, None)
            if figure is None:
                break
            found.append(figure)
            say(console, f"{figure.letter}. {figure.name}: {figure.median:.3g} {figure.unit}")
    options.out.mkdir(parents=True, exist_ok=True)
    about = {"cpu": cpu(), "short": options.short, "versions": {name: version(name) for name in ("torch", "numpy")}}
    write_atomic(options.out / "speed.json", lambda file: file.write(as_json(found, about).encode()))
    write_atomic(options.out / "speed.md", lambda file: file.write(markdown(found).encode()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
