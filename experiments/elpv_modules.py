"""Which solar cells of `elpv` are of one module: the evidence, from pixels alone: `python -m experiments.elpv_modules`.

The table of the package lists 2,624 cells of 44 modules, and not which cell is of which. Its order tells: cells of one
kind (mono- or polycrystalline) come in runs, and within them the outer cells of a module show its frame, a dark line
along their outer edge, once a module: along the top of its first row, the left of its first column, the bottom of its
last row. The runs of `datasets.sources.elpv` were found by laying rows of 8 to 12 cells so that these lines come first
and last. This script says how often they do, and how often they would if every module began some cells later.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from tabulate import tabulate

from datasets.sources.elpv import modules

WIDTHS = {60: 10, 54: 9, 50: 10, 72: 12, 48: 8}
"""Cells in a row of a module, by the cells of the module."""
SHIFTS = (0, 1, 2, 5, 10, 20, 30)


def read() -> tuple[np.ndarray, np.ndarray]:
    """Return of every cell the darkness of its top, bottom and left edge, (N, 3), and whether it is monocrystalline."""
    spec = importlib.util.find_spec("elpv_dataset")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / "data"
    rows = [line.split() for line in (folder / "labels.csv").read_text().splitlines() if line.strip()]
    edges = []
    for name, *_ in rows:
        pixels = np.asarray(Image.open(folder / name).convert("L"), dtype=float)
        middle = np.median(pixels) + 1
        edges.append([1 - part.mean() / middle for part in (pixels[:2], pixels[-2:], pixels[:, :2])])
    return np.array(edges), np.array([row[2] == "mono" for row in rows])


def framed(edges: np.ndarray, groups: np.ndarray) -> list[int]:
    """Count the modules whose frame is in its place: top of the first row, bottom of the last, left of column 1."""
    found = np.zeros(3, dtype=int)
    for group in np.unique(groups):
        cells = np.flatnonzero(groups == group)
        grid = edges[cells].reshape(-1, WIDTHS[len(cells)], 3)
        top, bottom = np.median(grid[..., 0], axis=1), np.median(grid[..., 1], axis=1)
        left = np.median(grid[..., 2], axis=0)
        found += [top.argmax() == 0, bottom.argmax() == len(bottom) - 1, left.argmax() == 0]
    return found.tolist()


def main() -> None:
    """Print the evidence."""
    console = Console()
    edges, mono = read()
    groups = modules(len(edges))
    kinds = [set(mono[groups == group].tolist()) for group in np.unique(groups)]
    pure = sum(len(kind) == 1 for kind in kinds)
    console.print(f"{len(kinds)} modules, {pure} of one kind of cell, {sum(kind == {True} for kind in kinds)} mono")
    rows = [[shift, *framed(np.roll(edges, -shift, axis=0), groups)] for shift in SHIFTS]
    head = ["cells later", "darkest top in row 1", "darkest bottom in last row", "darkest left in column 1"]
    console.print(tabulate(rows, head, tablefmt="github"), highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
