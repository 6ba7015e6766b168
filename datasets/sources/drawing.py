"""How a synthetic texture and its defect are drawn; lengths are fractions of the image's side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_Grid = tuple[np.ndarray, np.ndarray]


def draw(rng: np.random.Generator, kind: str, size: int, contrast: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Draw one texture.

    Args:
        rng: decides everything that is random about it.
        kind: a key of `KINDS`.
        size: side in pixels.
        contrast: strength of its defect; None for a texture without one.

    Returns:
        The image, (size, size) uint8, and the mask of its defect, (size, size) bool, all False without one.
    """
    background = KINDS[kind](rng, size)
    brightness, depth = rng.uniform(100, 150), rng.uniform(22, 34)
    mask = np.zeros((size, size), dtype=bool)
    if contrast is not None:
        defect = _DEFECTS[rng.integers(len(_DEFECTS))]
        background, mask = defect(rng, background, contrast)
    return np.clip(np.rint(brightness + depth * background), 0, 255).astype(np.uint8), mask


def _filtered(rng: np.random.Generator, size: int, gain: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Return noise of mean 0 and deviation 1 whose spectrum has a gain over (vertical, horizontal) cycles per image."""
    spectrum = np.fft.rfft2(rng.standard_normal((size, size)))
    vertical = np.fft.fftfreq(size, 1 / size)[:, None]
    horizontal = np.fft.rfftfreq(size, 1 / size)[None]
    spectrum *= gain(vertical, horizontal)
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, s=(size, size))
    return np.asarray(noise / noise.std())


def _turned(vertical: np.ndarray, horizontal: np.ndarray, angle: float) -> _Grid:
    """Return coordinates along and across a direction."""
    along = np.cos(angle) * horizontal + np.sin(angle) * vertical
    return along, np.cos(angle) * vertical - np.sin(angle) * horizontal


def _fibre(rng: np.random.Generator, size: int) -> np.ndarray:
    """Noise drawn out in one direction, as of brushed metal."""
    angle, length, width = rng.uniform(0, np.pi), rng.uniform(6, 9), rng.uniform(18, 26)

    def gain(vertical: np.ndarray, horizontal: np.ndarray) -> np.ndarray:
        along, across = _turned(vertical, horizontal, angle)
        return np.asarray(np.exp(-((along / length) ** 2 + (across / width) ** 2) / 2))

    return _filtered(rng, size, gain)


def _grain(rng: np.random.Generator, size: int) -> np.ndarray:
    """Noise around one spatial frequency, as of cast surfaces."""
    centre, spread = rng.uniform(12, 20), rng.uniform(4, 7)
    return _filtered(rng, size, lambda v, h: np.exp(-(((np.hypot(v, h) - centre) / spread) ** 2) / 2))


def _cloud(rng: np.random.Generator, size: int) -> np.ndarray:
    """Noise at all scales, as of paper or stone."""
    slope = rng.uniform(1.0, 1.4)
    return _filtered(rng, size, lambda v, h: 1 / np.maximum(np.hypot(v, h), 2) ** slope)


def _weave(rng: np.random.Generator, size: int) -> np.ndarray:
    """Two crossing gratings that waver, as of cloth."""
    angle, frequency = rng.uniform(0, np.pi), rng.uniform(12, 18)
    row, column = _grid(size)
    along, across = _turned(row, column, angle)
    waver = 0.012 * _filtered(rng, size, lambda v, h: np.exp(-((np.hypot(v, h) / 4) ** 2) / 2))
    threads = [np.sin(2 * np.pi * frequency * (part + waver)) for part in (along, across)]
    noise = _filtered(rng, size, lambda v, h: np.exp(-((np.hypot(v, h) / 24) ** 2) / 2))
    return np.asarray(0.7 * (threads[0] + threads[1]) + 0.6 * noise)


def _grid(size: int) -> _Grid:
    """Return row and column of every pixel's centre, 0 to 1."""
    centres = (np.arange(size) + 0.5) / size
    return centres[:, None], centres[None]


def _place(rng: np.random.Generator, size: int) -> _Grid:
    """Return coordinates along and across a random direction, around a random place away from the border."""
    row, column = _grid(size)
    middle = rng.uniform(0.2, 0.8, size=2)
    return _turned(row - middle[0], column - middle[1], rng.uniform(0, np.pi))


def _sign(rng: np.random.Generator) -> float:
    return 1.0 if rng.integers(2) else -1.0


def _scratch(rng: np.random.Generator, texture: np.ndarray, contrast: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw a thin bent line, brighter or darker than its surroundings."""
    along, across = _place(rng, len(texture))
    length, width, bend = rng.uniform(0.10, 0.18), rng.uniform(0.008, 0.014), rng.uniform(-1.5, 1.5)
    profile = np.exp(-(((across - bend * along**2) / width) ** 2) / 2) * (np.abs(along) < length)
    return texture + _sign(rng) * 3.7 * contrast * profile, profile > 0.3


def _blob(rng: np.random.Generator, texture: np.ndarray, contrast: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw a soft oval spot, brighter or darker than its surroundings."""
    along, across = _place(rng, len(texture))
    radius = rng.uniform(0.03, 0.055)
    profile = np.exp(-((along / (1.5 * radius)) ** 2 + (across / radius) ** 2) / 2)
    return texture + _sign(rng) * 3.1 * contrast * profile, profile > 0.3


def _patch(rng: np.random.Generator, texture: np.ndarray, contrast: float) -> tuple[np.ndarray, np.ndarray]:
    """Replace an oval by fine-grained noise of the same mean and strength."""
    along, across = _place(rng, len(texture))
    radius = rng.uniform(0.07, 0.11)
    distance = np.hypot(along / 1.4, across) / radius
    share = np.clip(4 * (1 - distance) * contrast, 0, min(contrast, 1.0))
    other = _filtered(rng, len(texture), lambda v, h: np.hypot(v, h) > 0.2 * len(texture))
    return texture * (1 - share) + other * share, distance < 1


KINDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "fibre": _fibre,
    "grain": _grain,
    "cloud": _cloud,
    "weave": _weave,
}
"""The textures, by name."""

_DEFECTS = (_scratch, _blob, _patch)
