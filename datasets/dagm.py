"""DAGM 2007: ten classes of artificial textures with labelled defects, in their official folder layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from datasets.base import Dataset, DatasetUnavailable, Index, UserError, data_root
from datasets.decoding import read_image
from datasets.files import fingerprint
from datasets.registry import register

_PARTS = ("Train", "Test")
_IMAGES_PER_PART = {**dict.fromkeys(range(1, 7), 575), **dict.fromkeys(range(7, 11), 1150)}


@dataclass(frozen=True)
class Entry:
    """One line of a `Labels.txt`: an image, whether it shows a defect, and the file that outlines it."""

    image: Path
    defect: bool
    mask: Path | None
    part: str


@register(*(f"dagm/{number}" for number in range(1, 11)))
class Dagm(Dataset):
    """One of the ten classes: ok (0) or defect (1).

    Read from `Class<n>/Train` and `Class<n>/Test`; where both are here they are the official split, where one is,
    the suite splits it.

    Args:
        name: `dagm/1` to `dagm/10`.
        root: folder that holds `Class1` ...; None for `dagm` below `data_root()`.
    """

    description = "artificial textures with small labelled defects, ten classes (DAGM 2007)"
    licence = "CC BY 4.0"
    source = "Wieler and Hahn 2007, DAGM symposium, doi 10.5281/zenodo.8086136"
    size = 256

    def __init__(self, name: str, *, root: Path | None = None) -> None:
        self.name = name
        self.number = int(name.rpartition("/")[2])
        self.root = (data_root() / "dagm" if root is None else Path(root)) / f"Class{self.number}"

    def index(self) -> Index:
        """List the images that are both on disk and in `Labels.txt`; see `Dataset.index`."""
        entries, notes = self._entries()
        parts = {entry.part for entry in entries}
        if len(parts) == 1:
            notes.append(f"only the official {parts.pop()} part is here, split by the suite")
            official_test = None
        else:
            official_test = np.array([entry.part == "Test" for entry in entries])
        files = [entry.image for entry in entries] + [entry.mask for entry in entries if entry.mask]
        return Index(
            labels=np.array([entry.defect for entry in entries], dtype=np.int64),
            class_names=("ok", "defect"),
            fingerprint=fingerprint(self.root, [*files, *self.root.glob("*/Label/Labels.txt")]),
            official_test=official_test,
            notes=tuple(notes),
            dataset=self.name,
        )

    def decode(self, size: int) -> Iterator[np.ndarray]:
        """Yield the images in grey; see `Dataset.decode`."""
        for entry in self._entries()[0]:
            yield self._read(entry.image, size)

    def steps(self) -> str:
        """Say where the archives come from and go to."""
        return (
            "download DAGM 2007 from https://doi.org/10.5281/zenodo.8086136 and extract it so that "
            f"{self.root / 'Train'} and {self.root / 'Test'} exist (set IMBALANCE_DATA to use another root)"
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
        shown = path.relative_to(self.root.parent)
        remedy = f"delete it or re-extract {self.root.name}"
        return read_image(path, size, grey=True, what=f"datasets/dagm: {shown}", remedy=remedy)

    def _entries(self) -> tuple[list[Entry], list[str]]:
        entries: list[Entry] = []
        notes: list[str] = []
        for part in _PARTS:
            if (self.root / part).is_dir():
                found, listed = _part(self.root / part)
                entries += found
                official = max(listed, _IMAGES_PER_PART[self.number])
                if len(found) < official:
                    notes.append(f"{len(found)} of {official} {part} images are here")
        if not entries:
            raise DatasetUnavailable(f"dataset {self.name}: no images below {self.root}; {self.steps()}")
        return entries, notes


def write_labels(folder: Path, rows: Sequence[tuple[str, bool]]) -> None:
    """Write the official `Label/Labels.txt` of a part: CRLF, a first line `1`, then TAB-separated fields.

    Args:
        folder: the part, such as `Class1/Train`.
        rows: the number of each image, as in its file name, and whether it shows a defect.
    """
    lines = ["1"]
    for number, defect in rows:
        mask = f"{number}_label.PNG" if defect else "0"
        lines.append("\t".join([number, str(int(defect)), f"{number}.PNG", "0", mask]))
    (folder / "Label").mkdir(parents=True, exist_ok=True)
    (folder / "Label" / "Labels.txt").write_bytes(("\r\n".join(lines) + "\r\n").encode())


def write_example(folder: Path, number: str, image: np.ndarray, mask: np.ndarray) -> None:
    """Write one (H, W) uint8 image, and its (H, W) bool mask if that is not empty, as the official files."""
    (folder / "Label").mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(folder / f"{number}.PNG")
    if mask.any():
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "Label" / f"{number}_label.PNG")


def _part(folder: Path) -> tuple[list[Entry], int]:
    """Return the listed images of a part that are on disk, and how many are listed."""
    table = folder / "Label" / "Labels.txt"
    shown = f"{folder.parent.name}/{folder.name}/Label/Labels.txt"
    try:
        lines = table.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"datasets/dagm: {shown} cannot be read ({error}); re-extract {folder.parent.name}") from error
    images, masks = _by_lower_name(folder), _by_lower_name(folder / "Label")
    rows = [_fields(line, f"{shown}, line {at}") for at, line in enumerate(lines[1:], start=2) if line.strip()]
    entries = [
        Entry(images[image.lower()], defect, masks.get(mask.lower(), folder / "Label" / mask) if defect else None,
              folder.name)
        for image, defect, mask in rows
        if image.lower() in images
    ]  # fmt: skip
    return entries, len(rows)


def _fields(line: str, where: str) -> tuple[str, bool, str]:
    """Split one line into image file, defect and mask file."""
    fields = line.split("\t")
    if len(fields) < 5 or fields[1] not in ("0", "1"):
        raise UserError(f"datasets/dagm: {where}: {line!r} is not `id, 0 or 1, file, 0, mask`; re-extract the class")
    return fields[2], fields[1] == "1", fields[4]


def _by_lower_name(folder: Path) -> dict[str, Path]:
    """Find files whatever the case of their names, which copies through other systems change."""
    return {path.name.lower(): path for path in sorted(folder.glob("*")) if path.is_file()}
