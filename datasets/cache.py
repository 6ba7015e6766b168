"""Datasets decoded once: uint8 images in a memory map, and beside it what they are."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import Dataset, ImageSet, Index, UserError, cache_root, listed
from datasets.changes import changes, write_images
from datasets.duplicates import Copies
from datasets.eviction import hold, make_room
from datasets.files import by_number
from datasets.joining import components
from datasets.neighbours import in_a_row, note
from datasets.progress import tell
from datasets.storage import build_array, is_whole, open_array, replacing, write_header

__all__ = ["build_array", "cache_root", "known_content", "known_index", "load", "what_changed"]

_FORMAT = 3
"""Raise it when decoding, the layout or what is noted changes, so that older entries are not read."""


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
    index = listed(dataset)
    path = _path(dataset, size, index, cache_root() if cache is None else cache)
    about = _about(path, index)
    images = None if about is None else _images(path, about, index)
    if about is None or images is None:
        _build(dataset, size, index, path)
        about = _about(path, index)
        images = None if about is None else _images(path, about, index)
    if about is None or images is None:
        raise UserError(f"cache entry {path} was removed or damaged while it was read; run again")
    return ImageSet(images.transpose(0, 3, 1, 2), _completed(index, about), about["content"])


def what_changed(dataset: Dataset, before: str, after: str, cache: Path | None = None) -> str:
    """Say how the images of a dataset differ from what they were, where the cache knows both.

    Args:
        dataset: whose.
        before: `ImageSet.content` of the earlier images.
        after: that of the later ones.
        cache: see `load`.
    """
    return changes((cache_root() if cache is None else cache) / "images", dataset.name, before, after)


def known_index(dataset: Dataset, size: int | None = None, cache: Path | None = None) -> Index:
    """Return a dataset's index without decoding: with what decoding has shown, where the cache knows it.

    Args:
        dataset: whose.
        size: see `load`.
        cache: see `load`.

    Raises:
        DatasetUnavailable: the dataset's files are not here.
        UserError: they are damaged.
    """
    index = listed(dataset)
    path = _path(dataset, dataset.size if size is None else size, index, cache_root() if cache is None else cache)
    about = _about(path, index)
    return index if about is None else _completed(index, about)


def known_content(dataset: Dataset, size: int | None = None, cache: Path | None = None) -> str | None:
    """Return the digest of a dataset's pixels and labels where the cache has it decoded, else None; see `load`."""
    index = listed(dataset)
    path = _path(dataset, dataset.size if size is None else size, index, cache_root() if cache is None else cache)
    about = _about(path, index)
    return about["content"] if about is not None and path.is_file() else None


def _path(dataset: Dataset, size: int, index: Index, cache: Path) -> Path:
    """Name the entry after everything that its pixels depend on."""
    identity = [_FORMAT, dataset.name, dataset.parameters(), index.fingerprint, size, len(index.labels)]
    digest = blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=12).hexdigest()
    label = re.sub(r"[^A-Za-z0-9]+", "-", dataset.name)[-40:].strip("-")
    return cache / "images" / f"{label}-{size}-{digest}.npy"


def _about(path: Path, index: Index) -> dict[str, Any] | None:
    """Read the description of an entry; None if it is missing or not whole."""
    try:
        about: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
        whole = about["shape"][0] == len(index.labels) and {"content", "notes", "unusable", "copies"} <= about.keys()
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
    return about if whole else None


def _images(path: Path, about: dict[str, Any], index: Index) -> np.memmap | None:
    """Open an entry; None if it is missing, cut short, or not what its description says, to the last bit."""
    hold(path)
    images = open_array(path, tuple(about["shape"]), np.uint8)
    if images is None:
        return None
    return images if is_whole(path, images, about["content"], _labels(index)) else None


def _completed(index: Index, about: dict[str, Any]) -> Index:
    """Return the index with what decoding has shown."""
    copies = components(len(index.labels), about["copies"]) if about["copies"] else None
    return replace(index, notes=(*index.notes, *about["notes"]), copies=copies, unusable=tuple(about["unusable"]))


def _build(dataset: Dataset, size: int, index: Index, path: Path) -> None:
    """Decode into an entry; its description comes last, so that a described entry is complete."""
    copies = Copies()
    with replacing(path) as file:
        decoded = dataset.decode(size)
        first = next(decoded, None)
        if first is None:
            raise UserError(f"dataset {dataset.name} has no images; {dataset.steps()}")
        shape = (len(index.labels), size, size, len(first))
        make_room(path.parents[1], math.prod(shape))
        write_header(file, shape, np.dtype(np.uint8))
        digest = blake2b(_labels(index), digest_size=16)
        # Plain writes, not a map: a map's dirty pages would count as this process's memory.
        for done, image in enumerate(_checked(itertools.chain([first], decoded), dataset, shape), start=1):
            tell(f"decoding {dataset.name}", done, len(index.labels))
            copies.add(image)
            pixels = np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes()
            file.write(pixels)
            digest.update(pixels)
    found = dataset.found()
    write_images(path, index, found.names, copies.digests)
    exact, near = ([pair for pair in pairs if not set(pair) & set(found.unusable)] for pairs in copies.pairs())
    about = {
        "dataset": dataset.name,
        "shape": shape,
        "content": digest.hexdigest(),
        "notes": [
            *found.notes,
            *_copy_notes(index, exact, near),
            *_row_notes(dataset, index, copies.thumbnails, [*exact, *near]),
        ],
        "unusable": found.unusable,
        "copies": [*exact, *near],
    }
    with replacing(path.with_suffix(".json")) as file:
        file.write(json.dumps(about).encode())


def _labels(index: Index) -> bytes:
    """Return the labels as they begin the digest of an entry's content."""
    return np.ascontiguousarray(index.labels, dtype="<i8").tobytes()


def _copy_notes(index: Index, exact: list[tuple[int, int]], near: list[tuple[int, int]]) -> list[str]:
    """Say how many images are copies, and how many of these pairs are in two classes."""
    if not exact and not near:
        return []
    two = sum(index.labels[one] != index.labels[other] for one, other in [*exact, *near])
    said = [f"{len(exact)} exact and {len(near)} near copies among the images; copies stay on one side of the split"]
    if two:
        said.append(f"{two} of these copies {'has' if two == 1 else 'have'} another class than the image copied")
    return said


def _row_notes(dataset: Dataset, index: Index, thumbnails: list[bytes], copies: list[tuple[int, int]]) -> list[str]:
    """Say where files in a row look alike, and nobody has said which show one thing or how to split."""
    if index.groups is not None or index.official_test is not None:
        return []
    found = dataset.found()
    left_out = {*found.unusable, *(later for _, later in copies)}
    rows = [row for row in range(len(index.labels)) if row not in left_out]
    if found.names:
        rows.sort(key=lambda row: by_number(found.names[row]))
    share = in_a_row(thumbnails, index.labels, np.array(rows, dtype=np.int64))
    return [note(share, dataset.grouping())] if share is not None and share.is_large else []


def _checked(images: Iterator[np.ndarray], dataset: Dataset, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Yield each image, insisting on one shape, one type and the promised number."""
    number, height, width, channels = shape
    done = 0
    for done, image in enumerate(images, start=1):
        if image.shape != (channels, height, width) or image.dtype != np.uint8 or done > number:
            raise ValueError(
                f"{dataset.name}: image {done} of {number} is {image.dtype} {image.shape}, not {shape[1:]}"
            )
        yield image
    if done != number:
        raise ValueError(f"{dataset.name}: decoded {done} images where its index lists {number}")
