"""How long a grid will take, from the cells that were measured already."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

from pydantic import ValidationError

from benchmarks.grid.cells import Cell
from benchmarks.records.store import Record

SCRATCH = {"small-cnn", "resnet32"}

TRAININGS_PER_TRIAL = 2.0
"""Of tuning, over all rounds of its race, each on two thirds of the images and with 1.4 times the steps on average."""
SECONDS_PER_STEP = 4e-3
SECONDS_PER_POOLED_STEP = 1e-3
SECONDS_PER_MAP_CELL = 1e-6
SECONDS_PER_PIXEL = {"scratch": 6e-8, "cpu": 1.3e-6, "cuda": 2e-8}
"""Rough times of training on one CPU core, or one GPU, where nothing was measured."""


class Estimate:
    """Seconds per cell: of the same method on the same dataset, else of the method, else of the dataset, else rough.

    A measured cell of other settings, such as a smaller budget, is scaled by what `rough` says of both.
    """

    def __init__(self, records: Iterable[Record], device: str = "cpu") -> None:
        self._device = device
        factors: dict[tuple[str, str], list[float]] = defaultdict(list)
        for record in records:
            if record.cost is None:
                continue
            with suppress(ValidationError):  # of another release, whose cells had other settings
                cell = Cell.model_validate(record.cell)
                for key in _keys(cell):
                    factors[key].append(record.cost.seconds["total"] / self.rough(cell))
        self._factors = {key: statistics.median(values) for key, values in factors.items()}

    @property
    def measured(self) -> bool:
        """Whether any cell was measured."""
        return bool(self._factors)

    def seconds(self, cell: Cell) -> float:
        """Return the expected seconds of one cell on one worker."""
        known = [self._factors[key] for key in _keys(cell) if key in self._factors]
        return self.rough(cell) * (known[0] if known else 1.0)

    def rough(self, cell: Cell) -> float:
        """Return a guess of the seconds of one cell, from the size of its task alone."""
        budget, backbone = cell.settings.budget, cell.settings.backbone
        images, pixels = budget.steps * budget.batch_size, cell.data.size**2
        if backbone.frozen and cell.network.head == "pooled":
            return budget.steps * SECONDS_PER_POOLED_STEP * (1 + TRAININGS_PER_TRIAL * cell.tune)
        if backbone.frozen:
            reading = images * pixels / min(backbone.strides) ** 2 * SECONDS_PER_MAP_CELL
        else:
            tested = 2 * cell.data.settings.test_cap / 3  # a step of training costs three predictions
            kind = "cuda" if self._device.startswith("cuda") else "scratch" if backbone.name in SCRATCH else "cpu"
            reading = (images + tested) * pixels * SECONDS_PER_PIXEL[kind]
        return (budget.steps * SECONDS_PER_STEP + reading) * (1 + TRAININGS_PER_TRIAL * cell.tune)


def _keys(cell: Cell) -> list[tuple[str, str]]:
    return [(cell.dataset, cell.method), ("", cell.method), (cell.dataset, "")]
