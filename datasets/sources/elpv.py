"""ELPV: electroluminescence photographs of solar cells, functional or defective, from the package `elpv-dataset`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from datasets.base import DatasetUnavailable, UserError
from datasets.listing import FileDataset, Listing
from datasets.registry import register

_CERTAIN = (0.0, 1.0)
_RUNS = ((60, 20), (54, 1), (60, 8), (50, 1), (60, 6), (72, 1), (60, 3), (48, 1), (60, 3))
"""Cells of a module and how many such modules follow each other, in the order of the files; see `modules`."""


@register("elpv")
class Elpv(FileDataset):
    """Solar cells of 44 modules; real industrial images, a public stand-in for the paper's private industrial set.

    Experts gave each cell a defect probability of 0, 1/3, 2/3 or 1. Label 0 is a probability of exactly 0, label 1 of
    exactly 1; the cells between are left out unless `include_uncertain` puts them on either side of 0.5.
    """

    description = "solar-cell photographs, functional / defective; public stand-in for the paper's private images"
    licence = "CC BY-NC-SA 4.0"
    source = "Deitsch et al. 2019, Solar Energy 185, 455-468, doi 10.1016/j.solener.2019.02.067"
    development_share = 0.3
    size = 160

    grey = True

    include_uncertain: bool = False
    """Use all 2,624 cells."""

    def listing(self) -> Listing:
        """List the cells from the package's table; see `FileDataset.listing`."""
        folder = self._folder()
        names, probabilities = _table(folder)
        keep = np.full(len(names), True) if self.include_uncertain else np.isin(probabilities, _CERTAIN)
        left_out = int((~keep).sum())
        kept = "uncertain solar cells split at 0.5"
        note = f"{left_out} solar cells of uncertain state left out" if left_out else kept
        return Listing(
            root=folder,
            files=tuple(folder / names[row] for row in np.flatnonzero(keep)),
            labels=(probabilities[keep] > 0.5).astype(np.int64),
            class_names=("functional", "defective"),
            groups=modules(len(names))[keep],
            notes=(note, "cells of one module, found by its frame and the order of the files, stay on one side"),
            besides=(folder / "labels.csv",),
            remedy="reinstall it: pip install --force-reinstall elpv-dataset",
            lost="pip install --force-reinstall elpv-dataset",
        )

    def steps(self) -> str:
        """Say how to install the package."""
        return "pip install elpv-dataset (90 MB, images included)"

    def _folder(self) -> Path:
        """Return the package's data folder."""
        spec = importlib.util.find_spec("elpv_dataset")
        if spec is None or not spec.submodule_search_locations:
            raise DatasetUnavailable(f"dataset elpv: the package elpv-dataset is not installed; {self.steps()}")
        return Path(spec.submodule_search_locations[0]) / "data"


def _table(folder: Path) -> tuple[list[str], np.ndarray]:
    """Read the table ourselves: the package's own reader decodes every image to give the labels."""
    try:
        rows = [line.split() for line in (folder / "labels.csv").read_text().splitlines() if line.strip()]
        return [row[0] for row in rows], np.array([float(row[1]) for row in rows])
    except (OSError, ValueError, IndexError) as error:
        raise UserError(
            f"elpv-dataset: labels.csv cannot be read ({error}); pip install --force-reinstall elpv-dataset"
        ) from error


def modules(number: int = 2624) -> np.ndarray:
    """Return the module of each cell, (number,) int64, in the order of the package's table.

    The source does not say it. Files of one module follow each other, row by row: 44 runs, 18 of monocrystalline and 26
    of polycrystalline cells, in rows of 8 to 12. Of the rows of a module the first has the darkest top edge (the frame)
    in 38 of 44, of its columns the first the darkest left edge in 39; one cell later it is 1, two rows later 4 tops.
    `python -m experiments.elpv_modules` shows it.
    """
    starts = np.cumsum([cells for cells, count in _RUNS for _ in range(count)])
    return np.searchsorted(starts, np.arange(number), side="right")
