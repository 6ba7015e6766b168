"""Synthetic textures with small local defects, in the manner of DAGM: drawn from a seed, nothing to download."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import Dataset, Index, UserError
from datasets.registry import register
from datasets.seeds import generator
from datasets.sources.dagm_layout import write_example, write_labels
from datasets.sources.drawing import KINDS, draw


@register("textures")
class Textures(Dataset):
    """Grey statistical textures, ok (0) or with one scratch, blob or patch of other texture (1).

    Every image is a function of (seed, its position, size) alone.

    Args:
        name: `textures`.
        number: how many ok and how many defect images.
        seed: of all images.
        kinds: which textures, dealt out in turn; some of `datasets.sources.drawing.KINDS`.
        contrast: strength of the defects, relative to the texture's own.

    Raises:
        UserError: an argument is out of range.
    """

    description = "synthetic: computer-drawn textures with small local defects, in the manner of DAGM"
    licence = "MIT (made by this suite)"
    source = "datasets/textures.py"

    def __init__(
        self,
        name: str = "textures",
        *,
        number: Sequence[int] = (700, 700),
        seed: int = 0,
        kinds: Sequence[str] = tuple(KINDS),
        contrast: float = 1.0,
    ) -> None:
        self.name = name
        self.number = tuple(number)
        self.seed = seed
        self.kinds = tuple(kinds)
        self.contrast = contrast
        if len(self.number) != 2 or min(self.number) < 1:
            raise UserError(f"dataset textures: number is (ok, defect), both at least 1, not {self.number}")
        if not self.kinds or not set(self.kinds) <= set(KINDS):
            raise UserError(f"dataset textures: kinds are some of {', '.join(KINDS)}, not {self.kinds}")
        if contrast <= 0:
            raise UserError(f"dataset textures: contrast must be positive, not {contrast}")

    def parameters(self) -> dict[str, Any]:
        """Return everything that the images are drawn from."""
        return {"number": self.number, "seed": self.seed, "kinds": self.kinds, "contrast": self.contrast}

    def index(self) -> Index:
        """List the labels; see `Dataset.index`."""
        return Index(
            labels=np.repeat(np.array([0, 1], dtype=np.int64), self.number),
            class_names=("ok", "defect"),
            fingerprint="drawn, version 1",
            notes=("synthetic images",),
            dataset=self.name,
        )

    def decode(self, size: int) -> Iterator[np.ndarray]:
        """Draw the images one after another; see `Dataset.decode`."""
        for position in range(sum(self.number)):
            yield self.draw(position, size)[0][None]

    def steps(self) -> str:
        """Say that nothing is needed."""
        return "nothing to do: the images are drawn"

    def masks(self, indices: Sequence[int], size: int) -> np.ndarray:
        """Return where the defects are, (len(indices), size, size) bool; nothing is marked on an ok image."""
        return np.stack([self.draw(position, size)[1] for position in indices])

    def draw(self, position: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return one image, (size, size) uint8, and the mask of its defect, (size, size) bool."""
        defect = position >= self.number[0]
        kind = self.kinds[(position - self.number[0] * defect) % len(self.kinds)]
        rng = generator("textures", self.seed, position)
        return draw(rng, kind, size, self.contrast if defect else None)


def write_dagm(
    folder: Path, *, number: Sequence[int] = (20, 5), seed: int = 0, size: int = 128, first: int = 1
) -> None:
    """Write textures as one part of a DAGM class: images, outlined defects and `Label/Labels.txt`.

    Args:
        folder: the part, such as `dagm/Class1/Train`; made if it is not there.
        number: how many ok and how many defect images.
        seed: of the images.
        size: side in pixels.
        first: number of the first image (the official Test part starts at 1, Train after it).
    """
    textures = Textures(number=number, seed=seed)
    order = generator("textures", "write", seed).permutation(sum(number))
    rows = []
    for place, position in enumerate(order):
        image, mask = textures.draw(int(position), size)
        rows.append((f"{first + place:04d}", bool(position >= number[0])))
        write_example(folder, rows[-1][0], image, mask)
    write_labels(folder, rows)
