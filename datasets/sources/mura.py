"""MURA: radiographs of seven parts of the arm, normal or abnormal, in their official layout."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.base import DatasetUnavailable, UserError, data_root
from datasets.listing import FileDataset, Listing
from datasets.registry import register

PARTS = ("elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist")
_TABLES = (("train_image_paths.csv", False), ("valid_image_paths.csv", True))
_PATH = re.compile(
    r"(?:.*/)?(?P<below>(?:train|valid)/XR_(?P<part>\w+)/(?P<patient>patient\d+)/study\d+_(?P<label>\w+)/[^/]+)"
)
_LABELS = {"negative": 0, "positive": 1}


@dataclass(frozen=True)
class Radiograph:
    """One line of an official table."""

    path: Path
    patient: str
    label: int
    valid: bool


@register(*(f"mura/{part}" for part in PARTS))
class Mura(FileDataset):
    """One part of the arm: normal (0) or abnormal (1), by the suffix of the study's folder.

    The official train and valid parts are the split, and a patient's images stay on one side.
    """

    description = "radiographs of the arm, normal / abnormal, seven parts (MURA 1.1)"
    licence = "Stanford University School of Medicine MURA Dataset Research Use Agreement: no sharing"
    source = "Rajpurkar et al. 2018, arXiv 1712.06957"
    size = 128

    grey = True

    @property
    def part(self) -> str:
        """Which part of the arm."""
        return self.name.rpartition("/")[2]

    def listing(self) -> Listing:
        """List the radiographs of the part from the official tables; see `FileDataset.listing`."""
        root = self._root()
        found = self._radiographs(root)
        _, groups = np.unique([radiograph.patient for radiograph in found], return_inverse=True)
        return Listing(
            root=root,
            files=tuple(radiograph.path for radiograph in found),
            labels=np.array([radiograph.label for radiograph in found], dtype=np.int64),
            class_names=("normal", "abnormal"),
            groups=groups.astype(np.int64),
            official_test=np.array([radiograph.valid for radiograph in found]),
            notes=("images of one study are samples of their own",),
            remedy="re-extract MURA-v1.1.zip",
            lost="re-extract MURA-v1.1.zip",
        )

    def steps(self) -> str:
        """Say where the archive comes from and goes to."""
        return (
            "accept the terms at https://aimi.stanford.edu/datasets/mura-msk-xrays, and extract MURA-v1.1.zip into "
            f"{data_root()} (set IMBALANCE_DATA to use another root)"
        )

    def _root(self) -> Path:
        """Return the folder that holds the tables, which archives put at different depths."""
        base = data_root()
        for root in (base / "MURA-v1.1", base / "mura" / "MURA-v1.1", base / "mura"):
            if root.is_dir():
                return root
        raise DatasetUnavailable(f"dataset {self.name}: there is no folder {base / 'MURA-v1.1'}; {self.steps()}")

    def _radiographs(self, root: Path) -> list[Radiograph]:
        found = []
        for table, valid in _TABLES:
            found += [entry for part, entry in self._table(root / table, valid) if part == self.part]
        if not found:
            raise UserError(f"dataset {self.name}: the tables in {root} list no XR_{self.part.upper()} image")
        return found

    def _table(self, table: Path, valid: bool) -> Iterator[tuple[str, Radiograph]]:
        """Yield part and radiograph of each line."""
        try:
            lines = table.read_text(encoding="utf-8-sig").splitlines()
        except FileNotFoundError as error:
            raise DatasetUnavailable(f"dataset {self.name}: {table} is missing; {self.steps()}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"dataset {self.name}: {table} cannot be read ({error}); re-extract it") from error
        for at, line in enumerate(lines, start=1):
            text = line.split(",")[0].strip().strip('"')
            if not text or (at == 1 and "/" not in text):  # a header, which some copies have
                continue
            match = _PATH.fullmatch(text)
            if match is None or match["label"] not in _LABELS:
                raise UserError(f"dataset {self.name}: {table}, line {at}: {text!r} is not a MURA path; re-extract it")
            path = table.parent / match["below"]
            yield match["part"].lower(), Radiograph(path, match["patient"], _LABELS[match["label"]], valid)
