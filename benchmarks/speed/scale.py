"""How much is measured: all of it, or a short form that shows that everything runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Sizes of what is measured.

    Attributes:
        times: how often each ratio of steps is measured.
        steps: of a loop.
        passes: forward and backward, for the arithmetic.
        budget: gradient steps of a cell of the mini-grid.
        script_steps: that the script takes; its cell is these, scaled to the budget, and one scoring.
        trained: steps end to end.
        cells: for a worker's memory.
        planned: cells of the large plan.
        doubled: the smallest of four sizes, each twice the one before: cells, images, classes.
        small: whether the mini-grid is of small drawn images and a small network.
    """

    times: int = 5
    steps: int = 100
    passes: int = 6
    budget: int = 600
    script_steps: int = 6
    trained: int = 5
    cells: int = 400
    planned: int = 100_000
    doubled: tuple[int, int, int] = (16, 1000, 4)
    small: bool = False


SHORT = Scale(
    times=1,
    steps=2,
    passes=1,
    budget=2,
    script_steps=1,
    trained=1,
    cells=4,
    planned=200,
    doubled=(1, 8, 2),
    small=True,
)
