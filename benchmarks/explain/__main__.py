"""Explain methods: `python -m benchmarks.explain --dataset dagm/1`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

import datasets
from benchmarks import run
from benchmarks.report.data.names import COMMON, PROPOSED
from datasets import UserError

METHODS = ("cross-entropy", *COMMON, PROPOSED)
"""Explained where none is named: what the paper compares."""


def parser() -> argparse.ArgumentParser:
    """Build the command line; options shared with `benchmarks.run` mean the same."""
    p = argparse.ArgumentParser(
        prog="python -m benchmarks.explain",
        description="Train methods again, bit for bit as in a run, and show what they look at: Grad-CAM panels of the "
        "same test images side by side, how well the maps point at the outlined defects, and the learnt features.",
    )
    p.add_argument("--dataset", required=True, metavar="NAME", help="one dataset, such as dagm/1 or textures")
    p.add_argument(
        "--method", action="append", metavar="NAME", help=f"repeatable; wildcards (default: {', '.join(METHODS)})"
    )
    p.add_argument("--ratio", action="append", type=float, metavar="IR", help="repeatable (default: the preset's)")
    p.add_argument("--seed", action="append", type=int, metavar="N", help="repeatable (default: the preset's)")
    p.add_argument("--protocol", action="append", metavar="NAME", help="step, long-tail, few or natural; repeatable")
    p.add_argument("--minority", metavar="N,N", help="minority images under the protocol few, such as 3,5,10,20")
    p.add_argument("--comparison", action="append", metavar="NAME", help="as-in-paper or equal-footing; repeatable")
    p.add_argument("--preset", default="default", metavar="NAME|FILE", help="settings (default: %(default)s)")
    p.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one setting; repeatable")
    p.add_argument(
        "--plugin", action="append", default=[], metavar="FILE", help="a file with methods or datasets of your own"
    )
    p.add_argument("--images", type=int, default=6, metavar="N", help="rows of the panels (default: %(default)s)")
    p.add_argument("--results", type=Path, default=Path("results/run"), metavar="DIR", help="default: %(default)s")
    p.add_argument("--cache", type=Path, metavar="DIR", help="decoded images and feature maps")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:i (default: %(default)s)")
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0; 1 if a method's training failed; 2 for what the user can put right; 130 when interrupted.
    """
    # without this a GPU's matrix products are not reproducible; it is read when CUDA starts
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    console = Console()
    try:
        return _main(parser().parse_args(arguments), console)
    except UserError as error:
        Console(stderr=True).print(f"error: {error}", style="bold red", markup=False, highlight=False, soft_wrap=True)
        return run.EXIT_USER_ERROR
    except KeyboardInterrupt:
        console.print("\nstopped; nothing was written")
        return run.EXIT_INTERRUPTED


def _main(options: argparse.Namespace, console: Console) -> int:
    from benchmarks import plugins
    from benchmarks.explain.explainer import Explainer
    from benchmarks.running import devices
    from benchmarks.running.session import Session

    plugins.load(options.plugin)
    if options.images < 1:
        raise UserError(f"--images {options.images}: the panels need at least one image")
    if len(datasets.expand([options.dataset])) > 1:
        raise UserError(f"--dataset {options.dataset}: one dataset at a time")
    options.method = options.method or list(METHODS)
    # what the run's command line has besides stays at its defaults
    planned = argparse.Namespace(**vars(run.parser().parse_args([])) | vars(options) | {"dataset": [options.dataset]})
    session = Session.of(planned, console)
    if not session.grid.cells:
        raise UserError("nothing to explain: " + "; ".join(skip.reason for skip in session.grid.skipped))
    for skip in session.grid.skipped:
        console.print(f"skipped: {skip.reason}", markup=False, highlight=False)
    return Explainer(
        session=session,
        number=options.images,
        cache=(options.cache or datasets.cache_root()).expanduser().absolute(),
        device=devices.worker_device(devices.resolve_device(options.device)),
    ).run()


if __name__ == "__main__":
    sys.exit(main())
