"""How long a grid takes: from cells that were measured, else from timed steps of each kind of cell, else roughly."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import ValidationError

from benchmarks.grid.cells import Cell
from benchmarks.grid.chosen import PLAIN
from benchmarks.grid.sizes import Size
from benchmarks.records.store import Record
from datasets import Level

SCRATCH = ("small-cnn", "resnet32")
TRAININGS_PER_TRIAL = 2.0
"""Of tuning, over all rounds of its race, each on two thirds of the images and with 1.4 times the steps on average."""
SECONDS_PER_STEP = 4e-3
SECONDS_PER_POOLED_STEP = 1e-3
SECONDS_PER_MAP_CELL = 1e-6
SECONDS_PER_PIXEL = {"scratch": 6e-8, "cpu": 1.3e-6, "cuda": 2e-8}
"""Rough times of training on one CPU core, or one GPU, where nothing was measured."""

Kind = tuple[str, ...]
"""What cells that take alike have in common: dataset, method whose time it takes, network and training."""


@dataclass(frozen=True)
class Timed:
    """Seconds of the parts of a kind of cell, of a few steps that were timed; see `benchmarks.running.timing`.

    Attributes:
        step: of a gradient step; 0 where the method takes none.
        image: of a training image.
        tested: of a tested image.
        fixed: of a cell, whatever its images and steps.
        read: of an image trained on or tested, to copy it or its maps out of the cache.
    """

    step: float
    image: float
    tested: float
    fixed: float = 0.0
    read: float = 0.0

    def seconds(self, steps: int, size: Size) -> float:
        """Return the seconds of a cell of so many steps and images."""
        images = max(1, sum(size.counts))
        learning = self.step * steps + self.image * images + self.fixed
        return learning + self.tested * size.tested + self.read * (images + size.tested)


@dataclass
class Timings:
    """What was timed.

    Attributes:
        sizes: images of the cells of each dataset and level.
        costs: for each method, the one whose time it takes.
        kinds: the times of each kind.
    """

    sizes: dict[tuple[str, Level], Size] = field(default_factory=dict)
    costs: dict[str, str] = field(default_factory=dict)
    kinds: dict[Kind, Timed] = field(default_factory=dict)

    def kind(self, cell: Cell) -> Kind:
        """Return what other cells have in common that take alike."""
        cost = self.costs.get(cell.method, cell.method)
        own = "" if cost != cell.method or cost == PLAIN else str(sorted(cell.parameters.items()))
        budget = cell.settings.budget
        return (
            cell.dataset,
            cost,
            own,
            cell.network.text,
            cell.settings.backbone.text,
            str((cell.data.size, budget.batch_size, cell.settings.optimizer.name)),
        )

    def seconds(self, cell: Cell) -> float | None:
        """Return the seconds of a cell; None where its kind was not timed."""
        timed, size = self.kinds.get(self.kind(cell)), self.sizes.get((cell.dataset, cell.level))
        if timed is None or size is None:
            return None
        return timed.seconds(cell.settings.budget.steps, size) * (1 + TRAININGS_PER_TRIAL * cell.tune)


class Estimate:
    """Seconds per cell: as measured of the method on the dataset, else as timed, else of others, else rough.

    A measured cell of other settings, such as a smaller budget, is scaled by what `rough` says of both; and cells of
    kinds that were not timed, by those that were.
    """

    def __init__(self, records: Iterable[Record], device: str = "cpu", timings: Timings | None = None) -> None:
        self._device = device
        self._timings = timings or Timings()
        factors: dict[tuple[str, str], list[float]] = defaultdict(list)
        for record in records:
            if record.cost is None:
                continue
            with suppress(ValidationError):  # of another release, whose cells had other settings
                cell = Cell.model_validate(record.cell)
                for key in _keys(cell):
                    factors[key].append(record.cost.seconds["total"] / self.rough(cell))
        self._factors = {key: statistics.median(values) for key, values in factors.items()}
        self.measured = bool(factors)

    def has_measured(self, cell: Cell) -> bool:
        """Say whether cells of its method on its dataset were measured."""
        return _keys(cell)[0] in self._factors

    def learn(self, cells: Iterable[Cell]) -> None:
        """Let kinds of cells that were timed speak for those that were not."""
        found: dict[tuple[str, str], list[float]] = defaultdict(list)
        for cell in cells:
            timed = self._timings.seconds(cell)
            if timed is not None:
                for key in _keys(cell)[1:]:
                    found[key].append(timed / self.rough(cell))
        self._factors = {key: statistics.median(values) for key, values in found.items()} | self._factors

    def seconds(self, cell: Cell) -> float:
        """Return the expected seconds of one cell on one worker."""
        own, *others = _keys(cell)
        if own not in self._factors and (timed := self._timings.seconds(cell)) is not None:
            return timed
        known = [self._factors[key] for key in (own, *others) if key in self._factors]
        return self.rough(cell) * (known[0] if known else 1.0)

    def rough(self, cell: Cell) -> float:
        """Return a guess of the seconds of one cell, from the size of its task alone."""
        budget, backbone = cell.settings.budget, cell.settings.backbone
        images, pixels = budget.steps * budget.batch_size, cell.data.size**2
        if backbone.frozen and cell.network.head == "pooled":
            return budget.steps * SECONDS_PER_POOLED_STEP * (1 + TRAININGS_PER_TRIAL * cell.tune)
        if backbone.frozen:
            reading = images * pixels / min(sorted(backbone.strides)[-2:]) ** 2 * SECONDS_PER_MAP_CELL
        else:
            tested = 2 * cell.data.settings.test_cap / 3  # a step of training costs three predictions
            kind = "cuda" if self._device.startswith("cuda") else "scratch" if backbone.name in SCRATCH else "cpu"
            reading = (images + tested) * pixels * SECONDS_PER_PIXEL[kind]
        return (budget.steps * SECONDS_PER_STEP + reading) * (1 + TRAININGS_PER_TRIAL * cell.tune)


def _keys(cell: Cell) -> list[tuple[str, str]]:
    return [(cell.dataset, cell.method), ("", cell.method), (cell.dataset, "")]
