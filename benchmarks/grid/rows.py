"""Which images a cell learns from and is tested on, and those of its source task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import datasets
from benchmarks.grid.cells import DataSpec
from benchmarks.grid.presets import DatasetSettings
from datasets import Level, UserError


def split(spec: DataSpec, index: datasets.Index, seed: int) -> datasets.Split:
    """Split a dataset into train pool and class-balanced test set."""
    settings = spec.settings
    return datasets.split(index, seed, test_fraction=settings.test_fraction, test_cap=settings.test_cap)


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


def source_spec(data: DataSpec, parameters: dict[str, Any]) -> DataSpec | None:
    """Return the source dataset of a method that has one, at the target's image size: its first that is not the target.

    Raises:
        UserError: it names the target alone, or there is no such dataset.
    """
    names = parameters.get("source")
    if not isinstance(names, list | tuple) or not names:
        return None
    name = next((name for name in names if name != data.name), None)
    if name is None:
        raise UserError(f"source={data.name!r}: source and target may not be the same dataset; name another source")
    datasets.create(name)
    return DataSpec(name=name, size=data.size, settings=DatasetSettings())


def source_rows(spec: DataSpec, index: datasets.Index, seed: int) -> np.ndarray:
    """Return the rows of a source's balanced task: its train pool, every class cut to the smallest."""
    pool = split(spec, index, seed).train
    smallest = int(np.bincount(index.labels[pool]).min())
    return datasets.subset(index.labels, pool, Level("step", ratio=1), seed, majority=smallest, dataset=spec.name)
