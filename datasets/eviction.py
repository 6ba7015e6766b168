"""The cache's entries: how much room they take, when each was used last, which are in use, and which have to go.

An entry is an array (`.npy`) of decoded images or of feature maps, or weights that cells share (`.safetensors`), and
the small files beside it. Whoever opens an array holds a shared lock on it until its process ends, and leaves the time
of use on the file beside it. Before another is written, those that were used longest ago make room for it, never one
that is held.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from datasets.atomic import replacing
from datasets.base import UserError

try:
    import fcntl
except ImportError:  # Windows, which does not remove a file that is open
    fcntl = None  # type: ignore[assignment]

KINDS = {"images": ".npy", "maps": ".npy", "learnt": ".safetensors"}
"""Folders of the cache, and how the files in them end."""
BESIDE = (".json", ".digest", ".images")
LIMIT_FILE, LIMIT = "limit", 50 * 10**9
"""Bytes that all arrays may take where nobody has said otherwise."""
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

_HELD: dict[Path, int] = {}
"""Open files; a lock ends with its file."""


@dataclass(frozen=True)
class Entry:
    """One array of the cache, or one file of weights.

    Attributes:
        path: its file.
        size: bytes on disk.
        used: when it was last opened, in seconds since the epoch.
    """

    path: Path
    size: int
    used: float

    @property
    def kind(self) -> str:
        """The folder that it is in, such as `maps`."""
        return self.path.parent.name

    @property
    def held(self) -> bool:
        """Whether a running process has it open."""
        return is_held(self.path)


def hold(path: Path) -> None:
    """Hold an entry until this process ends or calls `release`, and note its use; a missing one is left alone."""
    with contextlib.suppress(OSError):
        if path not in _HELD or not _is_current(path):
            _close(path)
            _HELD[path] = os.open(path, os.O_RDONLY)
            if fcntl is not None:
                fcntl.flock(_HELD[path], fcntl.LOCK_SH | fcntl.LOCK_NB)
    used(path)


def used(path: Path) -> None:
    """Note that an entry is used now."""
    for beside in BESIDE:
        with contextlib.suppress(OSError):  # a cache that can only be read
            os.utime(path.with_suffix(beside))


def _is_current(path: Path) -> bool:
    """Say whether what is held is what lies there, and not what it has replaced."""
    return os.path.samestat(os.fstat(_HELD[path]), path.stat())


def release() -> None:
    """Hold nothing any more."""
    for path in list(_HELD):
        _close(path)


def _close(path: Path) -> None:
    if path in _HELD:
        os.close(_HELD.pop(path))


def is_held(path: Path) -> bool:
    """Say whether any process, this one included, holds an entry."""
    if fcntl is None:
        return path in _HELD
    try:
        with path.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # gone, or not ours to remove
        return path.exists()
    return False


def entries(cache: Path) -> list[Entry]:
    """Return the entries of a cache, those used longest ago first."""
    found = []
    for path in (path for kind, suffix in KINDS.items() for path in (cache / kind).glob(f"*{suffix}")):
        with contextlib.suppress(OSError):  # another process may be removing it
            beside = [each.stat() for suffix in BESIDE if (each := path.with_suffix(suffix)).exists()]
            own = path.stat()
            used = max([own.st_mtime, *(each.st_mtime for each in beside)])
            found.append(Entry(path, own.st_size + sum(each.st_size for each in beside), used))
    return sorted(found, key=lambda entry: entry.used)


def remove(entry: Entry) -> bool:
    """Remove an entry unless it is held; returns whether it is gone."""
    if entry.held:
        return False
    try:
        for path in (*(entry.path.with_suffix(suffix) for suffix in BESIDE), entry.path):
            path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def make_room(cache: Path, needed: int = 0) -> list[Entry]:
    """Remove the entries used longest ago until `needed` more bytes keep the limit; what is held stays, over the limit.

    Returns:
        What was removed.
    """
    found = entries(cache)
    over = sum(entry.size for entry in found) + needed - limit(cache)
    removed: list[Entry] = []
    for entry in found:
        if over <= 0:
            break
        if remove(entry):
            removed.append(entry)
            over -= entry.size
    return removed


def limit(cache: Path) -> int:
    """Return the bytes that a cache may take."""
    try:
        return int((cache / LIMIT_FILE).read_text())
    except (OSError, ValueError):
        return LIMIT


def set_limit(cache: Path, size: int) -> None:
    """Let a cache take so many bytes from now on."""
    cache.mkdir(parents=True, exist_ok=True)
    with replacing(cache / LIMIT_FILE) as file:
        file.write(str(size).encode())


def parse_size(text: str) -> int:
    """Return the bytes of `20GB`, `500 MB` or `1000`.

    Raises:
        UserError: it is none of that kind.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?\s*", text.upper())
    if match is None:
        raise UserError(f"size {text!r}: write it like 20GB or 500MB")
    return int(float(match[1]) * UNITS[match[2]])


def written(size: int) -> str:
    """Write bytes for people: `1.2 GB`."""
    for unit, factor in reversed(UNITS.items()):
        if size >= factor:
            return f"{size / factor:.3g} {unit}B"
    return "0 B"


def age(entry: Entry) -> str:
    """Say how long ago an entry was used."""
    hours = (time.time() - entry.used) / 3600
    return f"{hours:.0f} h ago" if hours < 48 else f"{hours / 24:.0f} days ago"
