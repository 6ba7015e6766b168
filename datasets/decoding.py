"""One image file of any usual kind -> (C, size, size) uint8."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from datasets.base import UserError

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
_SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_GREY = ("1", "L", "LA", "La", *_SIXTEEN_BIT)


def read_image(path: Path, size: int, *, grey: bool, what: str, remedy: str) -> np.ndarray:
    """Decode a file, turn it upright (EXIF), and resize it to a square; the aspect ratio is not kept.

    Sixteen-bit grey is scaled to eight bits, not clipped; what is transparent becomes black.

    Args:
        path: a PNG, JPEG, BMP, TIFF or WebP file.
        size: side of the result in pixels.
        grey: one channel if true, three (RGB) if not.
        what: how to name the image in an error, such as `dataset dagm/3: Class3/Train/0601.PNG`.
        remedy: what to do about an unreadable image, such as `delete it or re-extract Class3`.

    Returns:
        (1 or 3, size, size) uint8.

    Raises:
        UserError: the file is not a readable image.
    """
    try:
        with Image.open(path) as image:
            pixels = np.asarray(square(_eight_bit(ImageOps.exif_transpose(image)), size, grey))
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise UserError(f"{what} is not a readable image ({_reason(path, error)}); {remedy}") from error
    return pixels[None] if grey else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def is_grey(path: Path, *, what: str, remedy: str) -> bool:
    """Say from a file's header whether its image has no colour; pixels are not decoded.

    Raises:
        UserError: the file is not an image.
    """
    try:
        with Image.open(path) as image:
            return image.mode in _GREY or (image.mode == "P" and _grey_palette(image))
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise UserError(f"{what} is not a readable image ({_reason(path, error)}); {remedy}") from error


def square(image: Image.Image, size: int, grey: bool) -> Image.Image:
    """Convert an 8-bit image to grey or RGB and resize it to (size, size), bilinear with antialiasing."""
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    image = image.convert("L" if grey else "RGB")
    return image if image.size == (size, size) else image.resize((size, size), Image.Resampling.BILINEAR)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey so that 65535 becomes 255; Pillow's own conversion would clip at 255."""
    if image.mode == "F":
        raise ValueError("floating-point pixels have no fixed range: convert it to 8 or 16 bits")
    if image.mode not in _SIXTEEN_BIT:
        return image
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("32-bit pixels have no fixed range: convert it to 8 or 16 bits")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


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
    if path.stat().st_size == 0:
        return "empty file"
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    return "truncated" if "truncated" in str(error).lower() else str(error) or type(error).__name__
