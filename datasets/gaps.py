"""Pixels that an image file promises and does not hold, which Pillow takes for black."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By the colour type of a PNG."""


def refuse_gaps(path: Path, image: Image.Image) -> None:
    """See that every pixel of an opened image is in its file, and every colour in its palette.

    Raises:
        ValueError: some are not.
        OSError: the image cannot be decoded.
    """
    pixels = np.asarray(image)
    if image.mode == "P" and image.palette is not None:
        colours = len(image.palette.palette) // len(image.palette.mode)
        if pixels.max(initial=0) >= colours:
            raise ValueError(f"a colour that its palette of {colours} does not have")
    if image.format == "PNG" and not pixels[-1:].any() and not _has_all_rows(path):
        raise ValueError("truncated")


def _has_all_rows(path: Path) -> bool:
    """Count the bytes that a PNG unpacks to; an interlaced one is taken at its word."""
    with path.open("rb") as file:
        file.seek(8)
        chunks = _chunks(file)
        _, head = next(chunks)
        width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", head)
        needed = height * (1 + (width * depth * _CHANNELS[kind] + 7) // 8)
        unpack, length = zlib.decompressobj(), 0
        for name, data in chunks:
            if name == b"IDAT" and not interlaced:
                length += len(unpack.decompress(data, needed + 1 - length)) if length <= needed else 0
    return bool(interlaced) or length >= needed


def _chunks(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    while len(begin := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", begin)
        yield name, file.read(length)
        file.seek(4, 1)
