"""ELPV: electroluminescence photographs of solar cells, functional or defective, from the package `elpv-dataset`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from datasets.base import DatasetUnavailable, UserError
from datasets.listing import FileDataset, Listing
from datasets.registry import register

_CERTAIN = (0.0, 1.0)


@register("elpv")
class Elpv(FileDataset):
    """Solar cells of 44 modules; real industrial images, a public stand-in for the paper's private industrial set.

    Experts gave each cell a defect probability of 0, 1/3, 2/3 or 1. Label 0 is a probability of exactly 0, label 1 of
    exactly 1; the cells between are left out unless `include_uncertain` puts them on either side of 0.5.
    """

    description = "solar-cell photographs, functional / defective; public stand-in for the paper's private images"
    licence = "CC BY-NC-SA 4.0"
    source = "Deitsch et al. 2019, Solar Energy 185, 455-468, doi 10.1016/j.solener.2019.02.067"
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
            notes=(note, "the source does not say which cells share a module, so a module may be on both sides"),
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
