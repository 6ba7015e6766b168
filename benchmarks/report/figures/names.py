"""Names in figures: in words, wrapped, and only of letters that a font at hand can draw."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import cache

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

from benchmarks.report.data.words import method_title

LATIN = "DejaVu Sans"
OTHERS: tuple[str, ...] = (
    "noto sans cjk",
    "noto sans",
    "source han",
    "droid sans fallback",
    "wenquanyi",
    "arial unicode",
    "unifont",
)
OTHERS += ("microsoft yahei", "simhei", "hiragino", "pingfang", "malgun", "yu gothic")
LONG = 25
"""Letters of a name on one line."""
SHORT = 19
"""Letters of a line of a name in a legend below the axes, or above a panel: no method's name loses its end."""
LETTER = 0.075
"""Inches that a letter takes at most, but for a few."""
TWO_LINES = 0.3
"""Inches that two lines take."""


def name(label: str, width: int = LONG, lines: int = 2) -> str:
    """Write a method's label in words, broken so that it leaves room for the data."""
    return wrapped(method_title(label), width, lines)


def wrapped(text: str, width: int = LONG, lines: int = 2) -> str:
    """Break a text into so many lines at most; what is left out is marked."""
    text = printable(text)
    long = any(len(word) > width for word in text.split())
    broken = textwrap.wrap(text, width, break_long_words=True, break_on_hyphens=long)
    if len(broken) > lines:
        broken = [*broken[: lines - 1], broken[lines - 1][: width - 1] + "…"]
    return "\n".join(broken)


def heads(names: Sequence[str], inches: float) -> tuple[list[str], int]:
    """Write the heads of columns so many inches wide: upright where all of it has room, else turned by 90 degrees."""
    letters = int(inches / LETTER)
    longest = max(len(word) for text in names for word in printable(text).split() or [""])
    if longest > letters or any("…" in wrapped(text, letters, 3) for text in names):
        return [wrapped(text, *((24, 2) if inches >= TWO_LINES else (34, 1))) for text in names], 90
    return [wrapped(text, letters, 3) for text in names], 0


def printable(text: str) -> str:
    """Write letters that no font at hand has by their number, such as U+65B9, in place of an empty box."""
    if text.isascii():
        return text
    known = _letters()
    return "".join(letter if ord(letter) in known else f"U+{ord(letter):04X} " for letter in text).strip()


@cache
def fonts() -> list[str]:
    """Return the fonts to draw with: DejaVu, and for other scripts whatever the machine has."""
    names = {font.name for font in font_manager.fontManager.ttflist}
    return [LATIN, *sorted(known for known in names if known.lower().startswith(OTHERS))[:8]]


@cache
def _letters() -> frozenset[int]:
    paths = [font_manager.findfont(known) for known in fonts()]
    return frozenset(code for path in paths for code in FT2Font(path).get_charmap())
