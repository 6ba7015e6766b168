"""Ctrl-C and SIGTERM: heard at once, the work in hand put away; a second time, everything is left as it lies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM)


_held = 0


class Terminated(KeyboardInterrupt):
    """SIGTERM: as Ctrl-C, with another exit code."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Hear the signals inside the block; outside a process's main thread they cannot be heard, and are left alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        if before[number] is not signal.SIG_IGN:  # whoever started this wants it to go on
            signal.signal(number, _first)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def hold(cells: int) -> None:
    """Remember how many cells are being computed, for whoever wants to stop."""
    global _held
    _held = cells


@contextmanager
def in_hand(cells: int) -> Iterator[None]:
    """Hold some cells while the block runs."""
    hold(cells)
    try:
        yield
    finally:
        hold(0)


def _first(number: int, frame: FrameType | None) -> None:
    for each in SIGNALS:
        signal.signal(each, _second)
    cells = "1 cell" if _held == 1 else f"{_held} cells"
    with suppress(RuntimeError, OSError):  # in the middle of another line, or nobody reads
        sys.stdout.write(f"\nstopping: {cells} in hand; once more to leave them\n")
        sys.stdout.flush()
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _second(number: int, frame: FrameType | None) -> None:
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(128 + number)
