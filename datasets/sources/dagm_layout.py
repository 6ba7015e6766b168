"""DAGM's official folder layout, read and written: images, outlined defects and `Label/Labels.txt`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from datasets.base import UserError


@dataclass(frozen=True)
class Entry:
    """One line of a `Labels.txt`: an image, whether it shows a defect, and the file that outlines it."""

    image: Path
    defect: bool
    mask: Path | None
    part: str


def read_part(folder: Path) -> tuple[list[Entry], int]:
    """Return the listed images of a part, such as `Class1/Train`, that are on disk, and how many are listed.

    Raises:
        UserError: the list is missing or malformed.
    """
    table = folder / "Label" / "Labels.txt"
    shown = f"{folder.parent.name}/{folder.name}/Label/Labels.txt"
    try:
        lines = table.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"dataset dagm: {shown} cannot be read ({error}); re-extract {folder.parent.name}") from error
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
        raise UserError(f"dataset dagm: {where}: {line!r} is not `id, 0 or 1, file, 0, mask`; re-extract the class")
    return fields[2], fields[1] == "1", fields[4]


def _by_lower_name(folder: Path) -> dict[str, Path]:
    """Find files whatever the case of their names, which copies through other systems change."""
    return {path.name.lower(): path for path in sorted(folder.glob("*")) if path.is_file()}


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
