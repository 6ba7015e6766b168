"""Arrays on disk, written whole or not at all, read as memory maps that all processes share."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

import numpy as np

from datasets import atomic
from datasets.base import UserError
from datasets.eviction import hold, make_room

_DIGEST = ".digest"
_BLOCK = 1 << 20
_COMPARED: set[tuple[Any, ...]] = set()
"""Files that this process has compared with their digest."""
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


def build_array(
    path: Path, shape: tuple[int, ...], dtype: np.typing.DTypeLike, fill: Callable[[np.memmap], None]
) -> np.memmap:
    """Return the read-only array at a path, making it first if it is not there or damaged.

    Several processes may ask for the same path at once: each writes a file of its own, and the last to finish wins. A
    digest lies beside the array; each process reads all of the array once to compare (one to four seconds a gigabyte).

    Args:
        path: where the array lives; ends in `.npy`.
        shape: its shape.
        dtype: its type.
        fill: writes all values into the array it is given, in any order.

    Raises:
        UserError: the folder is full or cannot be written to.
    """
    hold(path)
    existing = open_array(path, shape, dtype)
    if existing is not None and is_whole(path, existing, _written_digest(path)):
        return existing
    make_room(path.parents[1], math.prod(shape) * np.dtype(dtype).itemsize)
    with replacing(path) as file:
        _fill(file, shape, np.dtype(dtype), fill)
    hold(path)
    array = _reopened(path, shape, dtype)
    with replacing(path.with_suffix(_DIGEST)) as file:
        file.write(content_digest(path, array).encode())
    return array


def content_digest(path: Path, array: np.memmap, begin: bytes = b"") -> str:
    """Return a hex digest of an array's bytes, after some others.

    Plain reads, not the map: pages that are read through a map count as this process's memory.
    """
    digest = blake2b(begin, digest_size=16)
    with path.open("rb") as file:
        file.seek(array.offset)
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def is_whole(path: Path, array: np.memmap, digest: str | None, begin: bytes = b"") -> bool:
    """Say whether an array that was opened from a path has a digest; a file is read once in a process."""
    status = path.stat()
    known = (str(path), status.st_ino, status.st_mtime_ns, status.st_ctime_ns, digest)
    if known not in _COMPARED and content_digest(path, array, begin) == digest:
        _COMPARED.add(known)
    return known in _COMPARED


def _written_digest(path: Path) -> str | None:
    try:
        return path.with_suffix(_DIGEST).read_text()
    except (OSError, UnicodeDecodeError):
        return None


def open_array(path: Path, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> np.memmap | None:
    """Return the read-only array at a path, or None if it is missing, of another kind, or cut short."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return array if array.shape == shape and array.dtype == np.dtype(dtype) else None


def write_header(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Write the head of an `.npy` file, and claim the disk space of the array so that a full disk shows now."""
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)
    file.flush()
    size = file.tell() + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    # Writing through a map of a sparse file kills the process (SIGBUS) when the disk is full.
    if hasattr(os, "posix_fallocate") and size:
        os.posix_fallocate(file.fileno(), 0, size)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a new file that takes the path's place when all went well, and is gone when not.

    Raises:
        UserError: the folder is full or cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.sweep(path.parent)
        with atomic.replacing(path) as file:
            yield file
    except OSError as error:
        raise _explained(error, path.parent) from error


def _fill(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype, fill: Callable[[np.memmap], None]) -> None:
    write_header(file, shape, dtype)
    array: Any = np.lib.format.open_memmap(file.name, mode="r+")
    fill(array)
    array.flush()


def _reopened(path: Path, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> np.memmap:
    array = open_array(path, shape, dtype)
    if array is None:
        raise UserError(f"{path} was changed while it was read; run again")
    return array


def _explained(error: OSError, folder: Path) -> Exception:
    if error.errno in _NO_SPACE:
        return UserError(f"no space left in the cache {folder}; free some, or choose another disk with --cache DIR")
    if error.errno in _NOT_WRITABLE:
        return UserError(f"cannot write to the cache {folder} ({error.strerror}); choose another with --cache DIR")
    return error
