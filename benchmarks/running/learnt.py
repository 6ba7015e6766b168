"""Weights that cells have in common, learnt once: safetensors in the cache, each with its digest beside it."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from safetensors.torch import load, save

from datasets import UserError, eviction
from datasets.storage import replacing
from methods.training.context import State

try:
    import fcntl
except ImportError:  # Windows, where two workers that ask at once both learn it, to the same bits
    fcntl = None  # type: ignore[assignment]

LOOK_S = 0.05
"""How often to look whether another worker has done with it; a cell that is out of time is interrupted in between."""


def once(path: Path, learn: Callable[[], State]) -> State:
    """Return the weights at a path, learning them first where they are missing or damaged.

    Whoever asks while another learns them waits. Where the cache cannot be written to, they are learnt each time.

    Args:
        path: of a safetensors file.
        learn: makes them; always the same for one path.
    """
    if (state := _read(path)) is not None:
        return state
    with _locked(path.with_suffix(".lock")):
        if (state := _read(path)) is not None:
            return state
        state = {name: value.detach().cpu().contiguous() for name, value in learn().items()}
        with contextlib.suppress(UserError):
            _write(path, save(state))
    return state


def _read(path: Path) -> State | None:
    try:
        data, digest = path.read_bytes(), path.with_suffix(".digest").read_text()
    except (OSError, UnicodeDecodeError):
        return None
    if _digest(data) != digest:
        return None
    eviction.used(path)
    state: State = load(data)
    return state


def _write(path: Path, data: bytes) -> None:
    eviction.make_room(path.parents[1], len(data))
    for each, content in ((path, data), (path.with_suffix(".digest"), _digest(data).encode())):
        with replacing(each) as file:
            file.write(content)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one worker at a time into the block; nobody is kept out where files cannot be locked."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("wb"))
            while fcntl is not None:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(LOOK_S)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
