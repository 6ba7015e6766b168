"""Magnetic-tile surfaces: photographs of five kinds of defect and of sound tiles, naturally imbalanced."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from datasets.base import data_root
from datasets.listing import Listing
from datasets.registry import register
from datasets.sources.folder import Folder

_OFFICIAL_COUNTS = {"Free": 952, "Blowhole": 115, "Uneven": 103, "Break": 85, "Crack": 57, "Fray": 32}
_SHOT = re.compile(r"exp(\d+)_num_(\d+)")
BINARY = "magnetic_tile/defects"
_SAME_TILE = 500
"""Shots of one place are numbered less than this far apart."""


@register("magnetic_tile", BINARY)
class MagneticTile(Folder):
    """The class-per-folder tree `magnetic_tile` below `data_root()`, in the authors' layout or flattened.

    Most places were photographed about six times under rising exposure (`exp1_num_20362`, `exp2_num_20390`, ...),
    and such images are all but copies of each other. They form a group, recognised by their numbers, so that no place
    is both trained on and tested. As `magnetic_tile/defects` all kinds of defect are one class; places and the images
    kept for choosing are the same.
    """

    description = "magnetic-tile surfaces, sound and five kinds of defect, naturally imbalanced"
    licence = "no licence stated by its authors; for research"
    source = "Huang et al. 2018, doi 10.1007/s00371-018-1588-5, github.com/abin24/Magnetic-tile-defect-datasets."
    development_share = 0.3
    groups_known = True

    @property
    def root(self) -> Path:
        """The folder below `data_root()`."""
        return data_root() / "magnetic_tile"

    def listing(self) -> Listing:
        """List the photographs, grouped by the place they show; see `FileDataset.listing`."""
        listing = super().listing()
        missing = [
            f"{count} of {_OFFICIAL_COUNTS[name]} {name} images are here"
            for name, count in zip(listing.class_names, np.bincount(listing.labels), strict=True)
            if count < _OFFICIAL_COUNTS.get(name, 0)
        ]
        grouped = "shots of one place under several exposures are kept on one side of the split"
        groups = places(listing.files, listing.labels)
        listing = replace(listing, groups=groups, notes=(*listing.notes, *missing, grouped))
        return _sound_or_defective(listing) if self.name == BINARY else listing

    def steps(self) -> str:
        """Say where the photographs come from and go to."""
        return (
            "git clone https://github.com/abin24/Magnetic-tile-defect-datasets. and copy its MT_* folders into "
            f"{self.root} (set IMBALANCE_DATA to use another root)"
        )

    def is_one(self, file: Path) -> bool:
        """Say whether a file is a photograph; the authors keep their masks beside them, as PNG."""
        return super().is_one(file) and file.suffix.lower() in (".jpg", ".jpeg")

    def class_name(self, folder: Path) -> str:
        """Return the class without the authors' prefix."""
        return folder.name.removeprefix("MT_")


def _sound_or_defective(listing: Listing) -> Listing:
    sound = listing.labels == listing.class_names.index("Free")
    return replace(listing, labels=(~sound).astype(np.int64), class_names=("sound", "defective"))


def places(files: Sequence[Path], labels: np.ndarray) -> np.ndarray:
    """Group shots of the same place: of one class, with rising exposure and numbers close to each other.

    Args:
        files: photographs, named `exp<exposure>_num_<number>`; any other name is a place of its own.
        labels: (N,) their classes.

    Returns:
        (N,) int64, the same number for shots of one place.
    """
    shots = []
    for position, file in enumerate(files):
        match = _SHOT.match(file.stem)
        exposure, number = (int(match[1]), int(match[2])) if match else (0, -_SAME_TILE * position)
        shots.append((int(labels[position]), number, exposure, position))
    groups = np.zeros(len(files), dtype=np.int64)
    group, before = -1, (-1, 0, 0)
    for label, number, exposure, position in sorted(shots):
        same = label == before[0] and number - before[1] < _SAME_TILE and exposure > before[2]
        group += not same
        groups[position] = group
        before = (label, number, exposure)
    return groups
