"""Each of a hundred and more odd image files is read as what it shows, or refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.decoding import BrokenImage, Scale, deep_range, is_grey, read_image
from tests.datasets.odd_images import SIDE, Odd, corpus

CORPUS = list(corpus())


def read(path: Path, size: int) -> np.ndarray | str:
    """Read one file as a dataset of nothing else does, or say why it was refused."""
    named = {"what": path.name, "remedy": "delete it"}
    try:
        grey, deep = is_grey(path, **named), deep_range(path, **named)
        return read_image(path, size, grey=grey, scale=None if deep is None else Scale.of([deep]), **named)
    except BrokenImage as error:
        return str(error)


def test_there_are_enough_of_them() -> None:
    assert len({odd.name for odd in CORPUS}) == len(CORPUS) >= 120


@pytest.mark.parametrize("odd", CORPUS, ids=[odd.name for odd in CORPUS])
def test_read_as_what_it_shows_or_refused_by_name(odd: Odd, tmp_path: Path) -> None:
    path = tmp_path / odd.name
    path.write_bytes(odd.data)
    size = SIDE if odd.pixels is None else odd.pixels.shape[1]
    found = read(path, size)
    if isinstance(found, str):
        assert odd.pixels is None or odd.or_refused, found
        assert found.startswith(f"{odd.name} is not a readable image (")
        assert odd.reason in found
        return
    assert odd.pixels is not None, f"read as {found.shape} of {found.min()}..{found.max()}"
    shown = np.repeat(odd.pixels, len(found), axis=0) if len(odd.pixels) < len(found) else odd.pixels
    assert found.shape == shown.shape
    assert np.abs(found - shown).max() <= odd.within
