"""The grid: which cells a run consists of, and which the data cannot support."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import datasets
import methods
from benchmarks.grid.cells import Cell, DataSpec, Training, label
from benchmarks.grid.presets import Comparison, Preset
from benchmarks.grid.rows import unsupported, with_source
from benchmarks.records.asked import Skip
from datasets import Level, UserError
from methods.networks import weights
from methods.training.settings import BackboneSettings, NetworkSettings

TUNED = " (tuned)"
"""What a tuned cell's label ends with."""


@dataclass(frozen=True)
class Grid:
    """What was asked for.

    Attributes:
        data: the datasets of the cells.
        cells: each once, datasets one after another, then levels, seeds, budgets, backbones, methods.
        skipped: points that cannot be had.
    """

    data: list[DataSpec]
    cells: list[Cell]
    skipped: list[Skip]


def build(preset: Preset, dataset_names: Sequence[str], tune: int = 0, cache: Path | None = None) -> Grid:
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
        index = datasets.known_index(dataset, spec.size, cache)
        for level in levels(preset):
            reason = unsupported(spec, index, preset.seeds, level)
            if reason:
                skipped.append(Skip(dataset=name, level=level, reason=reason))
                continue
            possible = chosen
            if level.minority == 0:
                possible = {key: method for key, method in chosen.items() if not method.needs_minority}
                skipped += _without_minority(name, level, chosen, possible)
            for seed in preset.seeds:
                for cell in _cells(preset, spec, possible, level, seed, tune):
                    cells.setdefault(cell.id, cell)
    return Grid(data, list(cells.values()), skipped)


def levels(preset: Preset) -> list[Level]:
    """Return the levels that a preset asks for.

    Raises:
        UserError: a ratio is below 1.
    """
    values = {"few": preset.minorities, "natural": (0,)}
    return [Level.at(name, value) for name in preset.protocols for value in values.get(name, preset.ratios)]


def _methods(preset: Preset) -> dict[str, methods.Method]:
    try:
        names = methods.expand(preset.methods)
        parameters = {methods.canonical(name): given for name, given in preset.method.items()}
        for name in set(parameters) - set(names):
            methods.get(name)
        return {name: methods.create(name, **parameters.get(name, {})) for name in names}
    except methods.UnknownMethodError as error:
        raise UserError(str(error)) from error


def _without_minority(
    dataset: str, level: Level, chosen: dict[str, methods.Method], possible: dict[str, methods.Method]
) -> list[Skip]:
    """Say which methods cannot learn where the minority has no image."""
    labels = tuple(label(name, method) for name, method in chosen.items() if name not in possible)
    if not labels:
        return []
    needs = "1 method needs" if len(labels) == 1 else f"{len(labels)} methods need"
    shown = ", ".join(labels[:3]) + (", ..." if len(labels) > 3 else "")
    return [Skip(dataset=dataset, level=level, labels=labels, reason=f"{needs} images of both classes ({shown})")]


def _cells(
    preset: Preset, spec: DataSpec, chosen: dict[str, methods.Method], level: Level, seed: int, tune: int
) -> Iterator[Cell]:
    """Yield the cells of one level and seed: default and, where asked for, tuned ones side by side."""
    trials = (0, tune) if tune else (0,)
    for budget, backbone, comparison in product(preset.budgets, _backbones(preset, spec), preset.comparisons):
        for (name, method), tuned in product(chosen.items(), trials):
            yield Cell(
                dataset=spec.name,
                data=spec,
                level=level,
                seed=seed,
                method=name,
                label=label(name, method) + (TUNED if tuned else ""),
                family=method.family,
                parameters=with_source(method, spec, comparison).model_dump(mode="json"),
                network=_network(preset, method, comparison),
                comparison=comparison,
                settings=Training(
                    budget=budget,
                    optimizer=preset.optimizer,
                    augmentation=preset.augmentation,
                    backbone=preset.scratch if method.from_scratch else backbone,
                ),
                tune=tuned,
            )


def _backbones(preset: Preset, spec: DataSpec) -> list[BackboneSettings]:
    """Return the backbones as a dataset reads them; a file of weights is known by what it holds."""
    found = preset.backbones_for(spec.settings)
    try:
        return [b.model_copy(update={"digest": weights.digest(b.weights)}) if weights.is_file(b) else b for b in found]
    except ValueError as error:
        raise UserError(str(error)) from error


def _network(preset: Preset, method: methods.Method, comparison: Comparison) -> NetworkSettings:
    head = method.required_head() or ("multi-scale" if comparison == "equal-footing" else preset.network.head)
    return preset.network.model_copy(update={"head": head})
