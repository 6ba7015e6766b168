"""Records as places: one table of methods x seeds per dataset, protocol and level, in points."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from benchmarks.report.data.names import AS_IN_PAPER, METRICS

POINTS = 100.0
"""Points in one unit of a stored metric."""


@dataclass(frozen=True)
class Place:
    """What was measured at one level of one dataset.

    Attributes:
        dataset: its name.
        protocol: how the training subset was made imbalanced.
        level: place on the protocol's axis.
        counts: training images of each class.
        values: methods x seeds in points, more is better; NaN where a run is missing.
    """

    dataset: str
    protocol: str
    level: float
    counts: tuple[int, ...]
    values: pd.DataFrame

    @property
    def balanced(self) -> bool:
        """Whether the training subset is balanced, so that there is no imbalance to handle."""
        return max(self.counts) < 1.5 * self.fewest

    @property
    def fewest(self) -> float:
        """Training images of the smallest class, which order places over all protocols; none at all count as half."""
        return max(min(self.counts), 0.5)

    @property
    def two_classes(self) -> bool:
        """Whether there are two classes: what one-class methods are made for."""
        return len(self.counts) == 2

    @cached_property
    def measured(self) -> pd.Index:
        """The methods that have a run."""
        return self.values.dropna(how="all").index

    @property
    def complete(self) -> pd.Index:
        """The methods that have a run with every seed."""
        return self.values.dropna().index

    def at(self, seeds: Sequence[int]) -> Place:
        """Keep some seeds only."""
        kept = [seed for seed in seeds if seed in self.values.columns]
        return Place(self.dataset, self.protocol, self.level, self.counts, self.values[kept])


def decided_by(metric: str) -> str:
    """Name the column that decides: balanced accuracy for accuracy, which it equals on a balanced test set."""
    return "balanced_accuracy" if metric == "accuracy" else metric


def places(frame: pd.DataFrame, metric: str) -> list[Place]:
    """Lay out the finished records, as in the paper (see `benchmarks.report.COLUMNS`), by dataset, protocol, level."""
    column = decided_by(metric)
    done = frame[frame["status"].eq("done") & frame["comparison"].eq(AS_IN_PAPER) & frame[column].notna()]
    result = []
    for (dataset, protocol, level), part in done.groupby(["dataset", "protocol", "level"], sort=True):
        table = part.pivot_table(index="label", columns="seed", values=column, aggfunc="first")
        values = POINTS * METRICS[column].sign * table
        result.append(Place(str(dataset), str(protocol), float(str(level)), _counts(part), values))
    return result


def _counts(part: pd.DataFrame) -> tuple[int, ...]:
    counts = part["counts"].iloc[0]
    return tuple(json.loads(counts) if isinstance(counts, str) else counts)
