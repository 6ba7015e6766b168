"""Explain methods: `python -m benchmarks.explain --dataset dagm/1`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from rich.console import Console

import datasets
from benchmarks.commands import arguments as shared
from benchmarks.commands.ending import ending
from benchmarks.commands.request import Request
from benchmarks.commands.terminal import Screen, say, show_warnings
from benchmarks.report.data.names import COMMON, PROPOSED
from datasets import UserError

METHODS = ("cross-entropy", *COMMON, PROPOSED)
"""Explained where none is named: what the paper compares."""


def parser() -> argparse.ArgumentParser:
    """Build the command line; arguments shared with `benchmarks.run` mean the same."""
    p = argparse.ArgumentParser(
        prog="python -m benchmarks.explain",
        description="Train methods again, bit for bit as in a run, and show what they look at: Grad-CAM panels of the "
        "same test images side by side, how well the maps point at the outlined defects, and the learnt features. "
        f"Where no method is named: {', '.join(METHODS)}.",
        parents=[shared.grid(), shared.place()],
    )
    p.add_argument("--dataset", required=True, metavar="NAME", help="one dataset, such as dagm/1 or textures")
    p.add_argument("--images", type=int, default=6, metavar="N", help="rows of the panels (default: %(default)s)")
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0; 1 if a method's training failed; 2 for what the user can put right; 130 when interrupted.
    """
    # without this a GPU's matrix products are not reproducible; it is read when CUDA starts
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    options = parser().parse_args(arguments)
    show_warnings()
    return ending(lambda: _main(options, Screen()), "stopped; nothing was written")


def _main(options: argparse.Namespace, console: Console) -> int:
    from benchmarks.commands import plugins
    from benchmarks.explain.explainer import Explainer
    from benchmarks.running.devices import worker_device
    from benchmarks.running.planning import plan

    if options.images < 1:
        raise UserError(f"--images {options.images}: the panels need at least one image")
    options.method = options.method or list(METHODS)
    request = Request.of(options, dataset=(options.dataset,))
    plugins.load(request.plugin)
    if len(datasets.expand(request.dataset)) > 1:
        raise UserError(f"--dataset {options.dataset}: one dataset at a time")
    planned = plan(request)
    if not planned.grid.cells:
        raise UserError("nothing to explain: " + "; ".join(skip.reason for skip in planned.grid.skipped))
    for skip in planned.grid.skipped:
        say(console, f"skipped: {skip.reason}")
    device = worker_device(planned.device)
    return Explainer(planned, console, options.images, planned.cache, device).run()


if __name__ == "__main__":
    sys.exit(main())
