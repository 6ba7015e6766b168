"""Datasets decoded once: uint8 images in a memory map, and beside it what they are."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import Dataset, ImageSet, Index, UserError, cache_root
from datasets.storage import build_array, open_array, replacing, write_header

__all__ = ["build_array", "cache_root", "load"]

_FORMAT = 1
"""Raise it when decoding or the layout changes, so that older entries are not read."""


def load(dataset: Dataset, size: int | None = None, cache: Path | None = None) -> ImageSet:
    """Return a dataset's images, decoding them on the first call.

    Args:
        dataset: what to load.
        size: side of the square images in pixels; None for the dataset's own.
        cache: folder of decoded images; None for `cache_root()`.

    Returns:
        Images (N, C, size, size) uint8: a read-only view of a memory map stored as (N, size, size, C).

    Raises:
        DatasetUnavailable: the dataset's files are not here.
        UserError: a file is damaged, the size is not positive, or the cache cannot be written.
    """
    size = dataset.size if size is None else size
    if size < 1:
        raise UserError(f"dataset {dataset.name}: image size must be at least 1 pixel, not {size}")
    index = dataset.index()
    path = _path(dataset, size, index, cache_root() if cache is None else cache)
    found = _read(path, index)
    if found is None:
        _build(dataset, size, index, path)
        found = _read(path, index)
    if found is None:
        raise UserError(f"cache entry {path} was removed or damaged while it was read; run again")
    images, content = found
    return ImageSet(images.transpose(0, 3, 1, 2), index, content)


def _path(dataset: Dataset, size: int, index: Index, cache: Path) -> Path:
    """Name the entry after everything that its pixels depend on."""
    identity = [_FORMAT, dataset.name, dataset.parameters(), index.fingerprint, size, len(index.labels)]
    digest = blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=12).hexdigest()
    label = re.sub(r"[^A-Za-z0-9]+", "-", dataset.name)[-40:].strip("-")
    return cache / "images" / f"{label}-{size}-{digest}.npy"


def _read(path: Path, index: Index) -> tuple[np.memmap, str] | None:
    """Open an entry; None if it is missing, cut short or not what its description says."""
    try:
        about: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
        images = open_array(path, tuple(about["shape"]), np.uint8)
        content = str(about["content"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if images is None or len(images) != len(index.labels) else (images, content)


def _build(dataset: Dataset, size: int, index: Index, path: Path) -> None:
    """Decode into an entry; its description comes last, so that a described entry is complete."""
    with replacing(path) as file:
        decoded = dataset.decode(size)
        first = next(decoded, None)
        if first is None:
            raise UserError(f"dataset {dataset.name} has no images; check {dataset.steps()}")
        shape = (len(index.labels), size, size, len(first))
        write_header(file, shape, np.dtype(np.uint8))
        digest = blake2b(np.ascontiguousarray(index.labels, dtype="<i8").tobytes(), digest_size=16)
        # Plain writes, not a map: a map's dirty pages would count as this process's memory.
        for pixels in _checked(itertools.chain([first], decoded), dataset, shape):
            file.write(pixels)
            digest.update(pixels)
    with replacing(path.with_suffix(".json")) as file:
        file.write(json.dumps({"dataset": dataset.name, "shape": shape, "content": digest.hexdigest()}).encode())


def _checked(images: Iterator[np.ndarray], dataset: Dataset, shape: tuple[int, ...]) -> Iterator[bytes]:
    """Yield each image as H x W x C bytes, insisting on one shape, one type and the promised number."""
    number, height, width, channels = shape
    done = 0
    for done, image in enumerate(images, start=1):
        if image.shape != (channels, height, width) or image.dtype != np.uint8 or done > number:
            raise ValueError(
                f"{dataset.name}: image {done} of {number} is {image.dtype} {image.shape}, not {shape[1:]}"
            )
        yield np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes()
    if done != number:
        raise ValueError(f"{dataset.name}: decoded {done} images where its index lists {number}")
