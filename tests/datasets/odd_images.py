"""A corpus of odd image files: what each must be read as, or that it must be refused."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

SIDE = 16
GREY = np.add.outer(np.arange(SIDE) * 8, np.arange(SIDE) * 7).astype(np.uint8)
"""A ramp, (16, 16), 0 to 225, different in every direction."""
COLOUR = np.stack([GREY, GREY.T, 225 - GREY], axis=2)


@dataclass(frozen=True)
class Odd:
    """One file.

    Attributes:
        name: of the file.
        data: its bytes.
        pixels: (C, H, W) that it shows, 0 to 255; None where it must be refused.
        within: how far a value may be off, where the format loses some.
        reason: what the refusal says.
        or_refused: whether it may be refused, too: cut short where nothing is lost.
    """

    name: str
    data: bytes
    pixels: np.ndarray | None = None
    within: float = 0
    reason: str = ""
    or_refused: bool = False


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def grey(values: np.ndarray) -> np.ndarray:
    return values[None].astype(np.float64)


def rgb(values: np.ndarray) -> np.ndarray:
    return values.transpose(2, 0, 1).astype(np.float64)


def over_black(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return values * (alpha / 255 if values.ndim == 2 else alpha[..., None] / 255)


def corpus() -> Iterator[Odd]:
    """Yield all."""
    for part in (bit_depths, modes, deep, tiffs, anymaps, turned, animated, shapes, cut, foreign, vast, damaged):
        yield from part()


def png(width: int, height: int, depth: int, kind: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Write a PNG by hand (RFC 2083): `rows` are packed, each behind its filter byte."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = b"".join(chunk(*each) for each in chunks) + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def packed(values: np.ndarray, depth: int) -> bytes:
    if depth == 16:
        lines = [row.astype(">u2").tobytes() for row in values]
    else:
        bits = np.unpackbits(values.astype(np.uint8)[..., None], axis=-1)[..., 8 - depth :]
        lines = [np.packbits(row.reshape(-1)).tobytes() for row in bits]
    return b"".join(b"\0" + line for line in lines)


def bit_depths() -> Iterator[Odd]:
    """PNG of every colour type and bit depth of its standard."""
    for depth in (1, 2, 4, 8):
        values = GREY >> (8 - depth)
        yield Odd(
            f"grey{depth}.png", png(SIDE, SIDE, depth, 0, packed(values, depth)), grey(values * (255 // (2**depth - 1)))
        )
        palette = np.random.default_rng(depth).integers(0, 256, (2**depth, 3), dtype=np.uint8)
        chunk = (b"PLTE", palette.tobytes())
        yield Odd(f"palette{depth}.png", png(SIDE, SIDE, depth, 3, packed(values, depth), chunk), rgb(palette[values]))
        greys = np.repeat(np.linspace(0, 255, 2**depth).astype(np.uint8)[:, None], 3, axis=1)
        chunk = (b"PLTE", greys.tobytes())
        yield Odd(
            f"greys{depth}.png", png(SIDE, SIDE, depth, 3, packed(values, depth), chunk), grey(greys[values][..., 0])
        )
    deep = GREY.astype(np.uint16) * 257
    yield Odd("grey16.png", png(SIDE, SIDE, 16, 0, packed(deep, 16)), grey(GREY))
    yield Odd("rgb8.png", png(SIDE, SIDE, 8, 2, packed(COLOUR, 8)), rgb(COLOUR))
    yield Odd("rgb16.png", png(SIDE, SIDE, 16, 2, packed(COLOUR.astype(np.uint16) * 257, 16)), rgb(COLOUR), 1)
    alpha = np.full((SIDE, SIDE), 128, dtype=np.uint8)
    for depth, factor in ((8, 1), (16, 257)):
        both = np.dstack([GREY, alpha]).astype(np.uint16) * factor
        four = np.dstack([COLOUR, alpha]).astype(np.uint16) * factor
        yield Odd(f"la{depth}.png", png(SIDE, SIDE, depth, 4, packed(both, depth)), grey(over_black(GREY, alpha)), 1)
        yield Odd(f"rgba{depth}.png", png(SIDE, SIDE, depth, 6, packed(four, depth)), rgb(over_black(COLOUR, alpha)), 1)
    see_through = (b"tRNS", struct.pack(">H", 0))
    yield Odd("keyed.png", png(SIDE, SIDE, 8, 0, packed(GREY, 8), see_through), grey(GREY), 1)


def modes() -> Iterator[Odd]:
    """Modes and formats that Pillow writes; those that lose something, within what they may lose."""
    one, three = Image.fromarray(GREY), Image.fromarray(COLOUR)
    four = Image.fromarray(np.dstack([COLOUR, np.full((SIDE, SIDE), 128, np.uint8)]))
    black = Image.fromarray(np.where(GREY > 112, 255, 0).astype(np.uint8)).convert("1")
    bilevel = grey(np.where(GREY > 112, 255, 0))
    for kind, suffix in (("PNG", "png"), ("BMP", "bmp"), ("TIFF", "tif"), ("PPM", "ppm")):
        yield Odd(f"l.{suffix}", saved(one, kind), grey(GREY))
        yield Odd(f"rgb.{suffix}", saved(three, kind), rgb(COLOUR))
        yield Odd(f"one.{suffix}", saved(black, kind), bilevel)
    for kind, suffix in (("PNG", "png"), ("TIFF", "tif"), ("WEBP", "webp"), ("JPEG2000", "jp2")):
        options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
        yield Odd(f"rgba.{suffix}", saved(four, kind, **options), rgb(over_black(COLOUR, np.full(GREY.shape, 128))), 1)
    for kind, suffix, options in (
        ("JPEG", "jpg", {"quality": 95}),
        ("JPEG", "jpeg", {"quality": 95, "progressive": True}),
        ("WEBP", "webp", {"quality": 95}),
        ("AVIF", "avif", {"quality": 95}),
    ):
        yield Odd(f"lossy.{suffix}", saved(three, kind, **options), rgb(COLOUR), 18)
    yield Odd("l.jpg", saved(one, "JPEG", quality=95), grey(GREY), 4)
    yield Odd("l.jp2", saved(one, "JPEG2000"), grey(GREY))
    yield Odd("rgb.jp2", saved(three, "JPEG2000"), rgb(COLOUR))
    yield Odd("raw.j2k", saved(three, "JPEG2000", no_jp2=True), rgb(COLOUR))
    yield Odd("lossless.webp", saved(three, "WEBP", lossless=True), rgb(COLOUR))
    yield Odd("l.gif", saved(one, "GIF"), grey(GREY))
    inks = Image.fromarray(np.dstack([255 - COLOUR, np.zeros_like(GREY)]), "CMYK")
    yield Odd("cmyk.tif", saved(inks, "TIFF"), rgb(COLOUR), 1)
    yield Odd("cmyk.jpg", saved(inks, "JPEG", quality=95, subsampling=0), rgb(COLOUR), 6)
    lab = Image.fromarray(np.dstack([GREY, np.full((SIDE, SIDE, 2), 128, np.uint8)]), "LAB")
    yield Odd("lab.tif", saved(lab, "TIFF"), reason="its colours are LAB")
    yield Odd("ycc.tif", saved(three, "TIFF", compression="jpeg", quality=95), rgb(COLOUR), 14)


def deep() -> Iterator[Odd]:
    """Twelve bits in files of sixteen, and values below zero or between whole numbers."""
    twelve = (GREY.astype(np.uint16) * 18).clip(0, 4095)
    for kind, suffix in (("PNG", "png"), ("TIFF", "tif"), ("JPEG2000", "jp2")):
        yield Odd(f"twelve.{suffix}", saved(Image.fromarray(twelve), kind), grey(np.floor(twelve / 4095 * 255 + 0.5)))
    share = GREY / 225
    for name, values in (
        ("signed", GREY.astype(np.int32) - 100),
        ("float", share.astype(np.float32)),
        ("large", (GREY * 1e6).astype(np.float32)),
        ("minus", (share - 0.5).astype(np.float32)),
    ):
        yield Odd(f"{name}.tif", saved(Image.fromarray(values), "TIFF"), grey(np.floor(share * 255 + 0.5)), 1)
    for value in (np.nan, np.inf, -np.inf):
        spoilt = share.astype(np.float32)
        spoilt[3, 3] = value
        yield Odd(f"{value}.tif", saved(Image.fromarray(spoilt), "TIFF"), reason="not all values are finite")
    constant = np.full((SIDE, SIDE), 7.5, np.float32)
    yield Odd("constant.tif", saved(Image.fromarray(constant), "TIFF"), grey(np.zeros((SIDE, SIDE))))


def tiff(values: np.ndarray, order: str, sample: int, *, photometric: int = 1, pages: int = 1) -> bytes:
    """Write a TIFF 6.0 by hand, one uncompressed strip a page: `sample` is 1 unsigned, 2 signed, 3 floating point."""
    height, width = values.shape[:2]
    channels = values.shape[2] if values.ndim == 3 else 1
    data = values.astype(values.dtype.newbyteorder(order)).tobytes()
    bits, at = values.dtype.itemsize * 8, 8 + pages * len(data)
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", at) + data * pages
    for page in range(pages):
        begin = 8 + page * len(data)
        short = 3, 4
        many = at + 2 + 10 * 12 + 4  # three shorts do not fit into an entry
        tags = [
            (256, short[1], 1, width), (257, short[1], 1, height),
            (258, short[0], channels, bits if channels == 1 else many), (259, short[0], 1, 1),
            (262, short[0], 1, photometric), (273, short[1], 1, begin), (277, short[0], 1, channels),
            (278, short[1], 1, height), (279, short[1], 1, len(data)),
            (339, short[0], channels, sample if channels == 1 else many + 2 * channels),
        ]  # fmt: skip
        size = 2 + 10 * 12 + 4 + (4 * channels if channels > 1 else 0)
        following = at + size if page + 1 < pages else 0
        out += struct.pack(f"{order}H", len(tags))
        for tag, kind, count, value in tags:
            inline = kind == 3 and count == 1
            out += struct.pack(f"{order}HHI", tag, kind, count)
            out += struct.pack(f"{order}HH" if inline else f"{order}I", *((value, 0) if inline else (value,)))
        out += struct.pack(f"{order}I", following)
        if channels > 1:
            out += struct.pack(f"{order}{channels}H", *[bits] * channels)
            out += struct.pack(f"{order}{channels}H", *[sample] * channels)
        at += size
    return out


def tiffs() -> Iterator[Odd]:
    """TIFF of every number type and byte order, of every compression, and of several pages."""
    share = GREY / 225
    kinds = [("u1", 1), ("u2", 1), ("i2", 2), ("u4", 1), ("i4", 2), ("f4", 3), ("f8", 3)]
    for order, word in (("<", "little"), (">", "big")):
        for kind, sample in kinds:
            values = (share if kind[0] == "f" else GREY).astype(kind)
            read = grey(np.floor(share * 255 + 0.5)) if kind[0] == "f" else grey(GREY)
            yield Odd(f"{word}-{kind}.tif", tiff(values, order, sample), read, or_refused=kind in ("i2", "u4", "f8"))
        yield Odd(f"{word}-rgb.tif", tiff(COLOUR, order, 1, photometric=2), rgb(COLOUR))
        deep = COLOUR.astype(np.uint16) * 257
        yield Odd(f"{word}-rgb16.tif", tiff(deep, order, 1, photometric=2), rgb(COLOUR), 1, or_refused=True)
        yield Odd(f"{word}-white-is-0.tif", tiff(255 - GREY, order, 1, photometric=0), grey(GREY))
        yield Odd(f"{word}-pages.tif", tiff(GREY, order, 1, pages=3), grey(GREY))
    for way in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "tiff_deflate", "raw"):
        yield Odd(f"{way}.tif", saved(Image.fromarray(COLOUR), "TIFF", compression=way), rgb(COLOUR))
    black = Image.fromarray(np.where(GREY > 112, 255, 0).astype(np.uint8)).convert("1")
    for way in ("group3", "group4"):
        yield Odd(f"{way}.tif", saved(black, "TIFF", compression=way), grey(np.where(GREY > 112, 255, 0)))


def anymaps() -> Iterator[Odd]:
    """Portable anymaps, in text and in bytes, of several depths."""
    size = f"{SIDE} {SIDE}"
    text = " ".join(map(str, GREY.ravel()))
    bits = " ".join("0" if value > 112 else "1" for value in GREY.ravel())
    yield Odd("text.pbm", f"P1\n{size}\n{bits}\n".encode(), grey(np.where(GREY > 112, 255, 0)))
    yield Odd("text.pgm", f"P2\n# a remark\n{size}\n255\n{text}\n".encode(), grey(GREY))
    yield Odd("text.ppm", f"P3 {size} 255 {' '.join(map(str, COLOUR.ravel()))}\n".encode(), rgb(COLOUR))
    tenth = GREY // 25
    yield Odd("nine.pgm", f"P5 {size} 9\n".encode() + tenth.tobytes(), grey(np.floor(tenth / 9 * 255 + 0.5)), 1)
    deep = (GREY.astype(np.uint16) * 4).astype(">u2")
    expected = np.floor(GREY * 4.0 / 65535 * 65535 / 1023 * 255 + 0.5)
    yield Odd("ten.pgm", f"P5 {size} 1023\n".encode() + deep.tobytes(), grey(expected), 1)
    yield Odd("none.pgm", f"P5 {size} 0\n".encode() + GREY.tobytes(), reason="not a readable image")
    yield Odd("words.pgm", f"P2 {size} 255 one two".encode(), reason="not a readable image")
    yield Odd("above.pgm", f"P2 {size} 200 {text}\n".encode(), reason="not a readable image")


def turned() -> Iterator[Odd]:
    """EXIF orientations 1 to 8 of the TIFF standard: what the eye sees, of pixels stored turned."""
    stored: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        1: lambda seen: seen,
        2: np.fliplr,
        3: lambda seen: np.rot90(seen, 2),
        4: np.flipud,
        5: lambda seen: seen.swapaxes(0, 1),
        6: np.rot90,
        7: lambda seen: np.rot90(seen.swapaxes(0, 1), 2),
        8: lambda seen: np.rot90(seen, -1),
    }
    for number, store in stored.items():
        exif = Image.Exif()
        exif[0x0112] = number
        image = Image.fromarray(np.ascontiguousarray(store(COLOUR)))
        yield Odd(f"turned{number}.png", saved(image, "PNG", exif=exif), rgb(COLOUR))
        yield Odd(f"turned{number}.jpg", saved(image, "JPEG", quality=95, subsampling=0, exif=exif), rgb(COLOUR), 8)
        yield Odd(f"turned{number}.webp", saved(image, "WEBP", lossless=True, exif=exif), rgb(COLOUR))
    bad = Image.Exif()
    bad[0x0112] = 99
    yield Odd("turned99.png", saved(Image.fromarray(COLOUR), "PNG", exif=bad), rgb(COLOUR))


def animated() -> Iterator[Odd]:
    """Animations: the first image is the one that is read."""
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    for kind, suffix, options in (
        ("GIF", "gif", {}),
        ("PNG", "png", {}),
        ("WEBP", "webp", {"lossless": True}),
        ("TIFF", "tif", {}),
    ):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        yield Odd(f"animated.{suffix}", data, grey(GREY), 1)


def shapes() -> Iterator[Odd]:
    """Images of one pixel, and of one row."""
    for kind, suffix in (
        ("PNG", "png"),
        ("JPEG", "jpg"),
        ("BMP", "bmp"),
        ("TIFF", "tif"),
        ("GIF", "gif"),
        ("PPM", "pgm"),
    ):
        dot, row = np.full((1, 1), 200, np.uint8), np.full((1, 3000), 90, np.uint8)
        yield Odd(f"dot.{suffix}", saved(Image.fromarray(dot), kind), grey(np.full((1, 1), 200.0)), 1)
        yield Odd(f"row.{suffix}", saved(Image.fromarray(row), kind), grey(np.full((1, 1), 90.0)), 1)


def cut() -> Iterator[Odd]:
    """Files cut short: never half an image."""
    for kind, suffix, options in (
        ("PNG", "png", {}), ("JPEG", "jpg", {"quality": 95}), ("BMP", "bmp", {}), ("TIFF", "tif", {}),
        ("GIF", "gif", {}), ("WEBP", "webp", {"lossless": True}), ("PPM", "ppm", {}), ("JPEG2000", "jp2", {}),
        ("AVIF", "avif", {"quality": 95}),
    ):  # fmt: skip
        whole = saved(Image.fromarray(GREY if kind == "GIF" else COLOUR), kind, **options)
        pixels = grey(GREY) if kind == "GIF" else rgb(COLOUR)
        for share in (10, 50, 90, 99):
            data = whole[: len(whole) * share // 100]
            yield Odd(f"cut{share}.{suffix}", data, pixels, 18, or_refused=True)


def foreign() -> Iterator[Odd]:
    """What is no image of the listed formats, whatever it is called."""
    three = Image.fromarray(COLOUR)
    for kind in ("EPS", "PDF", "ICO", "TGA", "DDS", "PCX", "SGI", "MSP", "XBM", "SPIDER", "ICNS", "QOI", "BLP"):
        mode = {"MSP": "1", "XBM": "1", "SPIDER": "F", "BLP": "P"}.get(kind)
        image = three.convert(mode) if mode else three.resize((32, 32)) if kind == "ICNS" else three
        yield Odd(f"{kind.lower()}.png", saved(image, kind), reason="not an image, or none of PNG")
    texts = {
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(/etc/passwd) run\nshowpage\n",
        "vector": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "page": b"<!DOCTYPE html><html>404</html>",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "program": b"\x7fELF" + bytes(60),
        "archive": b"PK\x03\x04" + bytes(60),
        "json": b"{}",
        "zeros": bytes(1000),
    }
    for name, data in texts.items():
        yield Odd(f"{name}.jpg", data, reason="not an image, or none of PNG")
    yield Odd("empty.png", b"", reason="empty file")


def vast() -> Iterator[Odd]:
    """A head that promises more pixels than there may be."""
    reason = "million pixels"
    rows = b"\0" * 10
    yield Odd("vast.png", png(100_000, 100_000, 8, 0, rows), reason=reason)
    yield Odd("vast.pgm", b"P5 100000 100000 255\n" + rows, reason=reason)
    bmp = bytearray(saved(Image.fromarray(COLOUR), "BMP"))
    bmp[18:26] = struct.pack("<ii", 100_000, 100_000)
    yield Odd("vast.bmp", bytes(bmp), reason=reason)
    gif = bytearray(saved(Image.fromarray(GREY), "GIF"))
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    yield Odd("vast.gif", bytes(gif), reason=reason)
    jpeg = bytearray(saved(Image.fromarray(GREY), "JPEG"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    yield Odd("vast.jpg", bytes(jpeg), reason=reason)


def damaged() -> Iterator[Odd]:
    """Heads that make no sense, and bytes that a checksum is of."""
    whole = bytearray(saved(Image.fromarray(COLOUR), "PNG"))
    at = whole.index(b"IDAT") + 8
    whole[at] ^= 255
    yield Odd("flipped.png", bytes(whole), reason="not a readable image")
    for name, data in {
        "no-pixels": png(0, 0, 8, 0, b""),
        "depth-3": png(SIDE, SIDE, 3, 0, packed(GREY, 8)),
        "type-5": png(SIDE, SIDE, 8, 5, packed(GREY, 8)),
        "few-rows": png(SIDE, SIDE, 8, 0, packed(GREY[:5], 8)),
        "no-palette-colour": png(SIDE, SIDE, 8, 3, packed(GREY, 8), (b"PLTE", b"")),
    }.items():
        yield Odd(f"{name}.png", data, reason="not a readable image")
    bomb = zlib.compress(bytes(80 * 2**20))
    text = png(SIDE, SIDE, 8, 0, packed(GREY, 8), (b"zTXt", b"Comment\0\0" + bomb))
    yield Odd("text-bomb.png", text, grey(GREY), or_refused=True)
    circle = bytearray(saved(Image.fromarray(GREY), "TIFF"))
    circle[4:8] = struct.pack("<I", 4)
    yield Odd("circle.tif", bytes(circle), reason="not a readable image")
