"""Train pool and balanced test set: drawn from (dataset, seed) alone, before anything is made imbalanced."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from datasets.base import Index, UserError
from datasets.seeds import generator


@dataclass(frozen=True)
class Split:
    """Which images to train on and which to test on.

    Attributes:
        train: int64 indices of the train pool, ascending, as the dataset gives them (not yet imbalanced).
        test: int64 indices of the test set, ascending; every class equally often.
    """

    train: np.ndarray
    test: np.ndarray


def split(index: Index, seed: int, *, test_fraction: float = 0.4, test_cap: int = 200) -> Split:
    """Draw the test set of one dataset and seed; what may be trained on is the rest.

    With an official split the test set comes from the official test part, as many of each class as its smallest has;
    without, it takes `test_fraction` of the smallest class from every class. Images of a group (a patient) are never on
    both sides: those left over from a tested group are in neither.

    Args:
        index: the dataset's labels, groups and official split.
        seed: of the grid's cell.
        test_fraction: share of the smallest class that is tested, where there is no official split.
        test_cap: at most so many test images per class.

    Raises:
        UserError: a class has too few images or groups to be both trained on and tested.
    """
    if not 0 < test_fraction < 1 or test_cap < 1:
        raise UserError(f"a split needs 0 < test_fraction < 1 and test_cap >= 1, not {test_fraction} and {test_cap}")
    order = generator("split", index.dataset, seed).permutation(len(index.labels))
    if index.official_test is not None:
        candidates = order[index.official_test[order]]
        smallest = int(_counts(index, candidates).min())
    else:
        smallest = int(test_fraction * index.counts.min())
        candidates = order if index.groups is None else _whole_groups(index, order, min(smallest, test_cap))
    test = _balanced(index, candidates, min(smallest, test_cap))
    train = _remainder(index, candidates if index.official_test is not None else test)
    _check(index, train, test)
    return Split(train, test)


def index_hash(indices: np.ndarray) -> str:
    """Return a hex digest of an index list, the same on every machine; order counts."""
    return blake2b(np.ascontiguousarray(indices, dtype="<i8").tobytes(), digest_size=16).hexdigest()


def _counts(index: Index, chosen: np.ndarray) -> np.ndarray:
    return np.bincount(index.labels[chosen], minlength=len(index.class_names))


def _balanced(index: Index, candidates: np.ndarray, number: int) -> np.ndarray:
    """Take the first `number` candidates of every class."""
    classes = range(len(index.class_names))
    parts = [candidates[index.labels[candidates] == label][:number] for label in classes]
    return np.sort(np.concatenate(parts)).astype(np.int64)


def _whole_groups(index: Index, order: np.ndarray, number: int) -> np.ndarray:
    """Return the images of just enough whole groups, in order, for `number` images of every class."""
    assert index.groups is not None
    wanted = np.full(len(index.class_names), number)
    taken: list[np.ndarray] = []
    _, first = np.unique(index.groups[order], return_index=True)
    members = _members(index.groups)
    for group in index.groups[order[np.sort(first)]]:
        counts = _counts(index, members[group])
        if (counts[wanted > 0] > 0).any():
            taken.append(members[group])
            wanted = wanted - counts
    chosen = np.concatenate(taken) if taken else order[:0]
    return order[np.isin(order, chosen)]


def _members(groups: np.ndarray) -> dict[int, np.ndarray]:
    order = np.argsort(groups, kind="stable")
    names, starts = np.unique(groups[order], return_index=True)
    return dict(zip(names.tolist(), np.split(order, starts[1:]), strict=True))


def _remainder(index: Index, held_out: np.ndarray) -> np.ndarray:
    """Return everything that is neither held out nor of a group of which something is."""
    keep = np.ones(len(index.labels), dtype=bool)
    keep[held_out] = False
    if index.groups is not None:
        keep &= ~np.isin(index.groups, index.groups[held_out])
    return np.flatnonzero(keep).astype(np.int64)


def _check(index: Index, train: np.ndarray, test: np.ndarray) -> None:
    for part, chosen in (("test", test), ("train", train)):
        empty = np.flatnonzero(_counts(index, chosen) == 0)
        if len(empty):
            rarest = empty[index.counts[empty].argmin()]  # the one that leaves the others without test images too
            whole = "images" if index.groups is None else "groups"
            raise UserError(
                f"dataset {index.dataset or '?'}: class {index.class_names[rarest]!r} has too few {whole} "
                f"({index.counts[rarest]} images in all) to have any in the {part} part; add some or drop it"
            )
