"""How many images the cells of a level have, or why the data cannot support it; kept, for folds take long to deal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import datasets
from benchmarks.grid.cells import DataSpec
from benchmarks.grid.remembered import files_digest, remembered
from benchmarks.grid.rows import split, training_rows, unsupported
from datasets import Level
from methods.training.settings import Settings


class Size(Settings):
    """Images of a cell, of the first seed.

    Attributes:
        counts: of the training subset, by class.
        tested: in all.
        together: images of a group that are trained on, on average; 0 where there are no groups.
    """

    counts: tuple[int, ...]
    tested: int
    together: float = 0.0


def sizes(
    spec: DataSpec, index: datasets.Index, seeds: Sequence[int], levels: Sequence[Level], cache: Path
) -> dict[Level, Size | str]:
    """Return the size of each level's cells, or why the data cannot support it at one of the seeds."""
    asked = [[level.protocol, level.value] for level in levels]
    key = [files_digest(("datasets", "benchmarks/grid")), spec.text, _index_key(index), list(seeds), asked]
    made = remembered(cache, "sizes", key, lambda: [_measured(spec, index, seeds, level) for level in levels])
    found = [each if isinstance(each, str) else Size.model_validate(each) for each in made]
    return dict(zip(levels, found, strict=True))


def _measured(spec: DataSpec, index: datasets.Index, seeds: Sequence[int], level: Level) -> Any:
    reason = unsupported(spec, index, seeds, level)
    if reason:
        return reason
    rows = training_rows(spec, index, seeds[0], level)
    counts = np.bincount(index.labels[rows], minlength=len(index.class_names))
    together = 0.0 if index.units is None else len(rows) / len(np.unique(index.units[rows]))
    return {
        "counts": counts.tolist(),
        "tested": len(split(spec, index, seeds[0]).test),
        "together": round(together, 2),
    }


def _index_key(index: datasets.Index) -> list[Any]:
    """Return what a split depends on."""
    arrays = (index.labels, index.groups, index.official_test, index.copies)
    digests = [None if each is None else datasets.index_hash(each.astype(np.int64)) for each in arrays]
    return [index.dataset, index.development_share, *digests, list(index.unusable)]
