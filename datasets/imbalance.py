"""Making a train pool imbalanced: how many images of each class, and which."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasets.base import UserError
from datasets.levels import Level, Protocol
from datasets.seeds import generator


class UnsupportedRatio(UserError):  # noqa: N818 - a fact about the data that a run skips and shows, not a fault
    """The pool has too few images of a class for the imbalance asked for."""


@dataclass(frozen=True)
class Request:
    """What a protocol is asked for.

    Attributes:
        pool: (C,) int64 images of each class in the train pool, all positive.
        order: (C,) int64 classes by falling count in the whole dataset, ties by label.
        level: how imbalanced.
        majority: images of the largest class; None for as many as the pool allows at every ratio.
    """

    pool: np.ndarray
    order: np.ndarray
    level: Level
    majority: int | None

    @property
    def head(self) -> np.ndarray:
        """The first ceil(C / 2) classes of the order: the majority classes."""
        return self.order[: math.ceil(len(self.order) / 2)]

    @property
    def tail(self) -> np.ndarray:
        """The other classes: the minority classes."""
        return self.order[math.ceil(len(self.order) / 2) :]


def two_sizes(request: Request) -> np.ndarray:
    """Majority classes n_max each, minority classes int(n_max / ratio) (Buda et al. 2018) or as many as asked for."""
    n_max = int(request.pool[request.head].min()) if request.majority is None else request.majority
    counts = np.full(len(request.pool), n_max, dtype=np.int64)
    few = request.level.minority
    counts[request.tail] = int(n_max / request.level.value) if few is None else few
    return counts


def long_tail(request: Request) -> np.ndarray:
    """Give the c-th of C classes int(n_max * (1 / ratio) ** (c / (C - 1))) images (Cui et al. 2019)."""
    n_max = int(request.pool[request.order[0]]) if request.majority is None else request.majority
    last = len(request.order) - 1
    counts = np.empty(len(request.pool), dtype=np.int64)
    counts[request.order] = [int(n_max * (1 / request.level.value) ** (place / last)) for place in range(last + 1)]
    return counts


def natural(request: Request) -> np.ndarray:
    """Keep the whole pool as it is; its ratio is what it is."""
    return request.pool.copy()


COUNTS: dict[Protocol, Callable[[Request], np.ndarray]] = {
    "step": two_sizes,
    "long-tail": long_tail,
    "few": two_sizes,
    "natural": natural,
}


def class_counts(
    pool_counts: np.ndarray, level: Level, majority: int | None = None, whole: np.ndarray | None = None
) -> np.ndarray:
    """Return how many images of each class an imbalanced subset has.

    Args:
        pool_counts: (C,) images of each class in the train pool; at least two classes.
        level: how imbalanced; at no minority images, the minority classes have none.
        majority: images of the largest class; None for the most that the pool allows at every ratio.
        whole: (C,) images of each class in the whole dataset, by which the majority classes are told, so that they are
            the same in every split; None for the pool's.

    Returns:
        (C,) int64, position = label.

    Raises:
        UnsupportedRatio: a class has too few images; the message says which, how many are needed and there.
        UserError: an argument is out of range.
    """
    pool = np.asarray(pool_counts, dtype=np.int64)
    if pool.ndim != 1 or len(pool) < 2:
        raise UserError(f"imbalance needs at least two classes, not pool counts of shape {pool.shape}")
    if majority is not None and majority < 1:
        raise UserError(f"protocol {level.protocol!r}: majority must be at least 1, not {majority}")
    order = np.argsort(-(pool if whole is None else np.asarray(whole)), kind="stable")
    counts = COUNTS[level.protocol](Request(pool, order, level, majority))
    _check(level, counts, pool)
    return counts


def subset(
    labels: np.ndarray,
    pool: np.ndarray,
    level: Level,
    seed: int,
    *,
    majority: int | None = None,
    dataset: str = "",
) -> np.ndarray:
    """Draw an imbalanced subset of a train pool.

    Every class has one order of its images, fixed by (dataset, protocol, seed), of which a subset takes the first ones:
    so the subset of a larger ratio lies within that of a smaller one.

    Args:
        labels: (N,) int64 of the whole dataset.
        pool: indices of the train pool.
        level: how imbalanced.
        seed: of the grid's cell.
        majority: see `class_counts`.
        dataset: its name; another dataset draws independently.

    Returns:
        int64 indices into the dataset, ascending.

    Raises:
        UnsupportedRatio: see `class_counts`.
        UserError: see `class_counts`.
    """
    whole = np.bincount(labels)
    pool = np.sort(np.asarray(pool, dtype=np.int64))
    available = np.bincount(labels[pool], minlength=len(whole))
    chosen = []
    for label, count in enumerate(class_counts(available, level, majority, whole)):
        order = generator("subset", dataset, level.protocol, seed, label).permutation(pool[labels[pool] == label])
        chosen.append(order[:count])
    return np.sort(np.concatenate(chosen))


def _check(level: Level, counts: np.ndarray, pool: np.ndarray) -> None:
    """Refuse what the pool cannot give."""
    at = f" at ratio {level.ratio:g}" if level.ratio is not None else ""
    asked, least = f"protocol {level.protocol!r}{at}", 0 if level.minority == 0 else 1
    for label in np.flatnonzero((counts < least) | (counts > pool)):
        if counts[label] < 1:
            raise UnsupportedRatio(f"{asked} leaves class {label} without a single image; lower the ratio")
        raise UnsupportedRatio(
            f"{asked} needs {counts[label]} images of class {label}, and the train pool has {pool[label]}; "
            "raise the ratio or set a smaller majority"
        )
