"""The grid: which cells a run consists of, which the data cannot support, and what they are called."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import datasets
import methods
from benchmarks.grid.presets import Comparison, DatasetSettings, Preset, Protocol
from datasets import UserError
from methods.training.settings import Augmentation, BackboneSettings, Budget, NetworkSettings, Optimizer, Settings


class DataSpec(Settings):
    """A dataset as a run uses it."""

    name: str
    size: int
    settings: DatasetSettings


class Training(Settings):
    """What is the same for all methods of one comparison."""

    budget: Budget
    optimizer: Optimizer
    augmentation: Augmentation
    backbone: BackboneSettings


class Cell(Settings):
    """One point of the grid; `ratio` is None under the protocols few and natural, `minority` under all but few."""

    dataset: str
    data: DataSpec
    protocol: Protocol
    ratio: float | None
    minority: int | None
    seed: int
    method: str
    label: str
    family: str
    parameters: dict[str, Any]
    network: NetworkSettings
    comparison: Comparison
    settings: Training
    tune: int = 0

    @property
    def identity(self) -> str:
        """What the draw of data, initial weights and batches derives from: all but method and settings."""
        return f"{self.dataset}/{self.protocol}/{self.ratio}/{self.minority}/{self.seed}"

    @property
    def id(self) -> str:
        """Name of the cell's files: readable, and unique by a hash of everything that decides the outcome."""
        specification = self.model_dump(mode="json", exclude={"label", "family", "comparison"})
        text = json.dumps(specification, sort_keys=True)
        digest = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
        size = f"ir{self.ratio:g}" if self.ratio is not None else f"n{self.minority}" if self.minority else "all"
        name = f"{self.dataset[-40:]}_{self.protocol}_{size}_s{self.seed}_{self.method}_{digest}"
        return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")


@dataclass(frozen=True)
class Skip:
    """A point that the data cannot support, and why."""

    dataset: str
    protocol: str
    ratio: float | None
    minority: int | None
    reason: str


@dataclass(frozen=True)
class Grid:
    """What was asked for.

    Attributes:
        data: the datasets of the cells.
        cells: each once, datasets one after another, then seeds, ratios, methods.
        skipped: points that the data cannot support.
    """

    data: list[DataSpec]
    cells: list[Cell]
    skipped: list[Skip]


def build(preset: Preset, dataset_names: Sequence[str], tune: int = 0) -> Grid:
    """Plan the grid of a preset over datasets that are available; reads labels, decodes nothing.

    Raises:
        UserError: an unknown method or parameter, or a dataset that is damaged.
    """
    chosen = _methods(preset)
    data: list[DataSpec] = []
    cells: dict[str, Cell] = {}
    skipped: list[Skip] = []
    for name in dataset_names:
        settings = preset.dataset_settings(name)
        dataset = datasets.create(name, **settings.parameters)
        spec = DataSpec(name=name, size=settings.size or dataset.size, settings=settings)
        data.append(spec)
        index = dataset.index()
        for protocol, ratio, minority in _points(preset):
            reason = unsupported(spec, index, preset.seeds, protocol, ratio, minority)
            if reason:
                skipped.append(Skip(name, protocol, ratio, minority, reason))
                continue
            for seed in preset.seeds:
                for cell in _cells(preset, spec, chosen, protocol, ratio, minority, seed, tune):
                    cells.setdefault(cell.id, cell)
    return Grid(data, list(cells.values()), skipped)


def _methods(preset: Preset) -> dict[str, methods.Method]:
    try:
        names = methods.expand(preset.methods)
        unused = set(preset.method) - set(names)
        for name in unused:
            methods.get(name)
        return {name: methods.create(name, **preset.method.get(name, {})) for name in names}
    except methods.UnknownMethodError as error:
        raise UserError(str(error)) from error


def _points(preset: Preset) -> list[tuple[Protocol, float | None, int | None]]:
    points: list[tuple[Protocol, float | None, int | None]] = []
    for protocol in preset.protocols:
        if protocol == "few":
            points += [(protocol, None, minority) for minority in preset.minorities]
        elif protocol == "natural":
            points.append((protocol, None, None))
        else:
            points += [(protocol, ratio, None) for ratio in preset.ratios]
    return points


def unsupported(
    spec: DataSpec,
    index: datasets.Index,
    seeds: Sequence[int],
    protocol: Protocol,
    ratio: float | None,
    minority: int | None,
) -> str | None:
    """Say why the data cannot support a point at one of the seeds, or None."""
    try:
        for seed in seeds:
            training_rows(spec, index, seed, protocol, ratio, minority)
    except datasets.UnsupportedRatio as error:
        return str(error)
    return None


def split(spec: DataSpec, index: datasets.Index, seed: int) -> datasets.Split:
    """Split a dataset into train pool and class-balanced test set."""
    settings = spec.settings
    return datasets.split(index, seed, test_fraction=settings.test_fraction, test_cap=settings.test_cap)


def training_rows(
    spec: DataSpec, index: datasets.Index, seed: int, protocol: Protocol, ratio: float | None, minority: int | None
) -> np.ndarray:
    """Return the (N,) int64 rows of the imbalanced training subset.

    Raises:
        UnsupportedRatio: the train pool has too few images of a class.
    """
    pool = split(spec, index, seed).train
    return datasets.subset(
        index.labels,
        pool,
        protocol,
        seed,
        ratio=ratio,
        majority=spec.settings.majority,
        minority=minority,
        dataset=spec.name,
    )


def _cells(
    preset: Preset,
    spec: DataSpec,
    chosen: dict[str, methods.Method],
    protocol: Protocol,
    ratio: float | None,
    minority: int | None,
    seed: int,
    tune: int,
) -> list[Cell]:
    cells = []
    for comparison in preset.comparisons:
        for name, method in chosen.items():
            parameters = method.model_dump(mode="json")
            if source_spec(spec, parameters) and comparison == "equal-footing":
                parameters["source"] = []  # the same transfer for all
            cells.append(
                Cell(
                    dataset=spec.name,
                    data=spec,
                    protocol=protocol,
                    ratio=ratio,
                    minority=minority,
                    seed=seed,
                    method=name,
                    label=label(name, method),
                    family=method.family,
                    parameters=parameters,
                    network=_network(preset, method, comparison),
                    comparison=comparison,
                    settings=Training(
                        budget=preset.budget,
                        optimizer=preset.optimizer,
                        augmentation=preset.augmentation,
                        backbone=preset.scratch if method.from_scratch else preset.backbone_for(spec.settings),
                    ),
                    tune=tune,
                )
            )
    return cells


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
    return datasets.subset(index.labels, pool, "step", seed, ratio=1, majority=smallest, dataset=spec.name)


def _network(preset: Preset, method: methods.Method, comparison: Comparison) -> NetworkSettings:
    own = getattr(method, "head", None)
    head = own or ("multi-scale" if comparison == "equal-footing" else preset.network.head)
    return preset.network.model_copy(update={"head": head})


def label(name: str, method: methods.Method) -> str:
    """Return the display name: the method's, and the parameters that are not the default."""
    changed = method.model_dump(exclude_defaults=True)
    shown = {k: " or ".join(map(str, v)) or "none" if isinstance(v, tuple) else v for k, v in changed.items()}
    return f"{name} ({', '.join(f'{k}={v}' for k, v in shown.items())})" if shown else name
