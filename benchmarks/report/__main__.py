"""`python -m benchmarks.report`: make everything again from the records alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

import methods
from benchmarks.commands.arguments import RESULTS
from benchmarks.commands.ending import ending
from benchmarks.commands.terminal import plain, say, show_warnings
from benchmarks.grid.chosen import PLAIN
from benchmarks.report.build import build
from benchmarks.report.compare import compare
from benchmarks.report.data.names import METRICS
from benchmarks.report.figures.style import Layout
from benchmarks.report.watch import watch


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser("python -m benchmarks.report", description=__doc__)
    made.add_argument("--results", type=Path, action="append", metavar="DIR", help="folder of records (repeatable)")
    made.add_argument("--out", type=Path, metavar="DIR", help="where to write; default: the first results folder")
    made.add_argument("--metric", default="accuracy", metavar="NAME", help=f"one of {', '.join(METRICS)}")
    made.add_argument("--control", default=PLAIN, metavar="METHOD", help="what others are compared with")
    made.add_argument(
        "--prior",
        default="",
        metavar="SHARES",
        help="judge again for the class shares met in use: balanced, training, or the minority's, such as 0.01",
    )
    made.add_argument(
        "--cost", default="", metavar="M:F", help="cost of a missed defect against that of a false alarm, such as 20:1"
    )
    made.add_argument("--compare", nargs=2, type=Path, metavar=("A", "B"), help="say what changed between two runs")
    made.add_argument("--methods", metavar="NAME,NAME", help="only these methods and the control; wildcards")
    made.add_argument(
        "--top", type=int, metavar="K", help="methods in a figure (default: 12) and in a table (default: all)"
    )
    made.add_argument(
        "--columns", type=int, default=1, choices=(1, 2), help="columns of a paper that figures and tables span"
    )
    made.add_argument("--pdf", action="store_true", help="write figures as PDF too, for print")
    made.add_argument("--no-figures", action="store_true", help="leave out the figures, which take most of the time")
    made.add_argument(
        "--watch", action="store_true", help="keep the page up to date while records come in, until Ctrl-C"
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = parser().parse_args(arguments)
    show_warnings()
    return ending(lambda: _main(options), "stopped; the files of the last report may come from different records")


def _main(options: argparse.Namespace) -> int:
    console = Console(stderr=True, soft_wrap=True)
    # to know all methods takes seconds, which are free while the figures are drawn
    control = PLAIN if options.control == PLAIN else methods.canonical(options.control)
    if options.compare:
        Console(soft_wrap=True).print(
            plain(compare(options.compare[0], options.compare[1], options.metric)), markup=False, highlight=False
        )
        return 0
    folders = options.results or [RESULTS]
    if options.watch:
        say(console, f"watching {', '.join(map(str, folders))}; Ctrl-C stops")
        watch(folders, options.out, options.metric, control)
        return 0
    top = None if options.top is None else max(1, options.top)
    report = build(
        folders,
        options.out,
        options.metric,
        control,
        figures=not options.no_figures,
        layout=Layout(options.columns, 12 if top is None else top, options.pdf),
        top=top,
        methods=[methods.canonical(each) for each in options.methods.split(",")] if options.methods else (),
        prior=options.prior,
        cost=options.cost,
    )
    say(console, f"{len(report.files)} files written to {report.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
