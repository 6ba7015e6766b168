"""Folds inside a training subset: stratified, repeated, whole groups; and what to do with one or two minority images.

There are as many folds as the smallest class has images (or groups), at most three, and all that twice over. With two
images of a class each is validated on in turn. A class of a single image (or group) always stays with what is learnt
from, and is not validated on; where that leaves less than two classes to validate on, there are no folds, nothing can
be chosen, and the defaults stay.
"""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

FOLDS = 3
REPEATS = 2

Fold = tuple[np.ndarray, np.ndarray]


def folds(labels: np.ndarray, groups: np.ndarray | None, seed: int) -> list[Fold]:
    """Return the rows to learn from and those to validate on, both ascending, fold by fold.

    Args:
        labels: (N,) int64.
        groups: (N,) that never straddle a fold, or None where each image stands alone.
        seed: decides which.
    """
    groups = np.arange(len(labels)) if groups is None else groups
    rows = np.arange(len(labels))
    while True:
        sizes = {label: len(np.unique(groups[rows][labels[rows] == label])) for label in np.unique(labels[rows])}
        single = [label for label, size in sizes.items() if size < 2]
        if not single:
            break
        stay = groups[rows][np.isin(labels[rows], single)]
        rows = rows[~np.isin(groups[rows], stay)]
    if len(sizes) < 2:
        return []
    found: list[Fold] = []
    for repeat in range(REPEATS):
        found += _once(labels, groups, rows, min(FOLDS, *sizes.values()), (seed + repeat) % 2**32)
    return found


def _once(labels: np.ndarray, groups: np.ndarray, rows: np.ndarray, number: int, seed: int) -> list[Fold]:
    grouped = len(np.unique(groups)) < len(groups)
    kind = StratifiedGroupKFold if grouped else StratifiedKFold
    splitter = kind(number, shuffle=True, random_state=seed)
    cuts = splitter.split(rows, labels[rows], groups[rows] if grouped else None)
    every = np.arange(len(labels))
    found = [(np.setdiff1d(every, rows[held]), rows[held]) for _, held in cuts]
    # with whole groups a class may end up on one side alone
    classes = set(labels.tolist())
    return [(fit, held) for fit, held in found if set(labels[fit].tolist()) == classes and len(set(labels[held])) > 1]
