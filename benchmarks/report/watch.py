"""Keep the page up to date while a run goes on."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from benchmarks.report.build import build

LOG = logging.getLogger(__name__)
RELOAD = 15
"""Seconds after which the open page looks for a newer one."""


def watch(
    results: Sequence[Path],
    out: Path | None = None,
    metric: str = "accuracy",
    control: str = "cross-entropy",
    interval: float = 3.0,
    stop: Event | None = None,
) -> int:
    """Rebuild all but the figures whenever records change, until Ctrl-C (or `stop` is set).

    The last page written does not reload itself any more.

    Returns:
        How many times it was rebuilt while watching.

    Raises:
        UserError: a folder is missing, or a record cannot be read.
    """
    stop, seen, builds = stop or Event(), None, 0
    try:
        while not stop.is_set():
            now = fingerprint(results)
            if now != seen and _any_record(results):
                build(results, out, metric, control, figures=False, refresh=RELOAD)
                builds += 1
                LOG.info("page %d written", builds)
            seen = now
            stop.wait(interval)
    except KeyboardInterrupt:
        LOG.info("stopped")
    if builds:
        build(results, out, metric, control, figures=False)
    return builds


def fingerprint(results: Sequence[Path]) -> list[tuple[str, int, int]]:
    """Return what changes when a record or a grid is written: names, sizes and times of the files."""
    state = []
    for folder in results:
        for place in (folder, folder / "cells"):
            if place.is_dir():
                with os.scandir(place) as entries:
                    files = [entry for entry in entries if entry.name.endswith(".json")]
                    state += [(entry.path, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in files]
    return sorted(state)


def _any_record(results: Sequence[Path]) -> bool:
    """Say whether there is anything to show; a folder that is not there is for `build` to complain about."""
    return any(not folder.is_dir() or any((folder / "cells").glob("*.json")) for folder in results)
