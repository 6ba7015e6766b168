"""How long a grid will take, from the cells that were measured already."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable

from benchmarks.plan import Cell
from benchmarks.store import Record

SECONDS_PER_READ = 1.5e-6
"""Rough time of training on one cell of a feature map on one CPU core, where nothing was measured."""


class Estimate:
    """Seconds per cell: of the same method on the same dataset, else of the method, else of the dataset, else rough."""

    def __init__(self, records: Iterable[Record]) -> None:
        seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
        for record in records:
            if record.cost is not None:
                for key in _keys(record.cell["dataset"], record.cell["method"]):
                    seconds[key].append(record.cost.seconds["total"])
        self._medians = {key: statistics.median(values) for key, values in seconds.items()}

    @property
    def measured(self) -> bool:
        """Whether any cell was measured."""
        return bool(self._medians)

    def seconds(self, cell: Cell) -> float:
        """Return the expected seconds of one cell on one worker."""
        for key in _keys(cell.dataset, cell.method):
            if key in self._medians:
                return self._medians[key]
        budget, stride = cell.settings.budget, max(cell.settings.backbone.strides)
        reads = budget.steps * budget.batch_size * (cell.data.size / stride) ** 2
        return reads * SECONDS_PER_READ * (1 if cell.settings.backbone.frozen else 20)


def _keys(dataset: str, method: str) -> list[tuple[str, str]]:
    return [(dataset, method), ("", method), (dataset, "")]
