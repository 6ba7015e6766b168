"""How far a long preparation is, for whoever listens: a terminal here, or one that another process writes to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, int, int], object]
"""Is told what is being done, how many are done, and of how many."""
EVERY_S = 1.0

_listeners: list[Listener] = []
_told_at = 0.0


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Tell somebody while the block runs, once a second at most."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(what: str, done: int, total: int) -> None:
    """Say how far something is: `decoding elpv`, 300 of 2624."""
    global _told_at
    if _listeners and time.monotonic() - _told_at >= EVERY_S:
        _told_at = time.monotonic()
        for listener in _listeners:
            listener(what, done, total)
