"""Grids of a moment, run in a folder of their own: what the rows of the table have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks import run
from benchmarks.grid import plan as grids
from benchmarks.grid import presets
from benchmarks.grid.cells import Cell
from benchmarks.running import engine
from benchmarks.speed.scale import Scale

METHODS = ("cross-entropy", "oversampling", "weighted-cross-entropy", "focal", "crt", "mixup")
RATIOS, SEEDS = (5, 20), (0, 1)
SMALL = (
    "budget.batch_size=8",
    "backbone.name='small-cnn'",
    "backbone.weights='none'",
    "backbone.frozen=false",
    "backbone.strides=[16]",
    "network.head='average'",
    "dataset.textures={size=32,test_cap=10,majority=20,parameters={number=[60,60]}}",
)
"""Settings of small images and a small network."""
TINY = ('datasets=["textures"]', 'methods=["cross-entropy","focal"]', "ratios=[5]", "budget.steps=2", *SMALL)
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
        images = ["--dataset", "textures" if self.scale.small else "elpv"]
        images += [part for each in (SMALL if self.scale.small else ()) for part in ("--set", each)]
        return [*images, *names, *ratios, *seeds, "--steps", str(self.scale.budget), *more]

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
