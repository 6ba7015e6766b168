"""Drawing: patches of photographs, surfaces, objects and letters, and what may be wrong with them."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

Array = np.ndarray
Rng = np.random.Generator


def patch(photo: Array, size: int, rng: Rng, region: tuple[float, float] = (0.0, 1.0)) -> Array:
    """Cut a random square of a photograph (H, W) or (H, W, 3), between two shares of its width."""
    height, width = photo.shape[:2]
    y = rng.integers(0, height - size + 1)
    left = int(region[0] * width)
    x = rng.integers(left, max(left + 1, int(region[1] * width) - size + 1))
    cut = photo[y : y + size, x : x + size]
    cut = cut[:, ::-1] if rng.random() < 0.5 else cut
    return to_bytes(cut * rng.uniform(0.9, 1.1) + rng.uniform(-8, 8))


def scratch(image: Array, rng: Rng, contrast: float) -> Array:
    """Draw a thin crooked line, lighter or darker."""
    size = image.shape[0]
    angle, centre = rng.uniform(0, np.pi), rng.uniform(0.25 * size, 0.75 * size, 2)
    along = np.linspace(-0.5, 0.5, 12)[:, None] * rng.uniform(0.25, 0.7) * size
    points = centre + along * [np.cos(angle), np.sin(angle)] + np.cumsum(rng.normal(0, 0.012 * size, (12, 2)), 0)
    return line(image, points, int(rng.integers(1, 3)), rng.choice([-1, 1]) * contrast)


def line(image: Array, points: Array, width: int, contrast: float) -> Array:
    """Draw a thin line through points (N, 2), x first."""
    mask = np.zeros(image.shape[:2], np.float32)
    at = np.round(points * 8).astype(np.int32)
    cv2.polylines(mask, [at], False, (1.0,), width, cv2.LINE_AA, 3)
    return _over(image, cv2.GaussianBlur(mask, (0, 0), 0.7), contrast)


def blob(
    image: Array,
    rng: Rng,
    contrast: float,
    radius: tuple[float, float] = (0.06, 0.14),
    sign: int = 0,
    at: tuple[float, float] | None = None,
) -> Array:
    """Draw a soft spot, perhaps at a given (x, y); `sign` is -1 darker, 1 lighter, 0 either."""
    size = image.shape[0]
    r = rng.uniform(*radius) * size
    centre = rng.uniform(1.2 * r, size - 1.2 * r, 2) if at is None else np.array(at)
    yy, xx = np.mgrid[:size, :size]
    away = np.hypot((xx - centre[0]) / rng.uniform(0.8, 1.3), yy - centre[1]) / r
    return _over(image, np.clip(1.3 - away, 0, 1), (sign or rng.choice([-1, 1])) * contrast)


def stain(image: Array, rng: Rng, colour: tuple[int, int, int], level: float, depth: float, grain: float) -> Array:
    """Colour the places where smooth noise is above a level."""
    mask = np.clip(noise(rng, image.shape[0], grain) - level, 0, 1)[..., None] * depth
    return to_bytes(image * (1 - mask) + mask * np.array(colour))


def noise(rng: Rng, size: int, scale: float) -> Array:
    """Return smooth noise (size, size) of standard deviation 1."""
    values = cv2.GaussianBlur(rng.normal(0, 1, (size, size)).astype(np.float32), (0, 0), scale)
    return np.asarray(values / values.std())


def metal(rng: Rng, size: int) -> Array:
    """Draw brushed metal in colour."""
    streaks = cv2.GaussianBlur(rng.normal(0, 1, (size, size)), (0, 0), sigmaX=8, sigmaY=0.6) * 3.6
    grey = 140 + 14 * (rng.normal(0, 1, (size, 1)) + streaks) + np.linspace(-1, 1, size) * rng.uniform(-25, 25)
    return to_bytes(grey[..., None] * [1.0, 0.98, 0.92] + rng.normal(0, 4, (size, size, 1)))


def weave(rng: Rng, size: int, broken: bool = False, double: bool = False) -> Array:
    """Draw woven fabric, perhaps with a broken thread or a double pick."""
    rate, phase = rng.uniform(0.33, 0.37) / 2.2, rng.uniform(0, 2 * np.pi, 2)
    yy, xx = np.mgrid[:size, :size].astype(np.float32)
    across, down = xx + 1.2 * noise(rng, size, 10), yy + 1.2 * noise(rng, size, 10)
    at = rng.integers(size // 4, 3 * size // 4)
    if broken:
        down = down + np.where(np.abs(xx - at) < rng.uniform(3, 6), rng.uniform(2, 5), 0)
    if double:
        across = across + 3 * np.tanh((xx - at) / 2)
    a, b = np.sin(2 * np.pi * rate * across + phase[0]), np.sin(2 * np.pi * rate * down + phase[1])
    return to_bytes(120 + 40 * np.where(a * b > 0, np.abs(a), np.abs(b)) + rng.normal(0, 9, (size, size)))


def gear(rng: Rng, size: int, missing: bool) -> Array:
    """Draw a toothed wheel of 16 teeth, or with one of them broken off."""
    wide, teeth = 4 * size, 16
    background: tuple[int, ...] = tuple(int(value) for value in rng.integers(170, 200, 3))
    image = Image.new("RGB", (wide, wide), background)
    pen, grey = ImageDraw.Draw(image), int(rng.integers(70, 110))
    x, y = wide / 2 + rng.uniform(-0.03, 0.03, 2) * wide
    start, broken = rng.uniform(0, 2 * np.pi), int(rng.integers(teeth)) if missing else -1
    left, points = rng.uniform(0, 0.5), []
    for tooth in range(teeth):
        for offset, height in ((-0.3, 0.0), (-0.2, 1.0), (0.16, 1.0), (0.26, 0.0)):
            radius = (0.27 + 0.09 * height * (left if tooth == broken else 1.0)) * wide
            angle = start + 2 * np.pi * (tooth + offset) / teeth
            points.append((x + radius * np.cos(angle), y + radius * np.sin(angle)))
    pen.polygon(points, fill=(grey, grey, grey + 8))
    hole = 0.1 * wide
    pen.ellipse((x - hole, y - hole, x + hole, y + hole), fill=(185, 185, 190))
    drawn = np.asarray(image.resize((size, size), Image.Resampling.LANCZOS), dtype=float)
    return to_bytes(drawn + 6 * noise(rng, size, 20)[..., None] + rng.normal(0, 4, drawn.shape))


def cells(rng: Rng, size: int, sick: bool) -> Array:
    """Draw cells with nuclei, or with two enlarged nuclei among them."""
    image = 205 + 5 * noise(rng, size, 15)
    yy, xx = np.mgrid[:size, :size]
    for number in range(int(rng.integers(7, 14))):
        centre, radius, squeeze = rng.uniform(0, size, 2), rng.uniform(0.07, 0.1) * size, rng.uniform(0.8, 1.25)
        away = np.hypot((xx - centre[0]) * squeeze, (yy - centre[1]) / squeeze) / radius
        nucleus = rng.uniform(0.62, 0.8) if sick and number < 2 else rng.uniform(0.35, 0.5)
        image = image - 176 * np.clip(1.15 - away, 0, 0.25) - 60 * np.clip((nucleus - away) / 0.12, 0, 1)
    return to_bytes(image + rng.normal(0, 5, image.shape))


def text(rng: Rng, font: str, words: str, size: int, height: int) -> Array:
    """Draw words in a font file, dark on light."""
    image = Image.new("L", (size, size), int(rng.integers(200, 256)))
    pen, letters = ImageDraw.Draw(image), ImageFont.truetype(font, height)
    left, top, right, bottom = pen.textbbox((0, 0), words, font=letters)
    x, y = (size - (right - left)) / 2 - left, (size - (bottom - top)) / 2 - top
    moved = rng.uniform(-0.06, 0.06, 2) * size
    pen.text((x + moved[0], y + moved[1]), words, fill=int(rng.integers(0, 90)), font=letters)
    return to_bytes(np.asarray(image, dtype=float) + rng.normal(0, 8, (size, size)))


def printed(ground: Array, rng: Rng, font: str, letter: str, height: int) -> Array:
    """Print a letter in a font file on a ground (S, S, 3), about the middle."""
    image = Image.fromarray(ground)
    at = ground.shape[0] / 2 + rng.uniform(-0.06, 0.06, 2) * ground.shape[0]
    ink = int(rng.integers(0, 50))
    ImageDraw.Draw(image).text(tuple(at), letter, (ink, ink, ink), ImageFont.truetype(font, height), "mm")
    return np.asarray(image)


def on_white(path: str, size: int) -> Array:
    """Read a drawing with a transparent ground onto a white square."""
    with Image.open(path) as file:
        image = file.convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image).convert("RGB")
    image.thumbnail((size, size))
    square = Image.new("RGB", (size, size), (255, 255, 255))
    square.paste(image, ((size - image.width) // 2, (size - image.height) // 2))
    return np.asarray(square)


def blurred(image: Array, width: float) -> Array:
    """Put an image out of focus; `width` in pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), width))


def jittered(image: Array, rng: Rng) -> Array:
    """Change light and place a little, so that a picture that comes twice is not the same."""
    moved = np.roll(image, rng.integers(-3, 4, 2), axis=(0, 1))
    moved = moved[:, ::-1] if rng.random() < 0.5 else moved
    return to_bytes(moved * rng.uniform(0.9, 1.0) + rng.normal(0, 3, image.shape))


def misprinted(image: Array, rng: Rng) -> Array:
    """Move one colour by two to five pixels."""
    result, channel = image.copy(), rng.integers(3)
    result[..., channel] = np.roll(image[..., channel], rng.choice([-1, 1], 2) * rng.integers(2, 6, 2), axis=(0, 1))
    return result


def moved(image: Array, rng: Rng) -> Array:
    """Move what is right of a cut up or down."""
    at = rng.integers(image.shape[1] // 4, 3 * image.shape[1] // 4)
    far = int(rng.choice([-1, 1]) * rng.integers(4, 12))
    return np.concatenate([image[:, :at], np.roll(image[:, at:], far, axis=0)], axis=1)


def broken(image: Array, rng: Rng) -> Array:
    """Take away what lies in one corner, along a slanted line."""
    size = image.shape[0]
    yy, xx = np.mgrid[:size, :size]
    y, x = (yy, size - 1 - yy)[rng.integers(2)], (xx, size - 1 - xx)[rng.integers(2)]
    gone = y * rng.uniform(0.7, 1.4) + x < rng.uniform(0.5, 0.7) * size
    return np.asarray(np.where(gone[..., None], np.uint8(image[0, 0]), image))


def to_bytes(values: Array) -> Array:
    """Clip to 0 to 255."""
    return np.asarray(np.clip(values, 0, 255), dtype=np.uint8)


def _over(image: Array, mask: Array, contrast: float) -> Array:
    return to_bytes(image.astype(float) + contrast * (mask if image.ndim == 2 else mask[..., None]))
