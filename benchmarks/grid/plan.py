"""The grid: which cells a run consists of, and which the data cannot support."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import datasets
from benchmarks.grid.cells import Cell, DataSpec, Training
from benchmarks.grid.chosen import Chosen, choose
from benchmarks.grid.presets import Comparison, Preset
from benchmarks.grid.rows import source_dataset, with_source_dataset
from benchmarks.grid.sizes import Size, sizes
from benchmarks.records.asked import Skip
from datasets import Level, UserError
from methods.training.settings import BackboneSettings, Budget, HeadName, NetworkSettings

TUNED = " (tuned)"
"""What a tuned cell's label ends with."""
ASKED = set(Cell.model_fields)
"""One set for all cells. Their parts are checked, and shared as they are: a hundred thousand fit into 200 MB."""


Images = dict[tuple[str, int], tuple[int, str | None]]
"""By dataset and side: number of images, and the digest of their pixels."""


@dataclass(frozen=True)
class Grid:
    """What was asked for.

    Attributes:
        data: the datasets of the cells.
        cells: each once, datasets one after another, then levels, seeds, budgets, backbones, methods.
        skipped: points that cannot be had.
        sizes: how many images the cells of each dataset and level have.
        costs: for each method, the one whose time it takes.
        sources: for each dataset, those that its cells transfer from.
        images: how many images each dataset has, and the digest of their pixels where they are decoded already.
        notes: what is known of the users' own datasets, by name; more when they are decoded.
    """

    data: list[DataSpec]
    cells: list[Cell]
    skipped: list[Skip]
    sizes: dict[tuple[str, Level], Size] = field(default_factory=dict)
    costs: dict[str, str] = field(default_factory=dict)
    sources: dict[str, tuple[DataSpec, ...]] = field(default_factory=dict)
    images: Images = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)


def build(preset: Preset, dataset_names: Sequence[str], tune: int = 0, cache: Path | None = None) -> Grid:
    """Plan the grid of a preset over datasets that are available; reads labels, decodes nothing.

    Raises:
        UserError: an unknown method or parameter, or a dataset that is damaged.
    """
    cache = datasets.cache_root() if cache is None else cache
    chosen = choose(preset, cache)
    data: list[DataSpec] = []
    cells: dict[str, Cell] = {}
    skipped: list[Skip] = []
    known: dict[tuple[str, Level], Size] = {}
    images: Images = {}
    sources: dict[str, tuple[DataSpec, ...]] = {}
    notes: dict[str, tuple[str, ...]] = {}
    with datasets.listed_once():
        for name in dataset_names:
            settings = preset.dataset_settings(name)
            dataset = datasets.create(name, **settings.parameters)
            spec = DataSpec(name=name, size=settings.size or dataset.size, settings=settings)
            data.append(spec)
            index = datasets.known_index(dataset, spec.size, cache)
            notes |= {name: index.notes} if ":" in name else {}
            sources[name] = _sources(preset, spec, chosen)
            images |= {(each.name, each.size): _images(each, cache) for each in (spec, *sources[name])}
            for level, size in sizes(spec, index, preset.seeds, levels(preset), cache).items():
                if isinstance(size, str):
                    skipped.append(Skip(dataset=name, level=level, reason=size))
                    continue
                known[name, level] = size
                possible = [each for each in chosen if level.minority != 0 or not each.needs_minority]
                skipped += _without_minority(name, level, chosen, possible)
                for cell in _cells(preset, spec, possible, level, tune):
                    cells.setdefault(cell.id, cell)
    costs = {each.name: each.cost for each in chosen}
    return Grid(data, list(cells.values()), skipped, known, costs, sources, images, notes)


def _sources(preset: Preset, spec: DataSpec, chosen: list[Chosen]) -> tuple[DataSpec, ...]:
    """Return the datasets that some methods transfer from to a dataset."""
    if all(comparison == "equal-footing" for comparison in preset.comparisons):
        return ()
    found = [source_dataset(spec, each.sources) for each in chosen if each.sources]
    return tuple(dict.fromkeys(each for each in found if each is not None))


def _images(spec: DataSpec, cache: Path) -> tuple[int, str | None]:
    """Return how many images a dataset has, and the digest of their pixels where they are decoded already."""
    dataset = datasets.create(spec.name, **spec.settings.parameters)
    number = len(datasets.known_index(dataset, spec.size, cache).labels)
    return number, datasets.known_content(dataset, spec.size, cache)


def levels(preset: Preset) -> list[Level]:
    """Return the levels that a preset asks for.

    Raises:
        UserError: a ratio is below 1.
    """
    values = {"few": preset.minorities, "natural": (0,)}
    return [Level.at(name, value) for name in preset.protocols for value in values.get(name, preset.ratios)]


def _without_minority(dataset: str, level: Level, chosen: list[Chosen], possible: list[Chosen]) -> list[Skip]:
    """Say which methods cannot learn where the minority has no image."""
    labels = tuple(each.label for each in chosen if each not in possible)
    if not labels:
        return []
    needs = "1 method needs" if len(labels) == 1 else f"{len(labels)} methods need"
    shown = ", ".join(labels[:3]) + (", ..." if len(labels) > 3 else "")
    return [Skip(dataset=dataset, level=level, labels=labels, reason=f"{needs} images of both classes ({shown})")]


def _cells(preset: Preset, spec: DataSpec, chosen: list[Chosen], level: Level, tune: int) -> Iterator[Cell]:
    """Yield the cells of one level: default and, where asked for, tuned ones side by side."""
    trials = (0, tune) if tune else (0,)
    points = [
        (comparison, _ways(preset, spec, chosen, budget, backbone, comparison))
        for budget, backbone, comparison in product(preset.budgets, _backbones(preset, spec), preset.comparisons)
    ]
    for seed, (comparison, ways) in product(preset.seeds, points):
        for (method, parameters, network, settings), tuned in product(ways, trials):
            yield Cell.model_construct(
                ASKED,
                dataset=spec.name,
                data=spec,
                level=level,
                seed=seed,
                method=method.name,
                label=method.label + (TUNED if tuned else ""),
                family=method.family,
                parameters=parameters,
                network=network,
                comparison=comparison,
                settings=settings,
                tune=tuned,
            )


def _ways(
    preset: Preset,
    spec: DataSpec,
    chosen: list[Chosen],
    budget: Budget,
    backbone: BackboneSettings,
    comparison: Comparison,
) -> list[tuple[Chosen, dict[str, Any], NetworkSettings, Training]]:
    """Return each method with its parameters, its network and its recipe; methods on one head share the last two."""
    keys = [(_head(preset, each, comparison), each.from_scratch) for each in chosen]
    recipes = {
        (head, scratch): (
            preset.network_for(head),
            _training(preset, budget, preset.scratch if scratch else backbone, head),
        )
        for head, scratch in keys
    }
    return [
        (each, with_source_dataset(each, spec, comparison), *recipes[key])
        for each, key in zip(chosen, keys, strict=True)
    ]


def _training(preset: Preset, budget: Budget, backbone: BackboneSettings, head: HeadName) -> Training:
    optimizer = preset.optimizer_for(head)
    return Training(budget=budget, optimizer=optimizer, augmentation=preset.augmentation, backbone=backbone)


def _backbones(preset: Preset, spec: DataSpec) -> list[BackboneSettings]:
    """Return the backbones as a dataset reads them; a file of weights is known by what it holds."""
    found = list(preset.backbones_for(spec.settings))
    if not any(each.is_file for each in found):
        return found
    from methods.networks import weights

    try:
        return [b.model_copy(update={"digest": weights.digest(b.weights)}) if b.is_file else b for b in found]
    except ValueError as error:
        raise UserError(str(error)) from error


def _head(preset: Preset, method: Chosen, comparison: Comparison) -> HeadName:
    """Return the head that a method insists on, or the comparison's."""
    return method.head or ("multi-scale" if comparison == "equal-footing" else preset.network.head)
