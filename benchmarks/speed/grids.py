"""Grids: against a script (b, c), workers (d), what a cell costs besides (e), memory (f), growth (g)."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import datasets
from benchmarks import run
from benchmarks.grid import plan as grids
from benchmarks.grid import presets
from benchmarks.grid.cells import Cell
from benchmarks.grid.rows import split, training_rows
from benchmarks.running import cell as cells
from benchmarks.running import engine
from benchmarks.speed import script
from benchmarks.speed.measure import Figure, clock_seconds, exponent, processor_seconds, resident_mb
from benchmarks.speed.scale import Scale

METHODS = ("cross-entropy", "oversampling", "weighted-cross-entropy", "focal", "crt", "mixup")
RATIOS, SEEDS = (5, 20), (0, 1)
TINY = (
    'datasets=["textures"]',
    'methods=["cross-entropy","focal"]',
    "ratios=[5]",
    "budget.steps=2",
    "budget.batch_size=8",
    "backbone.name='small-cnn'",
    "backbone.weights='none'",
    "backbone.frozen=false",
    "backbone.strides=[16]",
    "network.head='average'",
    "dataset.textures={size=32,test_cap=10,majority=20,parameters={number=[60,60]}}",
)
"""Settings of cells that take a moment."""


@dataclass
class Bench:
    """Runs grids in a folder of its own."""

    folder: Path
    scale: Scale

    def command(self, *arguments: str, cache: str = "cache", results: str = "results") -> None:
        """Run the command in this process, without a report.

        Raises:
            RuntimeError: it fails.
        """
        places = ["--cache", str(self.folder / cache), "--results", str(self.folder / results), "--device", "cpu"]
        if code := run.main([*places, "--no-report", *arguments]):
            raise RuntimeError(f"the run ended with code {code}")

    def mini(self, *more: str) -> list[str]:
        """Return the arguments of the mini-grid."""
        names = [part for name in METHODS for part in ("--method", name)]
        ratios = [part for ratio in RATIOS for part in ("--ratio", str(ratio))]
        seeds = [part for seed in SEEDS for part in ("--seed", str(seed))]
        return ["--dataset", "elpv", *names, *ratios, *seeds, "--steps", str(self.scale.budget), *more]

    def tiny(self, *overrides: str) -> list[Cell]:
        """Return some cells that take a moment."""
        preset = presets.load("default", [*TINY, *overrides])
        return grids.build(preset, preset.datasets, cache=self.folder / "cache").cells

    def run_cells(self, todo: list[Cell]) -> None:
        """Run cells in this process, keeping nothing.

        Raises:
            RuntimeError: one fails.
        """
        place = engine.Place(cache=self.folder / "cache", device="cpu")
        for record, _ in engine.run_in_process(todo, place, Silent()):
            if record.failure is not None:
                raise RuntimeError(record.failure.traceback)


class Silent:
    """Hears nothing."""

    def preparing(self, name: str) -> None:
        """Nothing."""

    def progressing(self, what: str, done: int, total: int) -> None:
        """Nothing."""

    def finished(self, record: object) -> None:
        """Nothing."""


def against_script(bench: Bench) -> Iterator[Figure]:
    """Measure b and c: the mini-grid in this process, and the script's decoding, steps and scoring."""
    number, scale = len(METHODS) * len(RATIOS) * len(SEEDS), bench.scale
    once, step, scoring = script_seconds(bench, frozen=True, steps=scale.script_steps)
    by_script = number * (once + step * scale.budget + scoring)
    empty = processor_seconds(lambda: bench.command(*bench.mini("--workers", "0")))
    warm = processor_seconds(lambda: bench.command(*bench.mini("--workers", "0"), results="again"))
    note = f"{number} cells of {scale.budget} steps on one core; the script's steps scaled from {scale.script_steps}"
    yield Figure("b", "mini-grid over the script, from empty caches", (by_script / empty,), wanted=75, note=note)
    yield Figure("b", "mini-grid over the script, warm", (by_script / warm,), wanted=250, note=note)
    _, step, scoring = script_seconds(bench, frozen=False, steps=scale.trained)
    ours = ["--dataset", "elpv", "--method", "cross-entropy", "--ratio", "20", "--seed", "0", "--workers", "0"]
    trained = ["--set", "backbone.frozen=false", "--steps", str(scale.trained)]
    seconds = processor_seconds(lambda: bench.command(*ours, *trained, results="trained"))
    ratio = (step * scale.trained + scoring) / seconds
    note = f"{scale.trained} steps and the scoring of one cell, images decoded already; ours with its plan and record"
    yield Figure("c", "a cell trained end to end over the script", (ratio,), wanted=1.3, note=note)


def script_seconds(bench: Bench, frozen: bool, steps: int) -> tuple[float, float, float]:
    """Return the script's seconds of building its network, of a step and of its scoring, on a cell's images."""
    settings = ["methods=['cross-entropy']", f"ratios=[{RATIOS[-1]}]", "seeds=[0]"]
    preset = presets.load("default", settings)
    cell = grids.build(preset, ["elpv"], cache=bench.folder / "cache").cells[0]
    dataset = datasets.create("elpv")
    assert isinstance(dataset, datasets.FileDataset)
    listing, index = dataset.listing(), dataset.index()
    train = training_rows(cell.data, index, 0, cell.level).tolist()
    test = split(cell.data, index, 0).test.tolist()
    labels, batch = index.labels.tolist(), cell.settings.budget.batch_size
    training, testing = script.loaders(listing.files, labels, train, test, cell.data.size, batch)
    made: list[script.Classifier] = []
    strides = cell.settings.backbone.strides
    once = processor_seconds(lambda: made.append(script.Classifier(2, strides, frozen)))
    step = processor_seconds(lambda: script.train(made[0], training, steps)) / steps
    return once, step, processor_seconds(lambda: script.score(made[0], testing))


def workers(bench: Bench) -> Iterator[Figure]:
    """Measure d, on the clock: start of the workers included in neither."""
    arguments = bench.mini("--workers")
    ratios = []
    for turn in range(bench.scale.times):
        one, two = (
            clock_seconds(lambda n=n, t=turn: bench.command(*arguments, str(n), results=f"workers-{n}-{t}"))  # type: ignore[misc]
            for n in (1, 2)
        )
        ratios.append(one / two)
    note = "on the clock, start of the workers included: other programs disturb it"
    yield Figure("d", "two workers over one", tuple(ratios), wanted=1.85, note=note)


def besides(bench: Bench) -> Iterator[Figure]:
    """Measure e: the processor's time of cells less that of loading, training and scoring."""
    todo = bench.tiny(f"seeds={list(range(max(2, bench.scale.cells // 10)))}")
    bench.run_cells(todo[:2])
    inside = [0.0]
    wrapped = {name: getattr(cells, name) for name in ("fit", "predict")}
    try:
        for name, function in wrapped.items():
            setattr(cells, name, _counted(function, inside))
        total = processor_seconds(lambda: bench.run_cells(todo))
    finally:
        for name, function in wrapped.items():
            setattr(cells, name, function)
    rest = 1000 * (total - inside[0]) / len(todo)
    yield Figure("e", "cost of a cell beyond load, training and scoring", (rest,), "ms", 20, at_most=True)


def _counted(function: Callable[..., object], inside: list[float]) -> Callable[..., object]:
    def counted(*arguments: object) -> object:
        found: list[object] = []
        inside[0] += processor_seconds(lambda: found.append(function(*arguments)))
        return found[0]

    return counted


def memory(bench: Bench) -> Iterator[Figure]:
    """Measure f: resident memory after a tenth of the cells and after all; a large plan in a process of its own."""
    number = bench.scale.cells
    todo = bench.tiny(f"seeds={list(range(number // 2))}")
    bench.run_cells(todo[: max(1, number // 10)])
    before = resident_mb()
    bench.run_cells(todo)
    growth = 100 * (resident_mb() / before - 1)
    yield Figure("f", f"growth of a worker's memory over {number} cells", (growth,), "%", 3, at_most=True)
    seconds, peak, planned = large_plan(bench.folder / "cache", bench.scale.planned)
    yield Figure("f", f"a plan of {planned} cells, processor", (seconds,), "s", 10, at_most=True)
    yield Figure("f", f"a plan of {planned} cells, memory", (peak,), "MB", 500, at_most=True)


def large_plan(cache: Path, number: int) -> tuple[float, float, int]:
    """Plan so many cells in a process of its own; returns seconds, peak megabytes and cells."""
    command = [sys.executable, "-m", "benchmarks.speed.large", str(cache), str(number)]
    subprocess.run(command, capture_output=True, check=True)  # remembers the methods, and the splits of these seeds
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, peak, planned = json.loads(done.stdout)
    return float(seconds), float(peak), int(planned)


def growth(bench: Bench) -> Iterator[Figure]:
    """Measure g: the power of the time in cells, images and classes, doubled three times each."""
    cells_0, images_0, classes_0 = bench.scale.doubled
    numbers = [cells_0 * 2**i for i in range(4)]
    seconds = []
    for number in numbers:
        todo = bench.tiny(f"seeds={list(range(number))}")
        seconds.append(processor_seconds(lambda todo=todo: bench.run_cells(todo)))  # type: ignore[misc]
    yield Figure("g", "exponent of the time in cells", (exponent(numbers, seconds),), "", 1.05, at_most=True)
    sizes = [images_0 * 2**i for i in range(4)]
    seconds = [_decoded(bench.folder, number, 2) for number in sizes]
    yield Figure("g", "exponent of the time in images", (exponent(sizes, seconds),), "", 1.05, at_most=True)
    sizes = [classes_0 * 2**i for i in range(4)]
    seconds = [_decoded(bench.folder, 8 * classes, classes) for classes in sizes]
    yield Figure("g", "exponent of the time in classes", (exponent(sizes, seconds),), "", 1.05, at_most=True)


def _decoded(folder: Path, images: int, classes: int) -> float:
    """Return the seconds of listing, splitting and decoding a folder of images."""
    root = Path(tempfile.mkdtemp(dir=folder))
    rng = np.random.default_rng(0)
    for label in range(classes):
        (root / f"{label:03d}").mkdir(parents=True)
        for row in range(images // classes):
            pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(root / f"{label:03d}" / f"{row:05d}.png")

    def work() -> None:
        dataset = datasets.create(f"folder:{root}")
        datasets.split(datasets.load(dataset, 16, folder / "trees").index, 0)

    return processor_seconds(work)


def again(bench: Bench) -> Iterator[Figure]:
    """Measure e: the mini-grid, all of it finished, run once more in a process of its own."""
    places = ["--cache", str(bench.folder / "cache"), "--results", str(bench.folder / "again"), "--no-report"]
    command = [sys.executable, "-m", "benchmarks.run", *places, "--device", "cpu", *bench.mini()]
    bench.command(*bench.mini("--workers", "0"), results="again")  # done already, where b was measured
    seconds = processor_seconds(lambda: subprocess.run(command, capture_output=True, check=True))
    yield Figure("e", "a finished grid run again, processor", (seconds,), "s", 3, at_most=True, note="the mini-grid")
