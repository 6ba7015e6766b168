"""Train pool and balanced test set, drawn from (dataset, seed) alone, before anything is made imbalanced.

What a dataset keeps for choosing (its development pool) is in neither; it is split by itself on demand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from datasets.base import Index, UserError
from datasets.development import development_rows
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


def split(
    index: Index,
    seed: int,
    *,
    test_fraction: float = 0.4,
    test_cap: int = 200,
    folds: int | None = None,
    development: bool = False,
) -> Split:
    """Draw the test set of one dataset and seed; what may be trained on is the rest.

    With an official split the test set comes from the official test part, as many of each class as its smallest has;
    without, it takes `test_fraction` of the smallest class from every class. Images of a group (a patient) are never on
    both sides, nor are copies: those left over from a tested group are in neither. Images of the development pool and
    copies of them are in neither.

    With folds, `folds` seeds in a row (0 to folds - 1, and so on) test every image of the smallest class once between
    them: seed // folds says how the images are dealt out, seed % folds which part is tested, balanced.

    Args:
        index: the dataset's labels, groups and official split.
        seed: of the grid's cell.
        test_fraction: share of the smallest class that is tested, where there is neither official split nor folds.
        test_cap: at most so many test images per class.
        folds: how many parts to deal the images out to, 2 or more; an official split goes before.
        development: split the development pool instead, for choosing.

    Raises:
        UserError: a class has too few images or groups to be both trained on and tested, or there is no pool.
    """
    if not 0 < test_fraction < 1 or test_cap < 1:
        raise UserError(f"a split needs 0 < test_fraction < 1 and test_cap >= 1, not {test_fraction} and {test_cap}")
    if folds is not None and folds < 2:
        raise UserError(f"a split into folds needs at least 2, not {folds}")
    pool = development_rows(index)
    if development and not pool.any():
        raise UserError(f"dataset {index.dataset or '?'} has no development pool: nothing may be chosen on it")
    part, rows = _part(index, pool, development)
    purpose = ("split", index.dataset, "development") if development else ("split", index.dataset)
    order = generator(*purpose, seed).permutation(len(rows))
    tested = _test_part(part, folds, seed, purpose)
    candidates = order if tested is None else order[tested[order]]
    number = int(test_fraction * part.counts.min() if tested is None else _counts(part, candidates).min())
    number = min(number, test_cap)
    if part.official_test is None and part.groups is not None:
        candidates = _whole_groups(part, candidates, number)
    test = _balanced(part, candidates, number)
    train = _remainder(part, candidates if part.official_test is not None else test)
    _check(part, train, test)
    return Split(rows[train], rows[test])


def index_hash(indices: np.ndarray) -> str:
    """Return a hex digest of an index list, the same on every machine; order counts."""
    return blake2b(np.ascontiguousarray(indices, dtype="<i8").tobytes(), digest_size=16).hexdigest()


def _part(index: Index, pool: np.ndarray, development: bool) -> tuple[Index, np.ndarray]:
    """Return what is known of the images of the pool, or of those that are neither in it nor copies of its images.

    Images that cannot be read are in neither part. The groups are those of images that no split may part.
    """
    units, test = index.units, index.official_test
    keep = pool.copy() if development else ~pool
    if units is not None and not development:
        keep &= ~np.isin(units, units[pool])
    keep[list(index.unusable)] = False
    rows = np.flatnonzero(keep)
    part = replace(
        index,
        labels=index.labels[rows],
        groups=None if units is None else units[rows],
        official_test=None if test is None else test[rows],
        copies=None,
        unusable=(),
    )
    return part, rows


def _test_part(index: Index, folds: int | None, seed: int, purpose: tuple[str, ...]) -> np.ndarray | None:
    """Return which images may be tested, (N,) bool: the official test part, or one fold; None: any."""
    if index.official_test is not None or folds is None:
        return index.official_test
    dealt = _dealt(index, folds, generator("folds", *purpose[1:], seed // folds))
    return np.isin(dealt, seed % folds)


def _dealt(index: Index, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Deal images, groups whole, out to folds of like class counts; returns the fold of each, (N,) int64."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    labels, state = index.labels, int(rng.integers(2**31))
    units = np.arange(len(labels)) if index.groups is None else index.groups
    for label in range(len(index.class_names)):
        if len(np.unique(units[labels == label])) < folds:
            raise _too_few(index, label, f"be dealt out to {folds} folds")
    if index.groups is None:
        parts = StratifiedKFold(folds, shuffle=True, random_state=state).split(labels, labels)
    else:
        parts = StratifiedGroupKFold(folds, shuffle=True, random_state=state).split(labels, labels, index.groups)
    dealt = np.empty(len(labels), dtype=np.int64)
    for fold, (_, rows) in enumerate(parts):
        dealt[rows] = fold
    return dealt


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
            raise _too_few(index, int(rarest), f"have any in the {part} part")


def _too_few(index: Index, label: int, purpose: str) -> UserError:
    whole = "images" if index.groups is None else "groups"
    return UserError(
        f"dataset {index.dataset or '?'}: class {index.class_names[label]!r} has too few {whole} "
        f"({index.counts[label]} images in all) to {purpose}; add some or drop it"
    )
