"""Against a script that keeps nothing for the next cell: a mini-grid (b), and a cell that is trained end to end (c)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import datasets
from benchmarks.grid import plan as grids
from benchmarks.grid import presets
from benchmarks.grid.cells import Cell
from benchmarks.grid.rows import split, training_rows
from benchmarks.running.prepare import prepare
from benchmarks.speed import script
from benchmarks.speed.bench import METHODS, RATIOS, SEEDS, Bench
from benchmarks.speed.measure import Figure, processor_seconds
from benchmarks.speed.profile import Profile, measured


def against_script(bench: Bench) -> Iterator[Figure]:
    """Measure b: the mini-grid in this process, and the script's decoding, steps and scoring."""
    number, scale = len(METHODS) * len(RATIOS) * len(SEEDS), bench.scale
    once, step, scoring = script_seconds(bench, frozen=True, steps=scale.script_steps)
    by_script = number * (once + step * scale.budget + scoring)
    empty = processor_seconds(lambda: bench.command(*bench.mini("--workers", "0")))
    warm = processor_seconds(lambda: bench.command(*bench.mini("--workers", "0"), results="again"))
    note = f"{number} cells of {scale.budget} steps on one core; the script's steps scaled from {scale.script_steps}"
    yield Figure("b", "mini-grid over the script, from empty caches", (by_script / empty,), wanted=75, note=note)
    yield Figure("b", "mini-grid over the script, warm", (by_script / warm,), wanted=250, note=note)


def end_to_end(bench: Bench) -> Iterator[Figure | Profile]:
    """Measure c, and where a step's time goes; the network of both begins with the backbone, and all of it learns."""
    scale, ratios = bench.scale, []
    material = Material.of(bench)
    bench.command(*_cell_end_to_end(1), results="warm")  # the images are decoded, for both
    for turn in range(max(1, scale.times // 2)):
        once, step, scoring = script_seconds(bench, frozen=False, steps=scale.trained)
        by_script = once + step * scale.budget + scoring
        few, many = (
            processor_seconds(lambda n=n, t=turn: bench.command(*_cell_end_to_end(n), results=f"trained-{n}-{t}"))  # type: ignore[misc]
            for n in (1, 1 + scale.trained)
        )
        ratios.append(by_script / (few + (scale.budget - 1) * (many - few) / scale.trained))
    note = (
        f"a cell of {scale.budget} steps with its plan, loading, scoring and record; both scaled from {scale.trained}"
    )
    yield Figure("c", "a cell trained end to end over the script", tuple(ratios), wanted=1.3, note=note)
    training, _ = material.loaders()
    backbone = material.cell.settings.backbone.model_copy(update={"frozen": False})
    prepared = prepare(material.cell.data, backbone, bench.folder / "cache", "cpu")
    data = prepared.train_set(material.train)
    yield measured(data, training, backbone, material.cell.settings.budget.batch_size)


def _cell_end_to_end(steps: int) -> list[str]:
    one = ["--dataset", "elpv", "--method", "cross-entropy", "--ratio", "20", "--seed", "0", "--workers", "0"]
    return [*one, "--set", "backbone.frozen=false", "--steps", str(steps)]


@dataclass(frozen=True)
class Material:
    """A cell's images, for the script.

    Attributes:
        cell: of plain cross-entropy on elpv.
        files: all images.
        labels: of all images.
        train: rows of the training subset.
        test: rows of the tested images.
    """

    cell: Cell
    files: Sequence[Path]
    labels: list[int]
    train: np.ndarray
    test: np.ndarray

    @classmethod
    def of(cls, bench: Bench) -> Material:
        """List the images, and split them as the suite does."""
        settings = ["methods=['cross-entropy']", f"ratios=[{RATIOS[-1]}]", "seeds=[0]"]
        preset = presets.load("default", settings)
        cell = grids.build(preset, ["elpv"], cache=bench.folder / "cache").cells[0]
        dataset = datasets.create("elpv")
        assert isinstance(dataset, datasets.FileDataset)
        index = dataset.index()
        train = training_rows(cell.data, index, 0, cell.level)
        test = split(cell.data, index, 0).test
        return cls(cell, dataset.listing().files, index.labels.tolist(), train, test)

    def loaders(self) -> tuple[Any, Any]:
        """Return the script's loaders of training and of tested images."""
        batch, side = self.cell.settings.budget.batch_size, self.cell.data.size
        return script.loaders(self.files, self.labels, self.train.tolist(), self.test.tolist(), side, batch)


def script_seconds(bench: Bench, frozen: bool, steps: int) -> tuple[float, float, float]:
    """Return the script's seconds of building its network, of a step and of its scoring, on a cell's images."""
    material = Material.of(bench)
    training, testing = material.loaders()
    made: list[script.Classifier] = []
    strides = material.cell.settings.backbone.strides
    once = processor_seconds(lambda: made.append(script.Classifier(2, strides, frozen)))
    step = processor_seconds(lambda: script.train(made[0], training, steps)) / steps
    return once, step, processor_seconds(lambda: script.score(made[0], testing))
