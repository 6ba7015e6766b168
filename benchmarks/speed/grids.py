"""Grids: workers (d), what a cell costs besides (e), memory (f), growth (g)."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import datasets
from benchmarks.running import cell as cells
from benchmarks.speed.bench import Bench
from benchmarks.speed.measure import Figure, exponent, processor_seconds, resident_mb

SEEDS_OF_D = 6


def workers(bench: Bench) -> Iterator[Figure]:
    """Measure d, on the clock: cells a second once all workers are warm, from when their records were written."""
    seeds = [part for seed in range(SEEDS_OF_D) for part in ("--seed", str(seed))]
    ratios = []
    for turn in range(max(1, bench.scale.times - 2)):
        rates = []
        for number in (1, 2):
            place = f"workers-{number}-{turn}"
            bench.command(*bench.mini("--workers", str(number), *seeds), results=place)
            times = sorted(path.stat().st_mtime_ns for path in (bench.folder / place / "cells").glob("*.json"))
            warm = len(times) // 6
            rates.append((len(times) - 1 - warm) / (times[-1] - times[warm]))
        ratios.append(rates[1] / rates[0])
    note = f"{len(times)} cells on the clock, start of the workers in neither: other programs disturb it"
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
    subprocess.run(command, capture_output=True, check=True)  # remembers the methods, which this process had loaded
    seconds = processor_seconds(lambda: subprocess.run(command, capture_output=True, check=True))
    yield Figure("e", "a finished grid run again, processor", (seconds,), "s", 3, at_most=True, note="the mini-grid")
