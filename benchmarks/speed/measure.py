"""What a measurement is: some values of one figure, with what is wanted of it."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One figure of the table.

    Attributes:
        letter: of the table's row.
        name: what was measured.
        values: each time it was measured.
        unit: "x" for a ratio.
        wanted: what it should reach, or None where it is only stated.
        at_most: whether it should stay below.
        note: how it was measured, where that is not plain.
    """

    letter: str
    name: str
    values: tuple[float, ...]
    unit: str = "x"
    wanted: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def median(self) -> float:
        """The value that is reported."""
        return statistics.median(self.values)

    @property
    def reached(self) -> bool | None:
        """Whether it is as it should be."""
        if self.wanted is None:
            return None
        return self.median <= self.wanted if self.at_most else self.median >= self.wanted


def markdown(figures: Sequence[Figure], failures: Mapping[str, str] | None = None) -> str:
    """Return the figures as a table; `failures` say by letter why some are not there."""
    rows = ["| | figure | median | spread | wanted | reached | note |", "| --- | --- | ---: | --- | --- | --- | --- |"]
    for each in figures:
        sign = "at most" if each.at_most else "at least"
        wanted = "" if each.wanted is None else f"{sign} {each.wanted:g}"
        spread = f"{min(each.values):.3g} to {max(each.values):.3g}" if len(each.values) > 1 else ""
        reached = {True: "yes", False: "no", None: ""}[each.reached]
        number = f"{each.median:.3g} {each.unit}"
        rows.append(f"| {each.letter} | {each.name} | {number} | {spread} | {wanted} | {reached} | {each.note} |")
    rows += [f"| {letters} | not measured: {reason} |  |  |  |  |  |" for letters, reason in (failures or {}).items()]
    return "\n".join(rows) + "\n"


def as_json(figures: Sequence[Figure], **more: Any) -> str:
    """Return the figures, and what else is known: what they were measured on, what failed, a profile."""
    return json.dumps({**more, "figures": [asdict(each) for each in figures]}, indent=1)


def processor_seconds(work: Callable[[], Any]) -> float:
    """Return the seconds of the processor that a call takes, its child processes included once they have ended."""
    before, begun = os.times(), time.process_time()  # the former counts in hundredths
    work()
    after, ended = os.times(), time.process_time()
    children = sum(after[2:4]) - sum(before[2:4])
    return ended - begun + children


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Return p of the power law seconds = a size^p, by least squares of the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def resident_mb() -> float:
    """Return this process's resident memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
