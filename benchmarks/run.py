"""Run the benchmark: `python -m benchmarks.run --all`."""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

import datasets
from benchmarks.running.progress import make_console, say
from datasets import UserError

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

OUT_OF_REACH = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
KEPT = "nothing finished is lost"


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    p = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description="Evaluate ways of handling class imbalance over datasets, imbalance ratios and seeds. "
        "What is done is kept: the same command continues a run that was stopped.",
    )
    what = p.add_argument_group("what to run")
    what.add_argument("--all", action="store_true", help="every dataset of the preset that is available here")
    what.add_argument("--preset", default="default", metavar="NAME|FILE", help="settings (default: %(default)s)")
    what.add_argument(
        "--dataset", action="append", metavar="NAME", help="repeatable; wildcards; folder:/path; table:/path/labels.csv"
    )
    what.add_argument(
        "--method", action="append", metavar="NAME", help="repeatable; wildcards, such as 'imblearn:*SMOTE*'"
    )
    what.add_argument("--ratio", action="append", type=float, metavar="IR", help="repeatable; imbalance ratio")
    what.add_argument("--seed", action="append", type=int, metavar="N", help="repeatable")
    what.add_argument("--protocol", action="append", metavar="NAME", help="step, long-tail, few or natural; repeatable")
    what.add_argument("--minority", metavar="N,N", help="minority images under the protocol few, such as 3,5,10,20")
    what.add_argument("--comparison", action="append", metavar="NAME", help="as-in-paper or equal-footing; repeatable")
    what.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override one setting; repeatable"
    )
    what.add_argument("--tune", type=int, default=0, metavar="N", help="N trials of tuning for every method")
    what.add_argument(
        "--plugin", action="append", default=[], metavar="FILE", help="a file with methods or datasets of your own"
    )
    how = p.add_argument_group("how to run")
    how.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:i (default: %(default)s)")
    how.add_argument(
        "--workers", type=int, metavar="N", help="processes; 0: in this one (default: one per core or GPU)"
    )
    how.add_argument("--scheduler", metavar="ADDRESS", help="a running Dask scheduler, instead of local processes")
    how.add_argument("--results", type=Path, default=Path("results/run"), metavar="DIR", help="default: %(default)s")
    how.add_argument("--cache", type=Path, metavar="DIR", help="decoded images and feature maps")
    how.add_argument("--retry-failed", action="store_true", help="run the cells again that have failed")
    how.add_argument("--track", action="append", default=[], metavar="NAME", help="tensorboard or mlflow; repeatable")
    how.add_argument("--no-report", action="store_true", help="leave tables, figures and page to benchmarks.report")
    show = p.add_argument_group("only show")
    show.add_argument("--list", action="store_true", help="datasets, methods and presets, and what is available here")
    show.add_argument("--plan", action="store_true", help="the grid, what is done, what is to do and how long it takes")
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 2 for what the user can put right, 130 when interrupted."""
    # without this a GPU's matrix products are not reproducible; it is read when CUDA starts
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    console = make_console()
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options = parser().parse_args(arguments)
        options.command = "python -m benchmarks.run " + shlex.join(arguments)
        return _main(options, console)
    except UserError as error:
        return _refuse(str(error))
    except BrokenPipeError:  # whoever read the output has seen enough, as in `--list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_USER_ERROR
    except OSError as error:
        if error.errno not in OUT_OF_REACH:
            raise
        where = error.filename or "a file"
        return _refuse(f"{where}: {error.strerror}; put that right and run the same command again, {KEPT}")
    except KeyboardInterrupt:
        say(console, "\nstopped; everything finished is kept, and the same command continues")
        return EXIT_INTERRUPTED


def _refuse(reason: str) -> int:
    Console(stderr=True).print(f"error: {reason}", style="bold red", markup=False, highlight=False, soft_wrap=True)
    return EXIT_USER_ERROR


def _main(options: argparse.Namespace, console: Console) -> int:
    from benchmarks import plugins
    from benchmarks.running import session

    plugins.load(options.plugin)
    if options.list:
        show_list(console)
        return 0
    run = session.Session.of(options, console)
    if options.plan:
        run.show_plan()
        return 0
    return run.execute()


def show_list(console: Console) -> None:
    """Show datasets, methods by family, and presets."""
    import methods
    from benchmarks.grid import presets as settings

    table = Table("dataset", "here", "what it is, or how to get it", title="Datasets", show_lines=True)
    for name in datasets.names():
        dataset = datasets.create(name)
        missing = datasets.availability(dataset)
        table.add_row(name, "no" if missing else "yes", missing or f"{dataset.description} ({dataset.licence})")
    for usage in datasets.usages():
        table.add_row(usage, "", "your own data, by this form of name")
    console.print(table)
    table = Table("family", "method", "source", title="Methods")
    for name in methods.available():
        table.add_row(methods.get(name).family, name, methods.get(name).reference)
    for name in methods.prefixed():
        table.add_row(methods.get(name).family, name, methods.get(name).reference)
    console.print(table)
    table = Table("preset", "what it is for", title="Presets")
    for name in settings.preset_names():
        table.add_row(name, settings.load(name).description)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
