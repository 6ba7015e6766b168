"""Which datasets hold the same images: a part, another protocol or other settings of one set are no second dataset."""

from __future__ import annotations

from collections.abc import Iterable


def base_name(dataset: str) -> str:
    """Name the images, however they are used: `elpv [settings 1a2b]` is `elpv`, `grouped:/a` is `folder:/a`."""
    name = dataset.split(" [settings", 1)[0]
    return "folder:" + name.removeprefix("grouped:") if name.startswith("grouped:") else name


def share_images(first: str, second: str) -> bool:
    """Say whether two datasets have images in common: the same one, or one a part of the other (`a` and `a/b`)."""
    one, other = base_name(first), base_name(second)
    return _holds(one, other) or _holds(other, one)


def image_sets(datasets: Iterable[str]) -> dict[str, str]:
    """Name the set of images behind each of some datasets: of those that share images, the one that holds the rest.

    `magnetic_tile` and `magnetic_tile/defects` are one set; `dagm/1` and `dagm/2` are two, unless `dagm` is there, too.
    """
    names = list(dict.fromkeys(datasets))
    bases = sorted(set(map(base_name, names)), key=len)
    return {name: next(base for base in bases if _holds(base, base_name(name))) for name in names}


def _holds(whole: str, part: str) -> bool:
    return part == whole or part.startswith(f"{whole}/")
