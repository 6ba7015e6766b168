"""DAGM 2007: ten classes of artificial textures with labelled defects, in their official folder layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datasets.base import DatasetUnavailable, data_root
from datasets.decoding import read_image
from datasets.listing import FileDataset, Listing
from datasets.registry import register
from datasets.sources.dagm_layout import Entry, read_part

_PARTS = ("Train", "Test")
_IMAGES_PER_PART = {**dict.fromkeys(range(1, 7), 575), **dict.fromkeys(range(7, 11), 1150)}


@register(*(f"dagm/{number}" for number in range(1, 11)))
class Dagm(FileDataset):
    """One of the ten classes: ok (0) or defect (1).

    Read from `Class<n>/Train` and `Class<n>/Test`; where both are here they are the official split, where one is,
    the suite splits it.
    """

    description = "artificial textures with small labelled defects, ten classes (DAGM 2007)"
    licence = "CC BY 4.0"
    source = "Wieler and Hahn 2007, DAGM symposium, doi 10.5281/zenodo.8086136"
    size = 256

    grey = True

    root: Path | None = None
    """Folder that holds `Class1` ...; None for `dagm` below `data_root()`."""

    @property
    def number(self) -> int:
        """Which of the ten."""
        return int(self.name.rpartition("/")[2])

    @property
    def folder(self) -> Path:
        """Where its `Train` and `Test` are."""
        return (data_root() / "dagm" if self.root is None else self.root) / f"Class{self.number}"

    def listing(self) -> Listing:
        """List the images that are both on disk and in `Labels.txt`; see `FileDataset.listing`."""
        entries, notes = self._entries()
        parts = {entry.part for entry in entries}
        if len(parts) == 1:
            notes.append(f"only the official {parts.pop()} part is here, split by the suite")
            official_test = None
        else:
            official_test = np.array([entry.part == "Test" for entry in entries])
        outlines = [entry.mask for entry in entries if entry.mask is not None and entry.mask.exists()]
        return Listing(
            root=self.folder.parent,
            files=tuple(entry.image for entry in entries),
            labels=np.array([entry.defect for entry in entries], dtype=np.int64),
            class_names=("ok", "defect"),
            official_test=official_test,
            notes=tuple(notes),
            besides=(*outlines, *self.folder.glob("*/Label/Labels.txt")),
            remedy=f"delete it or re-extract {self.folder.name}",
        )

    def steps(self) -> str:
        """Say where the archives come from and go to."""
        return (
            "download DAGM 2007 from https://doi.org/10.5281/zenodo.8086136 and extract it so that "
            f"{self.folder / 'Train'} and {self.folder / 'Test'} exist (set IMBALANCE_DATA to use another root)"
        )

    def masks(self, indices: Sequence[int], size: int) -> np.ndarray:
        """Return the outlined defects; nothing is outlined on an ok image.

        Args:
            indices: of images.
            size: side in pixels.

        Returns:
            (len(indices), size, size) bool.

        Raises:
            UserError: an outline is missing or damaged.
        """
        entries = self._entries()[0]
        masks = np.zeros((len(indices), size, size), dtype=bool)
        for row, position in enumerate(indices):
            mask = entries[position].mask
            if mask is not None:
                masks[row] = self._read(mask, size)[0] > 127
        return masks

    def _read(self, path: Path, size: int) -> np.ndarray:
        what = f"dataset {self.name}: {path.relative_to(self.folder.parent)}"
        return read_image(path, size, grey=True, what=what, remedy=f"delete it or re-extract {self.folder.name}")

    def _entries(self) -> tuple[list[Entry], list[str]]:
        entries: list[Entry] = []
        notes: list[str] = []
        for part in _PARTS:
            if (self.folder / part).is_dir():
                found, listed = read_part(self.folder / part)
                entries += found
                official = max(listed, _IMAGES_PER_PART[self.number])
                if len(found) < official:
                    notes.append(f"{len(found)} of {official} {part} images are here")
        if not entries:
            raise DatasetUnavailable(f"dataset {self.name}: no images below {self.folder}; {self.steps()}")
        return entries, notes
