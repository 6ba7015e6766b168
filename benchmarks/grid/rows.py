"""Which images a cell learns from and is tested on, and those of its source task."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

import datasets
from benchmarks.grid.cells import Cell, DataSpec
from benchmarks.grid.chosen import Chosen
from benchmarks.grid.presets import Comparison, DatasetSettings
from datasets import Level, UserError


def split(spec: DataSpec, index: datasets.Index, seed: int) -> datasets.Split:
    """Split a dataset into train pool and class-balanced test set."""
    settings = spec.settings
    return datasets.split(
        index, seed, test_fraction=settings.test_fraction, test_cap=settings.test_cap, folds=settings.folds
    )


def training_rows(spec: DataSpec, index: datasets.Index, seed: int, level: Level) -> np.ndarray:
    """Return the (N,) int64 rows of the imbalanced training subset.

    Raises:
        UnsupportedRatio: the train pool has too few images of a class.
    """
    pool = split(spec, index, seed).train
    return datasets.subset(index.labels, pool, level, seed, majority=spec.settings.majority, dataset=spec.name)


def unsupported(spec: DataSpec, index: datasets.Index, seeds: Sequence[int], level: Level) -> str | None:
    """Say why the data cannot support a level at one of the seeds, or None."""
    try:
        for seed in seeds:
            training_rows(spec, index, seed, level)
    except datasets.UnsupportedRatio as error:
        return str(error)
    return None


def with_source_dataset(method: Chosen, data: DataSpec, comparison: Comparison) -> dict[str, Any]:
    """Return the parameters of a method with the one source dataset that it transfers from to this target, or none.

    On equal footing nobody has a source task: the transfer is the same for all.

    Raises:
        UserError: it names the target alone, or there is no such dataset.
    """
    if not method.sources:
        return method.parameters
    spec = None if comparison == "equal-footing" else source_dataset(data, method.sources)
    return method.transfers["" if spec is None else spec.name]


def source_dataset(data: DataSpec, names: Sequence[str]) -> DataSpec | None:
    """Return the first of some datasets that can be loaded and is not the target, at the target's image size.

    Raises:
        UserError: they are the target alone, or there is no such dataset.
    """
    others = [name for name in names if name != data.name]
    if names and not others:
        raise UserError(f"source={data.name!r}: source and target may not be the same dataset; name another source")
    usable = (name for name in others if datasets.availability(datasets.create(name)) is None)
    name = next(usable, None)
    return None if name is None else DataSpec(name=name, size=data.size, settings=DatasetSettings())


def source_dataset_of(cell: Cell) -> DataSpec | None:
    """Return the source dataset of a cell whose method has one."""
    return source_dataset(cell.data, _source_datasets(cell.method, json.dumps(cell.parameters)))


@functools.lru_cache(maxsize=1024)
def _source_datasets(method: str, parameters: str) -> tuple[str, ...]:
    import methods

    return methods.create(method, **json.loads(parameters)).source_datasets()


def source_task_rows(spec: DataSpec, index: datasets.Index, seed: int) -> np.ndarray:
    """Return the rows of a source's balanced task: its train pool, every class cut to the smallest."""
    pool = split(spec, index, seed).train
    smallest = int(np.bincount(index.labels[pool]).min())
    return datasets.subset(index.labels, pool, Level("step", ratio=1), seed, majority=smallest, dataset=spec.name)
