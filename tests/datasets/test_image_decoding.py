"""Images of every usual kind, made by hand, and damaged ones."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.base import UserError
from datasets.decoding import is_grey, read_image


def read(path: Path, size: int = 2, grey: bool = True) -> np.ndarray:
    return read_image(path, size, grey=grey, what=f"here: {path.name}", remedy="mend it")


def saved(folder: Path, name: str, image: Image.Image, **options: object) -> Path:
    image.save(folder / name, **options)  # type: ignore[arg-type]
    return folder / name


GREY = np.array([[0, 50], [100, 250]], dtype=np.uint8)
COLOUR = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 8, 7]]], dtype=np.uint8)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.TIFF"])
def test_lossless_kinds_keep_every_value(tmp_path: Path, name: str) -> None:
    assert read(saved(tmp_path, name, Image.fromarray(GREY))).tolist() == [GREY.tolist()]
    pixels = read(saved(tmp_path, f"c{name}", Image.fromarray(COLOUR)), grey=False)
    assert pixels.shape == (3, 2, 2)
    assert pixels.transpose(1, 2, 0).tolist() == COLOUR.tolist()


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.webp"])
def test_lossy_kinds_come_close(tmp_path: Path, name: str) -> None:
    flat = Image.new("RGB", (20, 10), (200, 100, 50))
    pixels = read(saved(tmp_path, name, flat, quality=95), 8, grey=False)
    assert pixels.shape == (3, 8, 8)
    assert np.abs(pixels.mean((1, 2)) - [200, 100, 50]).max() < 4


def test_grey_as_colour_repeats_itself_and_colour_as_grey_is_its_luma(tmp_path: Path) -> None:
    pixels = read(saved(tmp_path, "g.png", Image.fromarray(GREY)), grey=False)
    assert (pixels == GREY).all()
    # ITU-R 601: 0.299 R + 0.587 G + 0.114 B.
    assert read(saved(tmp_path, "c.png", Image.fromarray(COLOUR)))[0].tolist() == [[76, 150], [29, 8]]


@pytest.mark.parametrize(("name", "order"), [("deep.png", "<u2"), ("deep.tif", "<u2"), ("deep.tif", ">u2")])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path, name: str, order: str) -> None:
    deep = np.array([[0, 257], [32896, 65535]]).astype(order)  # 0, 1, 128 and 255 times 257
    path = saved(tmp_path, name, Image.fromarray(deep))
    with Image.open(path) as image:
        assert image.mode.startswith("I")
    assert read(path)[0].tolist() == [[0, 1], [128, 255]]
    assert is_grey(path, what="", remedy="")


def test_a_palette_gives_its_colours(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1], [1, 0]], dtype=np.uint8))
    image = image.convert("P")
    image.putpalette([255, 0, 0, 0, 0, 255] + [0] * 762)
    path = saved(tmp_path, "p.png", image)
    assert read(path, grey=False).transpose(1, 2, 0).tolist() == [
        [[255, 0, 0], [0, 0, 255]],
        [[0, 0, 255], [255, 0, 0]],
    ]
    assert not is_grey(path, what="", remedy="")
    image.putpalette([10, 10, 10, 240, 240, 240] + [0] * 762)
    path = saved(tmp_path, "q.png", image)
    assert read(path)[0].tolist() == [[10, 240], [240, 10]]
    assert is_grey(path, what="", remedy="")


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    pixels = np.full((2, 2, 4), 200, dtype=np.uint8)
    pixels[..., 3] = [[255, 0], [0, 255]]
    path = saved(tmp_path, "a.png", Image.fromarray(pixels))
    assert read(path, grey=False)[1].tolist() == [[200, 0], [0, 200]]
    path = saved(tmp_path, "la.png", Image.fromarray(pixels).convert("LA"))
    assert read(path)[0].tolist() == [[200, 0], [0, 200]]
    assert is_grey(path, what="", remedy="")


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    path = saved(tmp_path, "b.png", Image.fromarray(np.array([[True, False], [False, True]])))
    assert read(path)[0].tolist() == [[255, 0], [0, 255]]
    assert is_grey(path, what="", remedy="")


def test_exif_turns_the_image_upright(tmp_path: Path) -> None:
    sideways = Image.fromarray(np.repeat([[255, 0]], 8, axis=1).repeat(16, axis=0).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: what is left comes on top
    pixels = read(saved(tmp_path, "e.jpg", sideways, exif=exif, quality=95), 16)[0]
    assert pixels[:6].min() > 240
    assert pixels[-6:].max() < 15


def test_shrinking_averages_instead_of_dropping_pixels(tmp_path: Path) -> None:
    chess = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    pixels = read(saved(tmp_path, "chess.png", Image.fromarray(chess)), 8)
    assert np.abs(pixels.astype(int) - 127).max() < 20


def test_any_shape_becomes_a_square(tmp_path: Path) -> None:
    wide = np.zeros((10, 40), dtype=np.uint8)
    wide[:, 20:] = 200
    pixels = read(saved(tmp_path, "w.png", Image.fromarray(wide)), 20)[0]
    assert pixels.shape == (20, 20)
    assert pixels[:, :9].max() == 0
    assert pixels[:, 11:].min() == 200


def noise_png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.8, 0.95])
def test_a_truncated_image_is_named_with_the_remedy(tmp_path: Path, share: float) -> None:
    whole = noise_png()
    path = tmp_path / "0601.png"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=r"^here: 0601\.png is not a readable image \(.*truncated.*\); mend it$"):
        read(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty file"), (b"<html>not found</html>", "not an image"), (b"\x89PNG\r\n", "not an")],
)
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    for attempt in (read, lambda path: is_grey(path, what="here: x.png", remedy="mend it")):
        with pytest.raises(UserError, match=rf"here: x\.png is not a readable image \({reason}.*\); mend it"):
            attempt(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read(tmp_path / "gone.png")


def test_flipped_bytes_never_escape_as_another_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    whole, path, refused = noise_png(), tmp_path / "flipped.png", 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            assert read(path).shape == (1, 2, 2)
        except UserError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("values", [np.float32([[0.5, 1], [2, 3]]), np.int32([[0, 70000], [1, 2]])])
def test_pixels_without_a_fixed_range_are_refused(tmp_path: Path, values: np.ndarray) -> None:
    with pytest.raises(UserError, match="no fixed range: convert it to 8 or 16 bits"):
        read(saved(tmp_path, "f.tif", Image.fromarray(values)))


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, "locked.png", Image.fromarray(GREY))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(UserError, match=r"locked\.png is not a readable image \(no permission to read it\); mend it"):
        read(path)
