"""Development pools: images of a dataset that serve for choosing, and are never tested."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from datasets.base import Index


def development_rows(index: Index) -> np.ndarray:
    """Say which images serve for choosing: never trained on or tested in a benchmark run.

    Units (groups, or single images) are taken in the order of a hash of dataset and unit until they hold the dataset's
    `development_share` of the images; neither seed nor label takes part. Variants of a dataset, named after a stroke
    (`magnetic_tile/defects`), share its pool.

    Returns:
        (N,) bool.
    """
    number = len(index.labels)
    units = np.arange(number) if index.groups is None else index.groups
    if not index.development_share:
        return np.zeros(number, dtype=bool)
    names, of_row, sizes = np.unique(units, return_inverse=True, return_counts=True)
    dataset = index.dataset.partition("/")[0]
    order = sorted(range(len(names)), key=lambda at: _digest(f"development pool/{dataset}/{names[at]}"))
    before = np.cumsum(sizes[order]) - sizes[order]
    chosen = np.asarray(order)[before < index.development_share * number]
    return np.isin(of_row, chosen)


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()
