"""ELPV: electroluminescence photographs of solar cells, functional or defective, from the package `elpv-dataset`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import Dataset, DatasetUnavailable, Index, UserError
from datasets.decoding import read_image
from datasets.registry import register

_CERTAIN = (0.0, 1.0)


@register("elpv")
class Elpv(Dataset):
    """Solar cells of 44 modules; real industrial images, a public stand-in for the paper's private industrial set.

    Experts gave each cell a defect probability of 0, 1/3, 2/3 or 1. Label 0 is a probability of exactly 0, label 1 of
    exactly 1; the cells between are left out unless `include_uncertain` puts them on either side of 0.5.

    Args:
        name: `elpv`.
        include_uncertain: use all 2,624 cells.
    """

    description = "solar-cell photographs, functional / defective; public stand-in for the paper's private images"
    licence = "CC BY-NC-SA 4.0"
    source = "Deitsch et al. 2019, Solar Energy 185, 455-468, doi 10.1016/j.solener.2019.02.067"
    size = 160

    def __init__(self, name: str = "elpv", *, include_uncertain: bool = False) -> None:
        self.name = name
        self.include_uncertain = include_uncertain

    def parameters(self) -> dict[str, Any]:
        """Return whether uncertain cells are in."""
        return {"include_uncertain": self.include_uncertain}

    def index(self) -> Index:
        """List the cells from the package's table; see `Dataset.index`."""
        folder, _, probabilities = self._table()
        left_out = 0 if self.include_uncertain else int((~np.isin(_all(folder)[1], _CERTAIN)).sum())
        kept = "uncertain solar cells split at 0.5"
        note = f"{left_out} solar cells of uncertain state left out" if left_out else kept
        return Index(
            labels=(probabilities > 0.5).astype(np.int64),
            class_names=("functional", "defective"),
            fingerprint=f"elpv-dataset {version('elpv-dataset')}",
            notes=(note, "the source does not say which cells share a module, so a module may be on both sides"),
            dataset=self.name,
        )

    def decode(self, size: int) -> Iterator[np.ndarray]:
        """Yield the cells in grey; see `Dataset.decode`."""
        folder, names, _ = self._table()
        remedy = "reinstall it: pip install --force-reinstall elpv-dataset"
        for name in names:
            yield read_image(folder / name, size, grey=True, what=f"elpv-dataset: {name}", remedy=remedy)

    def steps(self) -> str:
        """Say how to install the package."""
        return "pip install elpv-dataset (90 MB, images included)"

    def _table(self) -> tuple[Path, list[str], np.ndarray]:
        """Return the package's data folder, and file and defect probability of the cells that are in."""
        spec = importlib.util.find_spec("elpv_dataset")
        if spec is None or not spec.submodule_search_locations:
            raise DatasetUnavailable(f"dataset elpv: the package elpv-dataset is not installed; {self.steps()}")
        folder = Path(spec.submodule_search_locations[0]) / "data"
        names, probabilities = _all(folder)
        keep = np.full(len(names), True) if self.include_uncertain else np.isin(probabilities, _CERTAIN)
        return folder, [name for name, kept in zip(names, keep, strict=True) if kept], probabilities[keep]


def _all(folder: Path) -> tuple[list[str], np.ndarray]:
    """Read the table ourselves: the package's own reader decodes every image to give the labels."""
    try:
        rows = [line.split() for line in (folder / "labels.csv").read_text().splitlines() if line.strip()]
        return [row[0] for row in rows], np.array([float(row[1]) for row in rows])
    except (OSError, ValueError, IndexError) as error:
        raise UserError(
            f"elpv-dataset: labels.csv cannot be read ({error}); pip install --force-reinstall elpv-dataset"
        ) from error
