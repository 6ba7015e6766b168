"""Run the benchmark: `python -m benchmarks.run --all`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence

from benchmarks.commands import arguments as shared
from benchmarks.commands.stopping import INTERRUPTED, stoppable

KEPT = "stopped; everything finished is kept, and the same command continues"


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    p = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description="Evaluate ways of handling class imbalance over datasets, imbalance ratios and seeds. "
        "What is done is kept: the same command continues a run that was stopped.",
        parents=[shared.grid(), shared.place()],
    )
    _which_data(p)
    _how_to_run(p)
    _only_show(p)
    return p


def _which_data(p: argparse.ArgumentParser) -> None:
    what = p.add_argument_group("which data")
    what.add_argument("--all", action="store_true", help="every dataset of the preset that is available here")
    what.add_argument(
        "--dataset",
        action="append",
        metavar="NAME",
        help="repeatable; wildcards; folder:/path; grouped:/path; table:/path/labels.csv",
    )


def _how_to_run(p: argparse.ArgumentParser) -> None:
    how = p.add_argument_group("how to run")
    how.add_argument("--tune", type=int, default=0, metavar="N", help="also run every method tuned, with N trials each")
    how.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="worker processes; 0: none, work in this one (default: one per core or GPU)",
    )
    how.add_argument("--scheduler", metavar="ADDRESS", help="a running Dask scheduler, instead of local processes")
    how.add_argument("--tls-ca", metavar="FILE", help="certificate of the scheduler's authority, with a tls:// address")
    how.add_argument("--tls-cert", metavar="FILE", help="certificate of this client")
    how.add_argument("--tls-key", metavar="FILE", help="key of this client")
    how.add_argument(
        "--timeout", type=float, metavar="S", help="seconds a cell may take (default: as long as it takes)"
    )
    how.add_argument("--retry-failed", action="store_true", help="run failed cells again")
    how.add_argument("--track", action="append", default=[], metavar="NAME", help="tensorboard or mlflow; repeatable")
    how.add_argument(
        "--skip-bad-images", action="store_true", help="leave out images that cannot be read; the records name them"
    )
    how.add_argument(
        "--no-report",
        action="store_true",
        help="write no tables, figures and page; python -m benchmarks.report makes them",
    )


def _only_show(p: argparse.ArgumentParser) -> None:
    show = p.add_argument_group("only show")
    show.add_argument(
        "--list",
        action="store_true",
        help="list datasets, methods and presets, and what is available here; run nothing",
    )
    show.add_argument(
        "--plan",
        action="store_true",
        help="show the grid, what is done, what is to do and how long that takes; run nothing",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 2 for what the user can put right, 130 when interrupted."""
    # without this a GPU's matrix products are not reproducible; it is read when CUDA starts
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    options = parser().parse_args(arguments)
    command = "python -m benchmarks.run " + shlex.join(arguments)
    with stoppable():
        try:
            return _command(options, command)
        except KeyboardInterrupt:  # while the libraries are loaded
            sys.stdout.write(f"\n{KEPT}\n")
            return INTERRUPTED


def _command(options: argparse.Namespace, command: str) -> int:
    from benchmarks.commands.ending import ending
    from benchmarks.commands.terminal import show_warnings

    show_warnings()
    return ending(lambda: _main(options, command), KEPT)


def _main(options: argparse.Namespace, command: str) -> int:
    from benchmarks import listing
    from benchmarks.commands.request import Request
    from benchmarks.running.progress import make_console

    console = make_console()
    request = Request.of(options, command)
    if options.list:
        listing.show(console, request.plugin, request.cache)
        return 0
    from benchmarks.commands import plugins
    from benchmarks.running import outlook, planning

    plugins.load(request.plugin)
    plan = planning.plan(request)
    if options.plan:
        outlook.show(plan, console)
        return 0
    from benchmarks.running import execution

    return execution.execute(plan, console)


if __name__ == "__main__":
    sys.exit(main())
