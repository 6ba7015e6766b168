"""One image file of any usual kind -> (C, size, size) uint8."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from datasets.base import UserError
from datasets.gaps import refuse_gaps

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000", "AVIF")
"""What is opened, whatever a file is called: others reach programs outside Pillow (PostScript)."""
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_GREY = ("1", "L", "LA", "La", *_DEEP)
_MODES = (*_GREY, "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
"""Whose colours are shown as meant; LAB and HSV would need a profile."""
_DEPTHS = (8, 10, 12, 14, 16)


class BrokenImage(UserError):  # noqa: N818 - a state of the user's files
    """A file is not a readable image; `reason` says why in a few words."""

    def __init__(self, what: str, reason: str, remedy: str) -> None:
        super().__init__(f"{what} is not a readable image ({reason}); {remedy}")
        self.reason = reason


@dataclass(frozen=True)
class Scale:
    """The values that become black (0) and white (255) where a file has more than eight bits.

    Attributes:
        low: becomes 0.
        high: becomes 255.
    """

    low: float = 0
    high: float = 65535

    @classmethod
    def of(cls, ranges: Iterable[tuple[float, float]]) -> Scale:
        """Return the scale of a dataset from the least and largest value of each of its deep images.

        Whole numbers from 0 are scaled by the least depth of 8, 10, 12, 14 or 16 bits that holds them all, so that
        12-bit data in 16-bit files keep their grey levels; anything else from the least value of all to the largest.
        """
        lows, highs = zip(*ranges, strict=True)
        low, high = min(lows), max(highs)
        whole = all(float(value).is_integer() for value in (low, high))
        if whole and low >= 0 and 1 < high < 2 ** _DEPTHS[-1]:
            return cls(0, next(2**depth - 1 for depth in _DEPTHS if high < 2**depth))
        return cls(low, high if high > low else low + 1)

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Scale (H, W) values to uint8, clipping what is outside."""
        share = (values.astype(np.float64) - self.low) / (self.high - self.low)
        return np.floor(np.clip(share, 0, 1) * 255 + 0.5).astype(np.uint8)


def read_image(path: Path, size: int, *, grey: bool, what: str, remedy: str, scale: Scale | None = None) -> np.ndarray:
    """Decode a file, turn it upright (EXIF), and resize it to a square; the aspect ratio is not kept.

    Deep grey (16 or 32 bits, floating point) is scaled to eight bits, not clipped; what is transparent becomes black.
    Of an animation the first image is read.

    Args:
        path: a file of one of `FORMATS`.
        size: side of the result in pixels.
        grey: one channel if true, three (RGB) if not.
        what: how to name the image in an error, such as `dataset dagm/3: Class3/Train/0601.PNG`.
        remedy: what to do about an unreadable image, such as `delete it or re-extract Class3`.
        scale: of deep pixels; None for 16 bits, others are refused then.

    Returns:
        (1 or 3, size, size) uint8.

    Raises:
        BrokenImage: the file is not a readable image.
    """
    with _opened(path, what, remedy) as image:
        refuse_gaps(path, image)
        pixels = np.asarray(square(_eight_bit(ImageOps.exif_transpose(image), scale), size, grey))
    return pixels[None] if grey else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def is_grey(path: Path, *, what: str, remedy: str) -> bool:
    """Say from a file's header whether its image has no colour; pixels are not decoded.

    Raises:
        BrokenImage: the file is not an image.
    """
    with _opened(path, what, remedy) as image:
        return image.mode in _GREY or (image.mode == "P" and _grey_palette(image))


def deep_range(path: Path, *, what: str, remedy: str) -> tuple[float, float] | None:
    """Return the least and largest value of an image of more than eight bits; None where it has eight.

    Raises:
        BrokenImage: the file is not a readable image, or has values that are no numbers.
    """
    with _opened(path, what, remedy) as image:
        if image.mode not in _DEEP:
            return None
        values = np.asarray(image)
        if not np.isfinite(values).all():
            raise ValueError("not all values are finite")
        return float(values.min()), float(values.max())


@contextmanager
def _opened(path: Path, what: str, remedy: str) -> Iterator[Image.Image]:
    """Open a file; whatever is wrong with it, then or inside the block, is a BrokenImage."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
            with Image.open(path, formats=FORMATS) as image:
                if image.mode not in _MODES:
                    raise ValueError(f"its colours are {image.mode}: convert it to RGB")
                yield image
    except _BOMBS as error:
        limit = f"more than {(Image.MAX_IMAGE_PIXELS or 0) // 10**6} million pixels"
        raise BrokenImage(what, limit, remedy) from error
    except (*_BROKEN, MemoryError) as error:
        raise BrokenImage(what, _reason(path, error), remedy) from error


def square(image: Image.Image, size: int, grey: bool) -> Image.Image:
    """Convert an 8-bit image to grey or RGB and resize it to (size, size), bilinear with antialiasing."""
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    image = image.convert("L" if grey else "RGB")
    return image if image.size == (size, size) else image.resize((size, size), Image.Resampling.BILINEAR)


def _eight_bit(image: Image.Image, scale: Scale | None) -> Image.Image:
    """Scale deep grey to eight bits; Pillow's own conversion would clip at 255."""
    if image.mode not in _DEEP:
        return image
    values = np.asarray(image)
    if scale is None and (image.mode == "F" or values.min() < 0 or values.max() > 65535):
        raise ValueError("32-bit or floating-point pixels have no fixed range: convert it to 8 or 16 bits")
    return Image.fromarray((scale or Scale()).apply(values))


def _grey_palette(image: Image.Image) -> bool:
    """Say whether every colour of a palette image is a grey."""
    colours = np.array(image.getpalette("RGB")).reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())


def _reason(path: Path, error: BaseException) -> str:
    """Say in a few words why a file could not be decoded."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if not path.is_file() or path.stat().st_size == 0:
        return "empty file" if path.is_file() else "no file"
    if isinstance(error, UnidentifiedImageError):
        return f"not an image, or none of {', '.join(FORMATS)}"
    return "truncated" if "truncated" in str(error).lower() else str(error) or type(error).__name__
