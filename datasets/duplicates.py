"""Copies among the images of a dataset, exact and near, found while they are decoded."""

from __future__ import annotations

from collections import defaultdict
from hashlib import blake2b

import numpy as np
from PIL import Image

from datasets.joining import chained

_SIDE, _LOW = 32, 8
_FREQUENCIES = np.cos(np.pi * np.outer(np.arange(_LOW), 2 * np.arange(_SIDE) + 1) / (2 * _SIDE))
"""The lowest cosines of a discrete cosine transform."""
NEAR = 2.0
"""Thumbnails of near copies differ by less on average, in grey levels of 255."""
ALIKE = 0.99
"""And they correlate by more."""


class Copies:
    """Collects what is needed of each image, 1 kB, and tells which are copies.

    Near copies (saved once more, resized, slightly brightened) share a quarter of the bits of a perceptual hash, and
    their thumbnails of 32 x 32 pixels are alike. Images without structure have no near copies.
    """

    def __init__(self) -> None:
        self._exact: list[bytes] = []
        self._thumbnails: list[bytes] = []
        self._buckets: dict[tuple[int, int], list[int]] = defaultdict(list)

    def add(self, pixels: np.ndarray) -> None:
        """Take the next image, (C, H, W) uint8."""
        row = len(self._exact)
        self._exact.append(blake2b(pixels.tobytes(), digest_size=16).digest())
        grey = pixels[0] if len(pixels) == 1 else pixels.mean(axis=0).round().astype(np.uint8)
        small = Image.fromarray(np.ascontiguousarray(grey)).resize((_SIDE, _SIDE), Image.Resampling.BOX)
        thumbnail = np.asarray(small)
        self._thumbnails.append(thumbnail.tobytes())
        if thumbnail.std() > 1:
            for part, bits in enumerate(_hash(thumbnail)):
                self._buckets[part, int(bits)].append(row)

    @property
    def thumbnails(self) -> list[bytes]:
        """32 x 32 grey levels of each image."""
        return self._thumbnails

    @property
    def digests(self) -> list[bytes]:
        """A digest of each image's pixels."""
        return self._exact

    def pairs(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return pairs of rows that are exact, and that are near copies; of a set of exact copies neighbours only."""
        exact = chained(self._exact)
        again = {later for _, later in exact}
        found: set[tuple[int, int]] = set()
        for members in self._buckets.values():
            first = [row for row in members if row not in again]
            for place, row in enumerate(first):
                found |= {(row, other) for other in first[place + 1 :] if self._alike(row, other)}
        return exact, sorted(found)

    def _alike(self, row: int, other: int) -> bool:
        a, b = (np.frombuffer(self._thumbnails[at], dtype=np.uint8).astype(np.float32) for at in (row, other))
        if np.abs(a - b).mean() >= NEAR:
            return False
        a, b = a - a.mean(), b - b.mean()
        return bool(a @ b > ALIKE * np.sqrt((a @ a) * (b @ b)))


def _hash(thumbnail: np.ndarray) -> np.ndarray:
    """Return a perceptual hash in four parts of 16 bits: which low frequencies are above their median."""
    low = (_FREQUENCIES @ thumbnail.astype(np.float64) @ _FREQUENCIES.T).ravel()
    low[0] = 0  # brightness
    bits: np.ndarray = (low > np.median(low)).reshape(4, 16)
    return np.asarray(bits @ (1 << np.arange(16)))
