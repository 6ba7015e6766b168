"""Whether files next to each other look more alike than chance: frames of a film, slices, patches of one photograph.

Such files show one thing. Taken for things of their own they are trained on and tested at once, and no name need tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

REACH = 10
"""Places away that count as next to each other: with more, files sorted by kind would be told, too."""
_APIECE = 20
"""But one place for so many images of a class, so that by chance at most a tenth look most like one so near."""
_MOST, _WINDOWS = 2000, 8
"""Of a larger class so many images are compared, in so many windows without gaps: all pairs would take too long."""
_FACTOR, _OVER, _LEVEL = 3.0, 0.1, 1e-3
"""Told are shares of so many times that by chance, so far above it, and so unlikely by chance."""
_SIDE, _BLOCK = 32, 25
_QUANTILES = (0.05, 0.25, 0.75, 0.95)
IN_A_ROW = "files in a row seem to show one thing"
"""Stands in the note, and in no other."""


@dataclass(frozen=True)
class Share:
    """How many images look most like one of the files next to them.

    Attributes:
        found: share of the images compared, 0 to 1.
        chance: the share expected of files in no order.
        images: how many were compared.
    """

    found: float
    chance: float
    images: int

    @property
    def is_large(self) -> bool:
        """Whether it is far above chance, and not by chance.

        Two images may be most alike to each other, so that both count or neither does: the binomial test takes every
        two images for one, which leaves its error rate below what is asked for.
        """
        if self.found < max(_FACTOR * self.chance, self.chance + _OVER):
            return False
        from scipy.special import bdtrc

        pairs = round(self.found * self.images) // 2
        return bool(bdtrc(pairs - 1, self.images // 2, self.chance) < _LEVEL)


def in_a_row(thumbnails: Sequence[bytes], labels: np.ndarray, rows: np.ndarray) -> Share | None:
    """Measure whether images look most like those next to them, within their class.

    Likeness is measured twice, since frames of a film agree in where things are, and patches of one photograph in
    tone and texture: by the correlation of the thumbnails, and by what `_tone` says of them. The larger share counts.

    Args:
        thumbnails: of N images, 32 x 32 grey levels each, see `datasets.duplicates.Copies`.
        labels: (N,) int64.
        rows: the images to compare, in order of name, without copies.

    Returns:
        The share, or None where no class has enough images.
    """
    near, expected, number = np.zeros(2), 0.0, 0
    for label in range(int(labels.max()) + 1):
        own = rows[labels[rows] == label]
        reach = min(REACH, len(own) // _APIECE)
        if not reach:
            continue
        at = _compared(len(own))
        near += [int((np.abs(at[_nearest(each)] - at) <= reach).sum()) for each in _looks(thumbnails, own[at])]
        expected += float(_beside(at, reach).sum() / (len(at) - 1))
        number += len(at)
    return Share(float(near.max() / number), expected / number, number) if number else None


def _compared(number: int) -> np.ndarray:
    """Return the places of the images of a class that are compared."""
    if number <= _MOST:
        return np.arange(number)
    width = _MOST // _WINDOWS
    return (np.linspace(0, number - width, _WINDOWS).astype(int)[:, None] + np.arange(width)).ravel()


def _beside(at: np.ndarray, reach: int) -> np.ndarray:
    """Count for each place the others within reach; each of all others is the most alike with the same probability."""
    return np.searchsorted(at, at + reach, side="right") - np.searchsorted(at, at - reach) - 1


def _nearest(features: np.ndarray) -> np.ndarray:
    """Return for each of (n, d) features the nearest other one."""
    away = features @ features.T
    away *= -2
    away += (features**2).sum(1)
    np.fill_diagonal(away, np.inf)
    return np.asarray(away.argmin(1))


def _looks(thumbnails: Sequence[bytes], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return layout and tone of some images, (n, 256) and (n, 8) float32, the tone with variance 1 each."""
    found = []
    for start in range(0, len(rows), _BLOCK):  # so that memory stays flat
        block = b"".join(thumbnails[row] for row in rows[start : start + _BLOCK])
        small = np.frombuffer(block, dtype=np.uint8).reshape(-1, _SIDE, _SIDE)
        found.append((_layout(small), _tone(small)))
    layout, tone = (np.concatenate(each) for each in zip(*found, strict=True))
    return layout, (tone - tone.mean(axis=0)) / np.maximum(tone.std(axis=0), 1e-6)


def _layout(small: np.ndarray) -> np.ndarray:
    """Return (n, 256) float32, halved thumbnails whose distance is their correlation: where light and dark are."""
    halved = small.reshape(len(small), _SIDE // 2, 2, _SIDE // 2, 2).mean(axis=(2, 4), dtype=np.float32)
    flat = halved.reshape(len(small), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))


def _tone(small: np.ndarray) -> np.ndarray:
    """Return (n, 8) float32: quantiles of the grey levels about their median, and steepness.

    How light an image is does not count: lamps and days differ from file to file as well.
    """
    last = _SIDE**2 - 1
    ordered = np.sort(small.reshape(len(small), -1), axis=1)
    quantiles = ordered[:, [round(share * last) for share in (0.5, *_QUANTILES)]].astype(np.float32)
    return np.column_stack([quantiles[:, 1:] - quantiles[:, :1], *_steepness(small)])


def _steepness(small: np.ndarray) -> Iterator[np.ndarray]:
    """Yield (n,) logarithms of the mean step from pixel to pixel, down and across, fine and coarse."""
    for part in (1, 4):
        side = _SIDE // part
        coarse = small.reshape(-1, side, part, side, part).mean(axis=(2, 4), dtype=np.float32)
        yield from (np.log1p(np.abs(np.diff(coarse, axis=axis)).mean(axis=(1, 2))) for axis in (1, 2))


def note(share: Share, remedy: str) -> str:
    """Say that files in a row look alike, what that does to results, and what to do.

    Args:
        share: that was measured.
        remedy: see `datasets.base.Dataset.grouping`.
    """
    chance = f"{share.chance:.0%}".replace("%", " %") if share.chance >= 0.01 else "under 1 %"
    said = (
        f"{100 * share.found:.0f} % of the images look most like a file at most {REACH} places away in order of name, "
        f"{chance} would by chance: {IN_A_ROW}, which is then trained on and tested, so that accuracies come out too "
        "high and the choice cannot be trusted"
    )
    return f"{said}; if so, {remedy}" if remedy else said
