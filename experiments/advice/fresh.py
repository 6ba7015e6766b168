"""Image sets of still other kinds, made after the advice had been looked at on those of `sets.py`.

`python -m experiments.advice.fresh OUT MATERIAL [SET ...]` writes them as `sets.py` does. MATERIAL holds the unpacked
Debian packages mate-backgrounds, oxygen-icon-theme, tuxpaint-stamps-default, iso-flags-png-320x240,
fonts-noto-color-emoji and openarena-081-textures (its .pk3 unzipped into MATERIAL/arena). What is held out comes from
other files than what is the user's.
"""

from __future__ import annotations

import io
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import skimage.color
from fontTools.ttLib import TTFont
from PIL import Image

from experiments.advice import draw
from experiments.advice.draw import Array, Rng
from experiments.advice.sets import Class, Sets, bundled, write

OWN = 0.6
"""The user's share of the files."""
OXYGEN, ARENA = "usr/share/icons/oxygen/base/64x64", "arena/textures"
LARGEST = 900
"""Pixels of a photograph's longer side, once made smaller."""


def faces(rng: Rng, material: Path) -> Iterator[Class]:
    """Faces or other parts of photographs, grey, 25 pixels."""
    images = draw.to_bytes(255 * bundled("lfw_subset"))
    yield "face", list(rng.permutation(images[:100])), 60
    yield "other", list(rng.permutation(images[100:])), 60


def tissue(rng: Rng, material: Path) -> Iterator[Class]:
    """Patches of a stained section: how much of it is brown; held-out ones are from another part."""
    photo = bundled("immunohistochemistry")
    brown = skimage.color.rgb2hed(photo)[..., 2]
    both = np.concatenate([photo, draw.to_bytes(255 * (brown > np.quantile(brown, 0.75)))[..., None]], axis=2)
    found: dict[str, list[Array]] = {}
    for region, count in (((0.0, 0.66), 250), ((0.66, 1.0), 110)):
        part: dict[str, list[Array]] = {"little": [], "much": [], "some": []}
        while min(map(len, part.values())) < count:
            cut = draw.patch(both, 48, rng, region)
            share = float((cut[..., 3] > 128).mean())
            name = "little" if share < 0.12 else "much" if share > 0.45 else "some" if 0.2 < share < 0.35 else ""
            if name and len(part[name]) < count:
                part[name].append(cut[..., :3])
        for name, images in part.items():
            found.setdefault(name, []).extend(images)
    yield from ((name, images, 250) for name, images in found.items())


def icons(rng: Rng, material: Path) -> Iterator[Class]:
    """Icons of five kinds."""
    root = material / OXYGEN
    for name in ("actions", "apps", "devices", "mimetypes", "places"):
        yield _whole(name, listed(root / name, "*.png"), rng, 64, (240, 110))


def stamps(rng: Rng, material: Path) -> Iterator[Class]:
    """Pictures of four kinds of things, mostly photographs."""
    root = material / "usr/share/tuxpaint/stamps"
    for name in ("animals", "food", "plants", "vehicles"):
        yield _whole(name, listed(root / name, "*.png"), rng, 128, (200, 110))


def emoji(rng: Rng, material: Path) -> Iterator[Class]:
    """Emoji of four kinds, 72 pixels."""
    for name, images in _emoji(material).items():
        cut = int(OWN * len(images))
        yield name, [images[i] for i in rng.permutation(len(images))], cut


def wallpapers(rng: Rng, material: Path) -> Iterator[Class]:
    """Patches of photographs of nature, or of pictures that show nothing."""
    for name, own in (("abstract", 60), ("nature", 600)):
        photos = _photographs(listed(material / f"usr/share/backgrounds/mate/{name}", "*.*"), rng)
        images, shown = patches(photos, rng, 96, (own, 130))
        yield name, images, own, shown


def arena(rng: Rng, material: Path) -> Iterator[Class]:
    """Patches of a game's textures of four kinds, of photographs or painted."""
    for name in ("base_floor", "base_wall", "gothic_floor", "gothic_wall"):
        photos = _photographs([f for kind in ("*.jpg", "*.tga") for f in listed(material / ARENA / name, kind)], rng)
        images, shown = patches(photos, rng, 128, (200, 120))
        yield name, images, 200, shown


def flags(rng: Rng, material: Path) -> Iterator[Class]:
    """Printed flags, or with one colour printed beside its place."""
    photos = _photographs(listed(material / "usr/share/iso-flags-png-320x240", "*.png"), rng)
    for name, own in (("good", 400), ("misprint", 120)):
        images, shown = patches(photos, rng, 160, (own, 130))
        yield name, images if name == "good" else [draw.misprinted(image, rng) for image in images], own, shown


def upside_down(rng: Rng, material: Path) -> Iterator[Class]:
    """Photographs the right way up or not: nothing local is wrong."""
    root = material / "usr/share/tuxpaint/stamps"
    files = [file for name in ("animals", "food", "vehicles", "household") for file in listed(root / name, "*.png")]
    files = [files[i] for i in rng.permutation(len(files))]
    cut = int(OWN * len(files))
    for name, own in (("turned", 100), ("upright", 500)):
        chosen = [*rng.choice(cut, own), *(cut + rng.choice(len(files) - cut, 120))]
        images = [draw.jittered(draw.on_white(str(files[i]), 112), rng) for i in chosen]
        yield name, [image[::-1, ::-1] for image in images] if name == "turned" else images, own


def foreign(rng: Rng, material: Path) -> Iterator[Class]:
    """Patches of photographs, clean or with a small thing that does not belong there."""
    photos = _photographs(listed(material / "usr/share/backgrounds/mate/nature", "*.jpg"), rng)
    things = halves(listed(material / OXYGEN / "devices", "*.png"), rng)
    images, shown = patches(photos, rng, 128, (600, 130))
    yield "clean", images, 600, shown
    images, shown = patches(photos, rng, 128, (80, 130))
    yield "foreign", [_pasted(image, things[number >= 80], rng) for number, image in enumerate(images)], 80, shown


def splice(rng: Rng, material: Path) -> Iterator[Class]:
    """Grey patches of a game's textures, whole or with one side moved along a cut."""
    files = [f for name in ("base_trim", "base_wall", "gothic_block") for f in listed(material / ARENA / name, "*.jpg")]
    photos = _photographs(files, rng)
    own, held = ([draw.to_bytes(photo.mean(axis=2)) for photo in half] for half in photos)
    grey = (own, held)
    yield "moved", [draw.moved(image, rng) for image in patches(grey, rng, 96, (150, 130))[0]], 150
    yield "whole", patches(grey, rng, 96, (450, 130))[0], 450


def piece(rng: Rng, material: Path) -> Iterator[Class]:
    """Pictures of things, whole or with a corner broken off."""
    files = [f for name in ("apps", "categories", "devices") for f in listed(material / OXYGEN / name, "*.png")]
    dealt = halves(files, rng)
    for name, own in (("broken", 90), ("whole", 500)):
        chosen = [half[i] for half, n in zip(dealt, (own, 130), strict=True) for i in rng.integers(len(half), size=n)]
        images = [draw.jittered(draw.on_white(str(file), 128), rng) for file in chosen]
        yield name, [draw.broken(image, rng) for image in images] if name == "broken" else images, own


FRESH: Sets = {
    "faces": (faces, "few", 5),
    "tissue": (tissue, "step", 10),
    "icons": (icons, "step", 5),
    "stamps": (stamps, "natural", 0),
    "emoji": (emoji, "natural", 0),
    "wallpapers": (wallpapers, "natural", 0),
    "arena": (arena, "step", 20),
    "flags": (flags, "few", 10),
    "upside_down": (upside_down, "step", 10),
    "foreign": (foreign, "natural", 0),
    "splice": (splice, "few", 5),
    "piece": (piece, "step", 40),
}
"""Each with the protocol and level at which it is run."""


def listed(folder: Path, pattern: str) -> list[Path]:
    """List files in order; links are second names of others, and left out."""
    return sorted(file for file in folder.rglob(pattern) if file.is_file() and not file.is_symlink())


def halves(files: Sequence[Path], rng: Rng) -> tuple[list[Path], list[Path]]:
    """Deal files out to the user and to what is held out."""
    order = [files[i] for i in rng.permutation(len(files))]
    cut = int(OWN * len(order))
    if not 0 < cut < len(order):
        raise SystemExit(f"{len(order)} files where some of a package were expected; unpack it into MATERIAL first")
    return order[:cut], order[cut:]


def _whole(name: str, files: Sequence[Path], rng: Rng, size: int, counts: tuple[int, int]) -> Class:
    """Draw each file once on white."""
    own, held = halves(files, rng)
    own, held = own[: counts[0]], held[: counts[1]]
    return name, [draw.on_white(str(file), size) for file in (*own, *held)], len(own)


def _photographs(files: Sequence[Path], rng: Rng) -> tuple[list[Array], list[Array]]:
    own, held = halves(files, rng)
    return [_read(file) for file in own], [_read(file) for file in held]


@cache
def _read(file: Path) -> Array:
    with Image.open(file) as opened:
        opened.draft("RGB", (LARGEST, LARGEST))
        image = opened.convert("RGB")
    image.thumbnail((LARGEST, LARGEST))
    return np.asarray(image)


Photographs = tuple[list[Array], list[Array]]


def patches(photos: Photographs, rng: Rng, size: int, counts: tuple[int, int]) -> tuple[list[Array], list[int]]:
    """Cut patches of the user's photographs, then of those held out; also which photograph each is of."""
    images, shown = [], []
    for half, count in zip(photos, counts, strict=True):
        large = [photo for photo in half if min(photo.shape[:2]) >= size]
        for _ in range(count):
            photo = large[rng.integers(len(large))]
            images.append(draw.patch(photo, size, rng))
            shown.append(id(photo))
    return images, shown


def _emoji(material: Path) -> dict[str, list[Array]]:
    """Return the bitmaps of the emoji font by what their characters' names say."""
    file = next(material.glob("usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"))
    font, words = TTFont(file), {"face": "faces", "clock": "objects", "flag": "objects"}
    kinds: dict[str, list[Array]] = {"animals": [], "faces": [], "food": [], "objects": []}
    bitmaps, names = font["CBDT"].strikeData[0], font.getBestCmap()
    for code in sorted(names):
        kind = next((words[w] for w in words if w in unicodedata.name(chr(code), "").lower().split()), _block(code))
        if kind and names[code] in bitmaps:
            with Image.open(io.BytesIO(bitmaps[names[code]].imageData)) as opened:
                image = opened.convert("RGBA").resize((72, 72), Image.Resampling.LANCZOS)
            ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
            kinds[kind].append(np.asarray(Image.alpha_composite(ground, image).convert("RGB")))
    return kinds


def _block(code: int) -> str:
    """Return the kind of thing that Unicode gathers at a place; empty elsewhere."""
    blocks = {
        "animals": ((0x1F400, 0x1F43E), (0x1F980, 0x1F9AE)),
        "food": ((0x1F32D, 0x1F32F), (0x1F345, 0x1F37F), (0x1F950, 0x1F96F)),
        "objects": ((0x1F4A1, 0x1F4FF), (0x1F50B, 0x1F52E), (0x1F680, 0x1F6A2)),
    }
    return next((kind for kind, parts in blocks.items() if any(a <= code <= b for a, b in parts)), "")


def _pasted(image: Array, files: Sequence[Path], rng: Rng) -> Array:
    """Lay a small thing on an image."""
    size = int(rng.integers(14, 26))
    with Image.open(files[int(rng.integers(len(files)))]) as opened:
        thing = opened.convert("RGBA").resize((size, size), Image.Resampling.LANCZOS).rotate(rng.uniform(0, 360))
    whole = Image.fromarray(image).convert("RGBA")
    y, x = rng.integers(0, image.shape[0] - size, 2)
    whole.alpha_composite(thing, (int(x), int(y)))
    return np.asarray(whole.convert("RGB"))


if __name__ == "__main__":
    for chosen in sys.argv[3:] or FRESH:
        write(chosen, Path(sys.argv[1]), Path(sys.argv[2]), FRESH)
