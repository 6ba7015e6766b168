"""Synthetic textures with small local defects, in the manner of DAGM: drawn from a seed, nothing to download."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from pydantic import PositiveFloat, PositiveInt, field_validator

from datasets.base import Dataset, Index
from datasets.registry import register
from datasets.seeds import generator
from datasets.sources.dagm_layout import write_example, write_labels
from datasets.sources.drawing import KINDS, draw


@register("textures")
class Textures(Dataset):
    """Grey statistical textures, ok (0) or with one scratch, blob or patch of other texture (1).

    Every image is a function of (seed, its position, size) alone.
    """

    description = "synthetic: computer-drawn textures with small local defects, in the manner of DAGM"
    licence = "MIT (made by this suite)"
    source = "datasets/sources/textures.py"
    development_share = 0.3

    number: tuple[PositiveInt, PositiveInt] = (700, 700)
    """How many ok and how many defect images."""
    seed: int = 0
    """Of all images."""
    kinds: tuple[str, ...] = tuple(KINDS)
    """Which textures, dealt out in turn; some of `datasets.sources.drawing.KINDS`."""
    contrast: PositiveFloat = 1.0
    """Strength of the defects, relative to the texture's own."""

    @field_validator("kinds")
    @classmethod
    def _known(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        if not kinds or not set(kinds) <= set(KINDS):
            raise ValueError(f"kinds are some of {', '.join(KINDS)}")
        return kinds

    def index(self) -> Index:
        """List the labels; see `Dataset.index`."""
        return Index(
            labels=np.repeat(np.array([0, 1], dtype=np.int64), self.number),
            class_names=("ok", "defect"),
            fingerprint="drawn, version 1",
            notes=("synthetic images",),
            dataset=self.name,
            development_share=self.development_share,
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
    textures = Textures(number=(number[0], number[1]), seed=seed)
    order = generator("textures", "write", seed).permutation(sum(number))
    rows = []
    for place, position in enumerate(order):
        image, mask = textures.draw(int(position), size)
        rows.append((f"{first + place:04d}", bool(position >= number[0])))
        write_example(folder, rows[-1][0], image, mask)
    write_labels(folder, rows)
