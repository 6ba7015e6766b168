"""Making a train pool imbalanced: how many images of each class, and which."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasets.base import UserError
from datasets.registry import unknown
from datasets.seeds import generator


class UnsupportedRatio(UserError):  # noqa: N818 - a fact about the data that a run skips and shows, not a fault
    """The pool has too few images of a class for the imbalance asked for."""


@dataclass(frozen=True)
class Request:
    """What a protocol is asked for.

    Attributes:
        pool: (C,) int64 images of each class in the train pool, all positive.
        order: (C,) int64 classes by falling pool count, ties by label.
        ratio: imbalance ratio n_max / n_min, at least 1; None where the protocol takes none.
        majority: images of the largest class; None for as many as the pool allows at every ratio.
        minority: images of each minority class; protocol `few` only.
    """

    pool: np.ndarray
    order: np.ndarray
    ratio: float | None
    majority: int | None
    minority: int | None

    @property
    def head(self) -> np.ndarray:
        """The first ceil(C / 2) classes of the order: the majority classes."""
        return self.order[: math.ceil(len(self.order) / 2)]

    @property
    def tail(self) -> np.ndarray:
        """The other classes: the minority classes."""
        return self.order[math.ceil(len(self.order) / 2) :]


def _two_levels(request: Request, minority: int | None) -> np.ndarray:
    n_max = int(request.pool[request.head].min()) if request.majority is None else request.majority
    counts = np.full(len(request.pool), n_max, dtype=np.int64)
    counts[request.tail] = int(n_max / _ratio(request)) if minority is None else minority
    return counts


def step(request: Request) -> np.ndarray:
    """Majority classes n_max each, minority classes int(n_max / ratio) each (Buda et al. 2018)."""
    return _two_levels(request, None)


def few(request: Request) -> np.ndarray:
    """Majority classes n_max each, minority classes exactly `minority` images each."""
    if request.minority is None:
        raise UserError("protocol 'few' needs minority: how many images each minority class has, such as 5")
    return _two_levels(request, request.minority)


def long_tail(request: Request) -> np.ndarray:
    """Give the c-th of C classes int(n_max * (1 / ratio) ** (c / (C - 1))) images (Cui et al. 2019)."""
    n_max = int(request.pool[request.order[0]]) if request.majority is None else request.majority
    last = len(request.order) - 1
    counts = np.empty(len(request.pool), dtype=np.int64)
    counts[request.order] = [int(n_max * (1 / _ratio(request)) ** (place / last)) for place in range(last + 1)]
    return counts


def natural(request: Request) -> np.ndarray:
    """Keep the whole pool as it is; its ratio is what it is."""
    return request.pool.copy()


PROTOCOLS: dict[str, Callable[[Request], np.ndarray]] = {
    "step": step,
    "long-tail": long_tail,
    "few": few,
    "natural": natural,
}


def class_counts(
    pool_counts: np.ndarray,
    protocol: str,
    *,
    ratio: float | None = None,
    majority: int | None = None,
    minority: int | None = None,
) -> np.ndarray:
    """Return how many images of each class an imbalanced subset has.

    Args:
        pool_counts: (C,) images of each class in the train pool; at least two classes.
        protocol: one of `PROTOCOLS`.
        ratio: imbalance ratio n_max / n_min, at least 1; `step` and `long-tail` need it, the others ignore it.
        majority: images of the largest class; None for the most that the pool allows at every ratio.
        minority: images of each minority class; only `few` uses it.

    Returns:
        (C,) int64, position = label.

    Raises:
        UnsupportedRatio: a class has too few images; the message says which, how many are needed and there.
        UserError: no such protocol, or an argument that it needs is missing or out of range.
    """
    if protocol not in PROTOCOLS:
        raise unknown("protocol", protocol, PROTOCOLS)
    pool = np.asarray(pool_counts, dtype=np.int64)
    if pool.ndim != 1 or len(pool) < 2:
        raise UserError(f"imbalance needs at least two classes, not pool counts of shape {pool.shape}")
    for name, value in (("majority", majority), ("minority", minority)):
        if value is not None and value < 1:
            raise UserError(f"protocol {protocol!r}: {name} must be at least 1, not {value}")
    order = np.argsort(-pool, kind="stable")
    counts = PROTOCOLS[protocol](Request(pool, order, ratio, majority, minority))
    _check(protocol, ratio, counts, pool)
    return counts


def subset(
    labels: np.ndarray,
    pool: np.ndarray,
    protocol: str,
    seed: int,
    *,
    ratio: float | None = None,
    majority: int | None = None,
    minority: int | None = None,
    dataset: str = "",
) -> np.ndarray:
    """Draw an imbalanced subset of a train pool.

    Every class has one order of its images, fixed by (dataset, protocol, seed), of which a subset takes the first ones:
    so the subset of a larger ratio lies within that of a smaller one.

    Args:
        labels: (N,) int64 of the whole dataset.
        pool: indices of the train pool.
        protocol: one of `PROTOCOLS`.
        seed: of the grid's cell.
        ratio: see `class_counts`.
        majority: see `class_counts`.
        minority: see `class_counts`.
        dataset: its name; another dataset draws independently.

    Returns:
        int64 indices into the dataset, ascending.

    Raises:
        UnsupportedRatio: see `class_counts`.
        UserError: see `class_counts`.
    """
    classes = int(labels.max()) + 1
    pool = np.sort(np.asarray(pool, dtype=np.int64))
    available = np.bincount(labels[pool], minlength=classes)
    counts = class_counts(available, protocol, ratio=ratio, majority=majority, minority=minority)
    chosen = []
    for label, count in enumerate(counts):
        order = generator("subset", dataset, protocol, seed, label).permutation(pool[labels[pool] == label])
        chosen.append(order[:count])
    return np.sort(np.concatenate(chosen))


def _ratio(request: Request) -> float:
    if request.ratio is None or not 1 <= request.ratio < math.inf:
        raise UserError(f"this protocol needs an imbalance ratio of at least 1, not {request.ratio}")
    return request.ratio


def _check(protocol: str, ratio: float | None, counts: np.ndarray, pool: np.ndarray) -> None:
    """Refuse what the pool cannot give."""
    asked = f"protocol {protocol!r}" if ratio is None else f"protocol {protocol!r} at ratio {ratio:g}"
    for label in np.flatnonzero((counts < 1) | (counts > pool)):
        if counts[label] < 1:
            raise UnsupportedRatio(f"{asked} leaves class {label} without a single image; lower the ratio")
        raise UnsupportedRatio(
            f"{asked} needs {counts[label]} images of class {label}, and the train pool has {pool[label]}; "
            "raise the ratio or set a smaller majority"
        )
