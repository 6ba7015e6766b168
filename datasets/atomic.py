"""Files that are there whole or not at all, also after a power cut, whoever else writes the same ones."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PARTIAL = ".partial"
ABANDONED_S = 24 * 3600
"""A file that was not finished after a day never will be; no writing takes so long."""


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a new file beside the path that takes its place when all went well, and is gone when not.

    Several processes may replace one path at once: each writes a file of its own, and the last to finish wins. The new
    name is brought to the disk before anything that is written later.

    Raises:
        OSError: the folder is not there, is full or cannot be written to.
    """
    temporary = path.with_name(f".{path.name[:150]}.{uuid.uuid4().hex}{PARTIAL}")
    try:
        with temporary.open("wb+") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sweep(*folders: Path) -> None:
    """Remove what processes that were killed left half written; another may be writing what is younger."""
    for folder in folders:
        for path in folder.glob(f".*{PARTIAL}"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > ABANDONED_S:
                    path.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
