"""What belongs together, directly or through others: groups, copies, and both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from itertools import pairwise

import numpy as np


def components(number: int, pairs: Iterable[tuple[int, int]]) -> np.ndarray:
    """Return (number,) int64: the least row that each row is joined with, directly or through others."""
    parent = list(range(number))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return np.array([root(row) for row in range(number)], dtype=np.int64)


def chained(keys: Iterable[Hashable]) -> list[tuple[int, int]]:
    """Return pairs of neighbouring rows of one key."""
    rows: dict[Hashable, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        rows[key].append(row)
    return [pair for members in rows.values() for pair in pairwise(members)]
