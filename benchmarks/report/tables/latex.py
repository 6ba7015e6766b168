"""Tables as LaTeX (booktabs), split where they would be wider or longer than a page: nothing overflows silently."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from functools import cache

from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font

from benchmarks.report.data.words import row_title
from benchmarks.report.tables.model import Entry, Groups, Table

SINGLE, DOUBLE = 238.0, 497.0
"""Points: the text of one column of a paper, and of two."""
ROWS = 64
"""Lines of a table that a page holds, its caption and notes beside them."""
SIZE, SMALL, GAP = 7.0, 5.0, 7.0
"""Points: of letters, of deviations and remarks, and between two columns."""
HEAD = 13
"""Letters on one line of a column's head."""
SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "†": r"$^\dagger$",
    "τ": r"$\tau$",
}


def latex(table: Table, columns: int = 1) -> str:
    """Write a table for a document that uses booktabs; nothing else is needed.

    It is a `table` where it fits into one column of a paper, else a `table*`; what is wider than that, or longer than
    a page, becomes several of them.

    Args:
        table: what to write.
        columns: 2 for a `table*` in any case.
    """
    parts = [part for by_row in _by_rows(table.groups) for part in _by_columns(table, by_row)]
    texts = []
    wide = columns > 1 or any(_width(table, *part) > SINGLE for part in parts)
    for place, (groups, places) in enumerate(parts):
        caption, label = table.caption, table.name
        if len(parts) > 1:
            caption, label = f"{caption} (part {place + 1} of {len(parts)})", f"{label}-{place + 1}"
        notes = table.notes if place == len(parts) - 1 else []
        texts.append(_tabular(table, groups, places, (caption, label), notes, "table*" if wide else "table"))
    return "\n".join(texts)


def escape_latex(text: str) -> str:
    """Escape what LaTeX would take for a command, and write as `U+4E2D` what its usual fonts do not have."""
    return "".join(SPECIAL.get(each, each if _in_latex_fonts(each) else _code_point(each)) for each in text)


def _in_latex_fonts(character: str) -> bool:
    """Say whether pdfLaTeX and LuaLaTeX both set a character without a package: ASCII, and accented Latin letters."""
    return " " <= character <= "~" or ("\u00c0" <= character <= "\u017e" and unicodedata.decomposition(character) != "")


def _code_point(character: str) -> str:
    return " " if character.isspace() else f"U+{ord(character):04X}"


def text_width(text: str, size: float = SIZE) -> float:
    """Return the width of a text in points, in LaTeX's own letters (Computer Modern)."""
    return sum(map(_advance, text)) * size


def _tabular(
    table: Table, groups: Groups, places: Sequence[int], title: tuple[str, str], notes: list[str], kind: str
) -> str:
    width = len(places)
    lines = [
        rf"\begin{{{kind}}}[htbp]",
        r"\centering\scriptsize\setlength{\tabcolsep}{3.5pt}",
        rf"\caption{{{escape_latex(title[0])}.}}",
        rf"\label{{tab:{title[1]}}}",
        # a box of the line's width keeps the table centred where a document's lines are shorter than a paper's
        rf"\makebox[\linewidth][c]{{\begin{{tabular}}{{@{{}}l{'r' * width}@{{}}}}",
        r"\toprule",
        " & ".join(["Method", *(_head(table.columns[place]) for place in places)]) + r" \\",
    ]
    for family, members in groups:
        lines.append(r"\midrule")
        if family:
            lines.append(rf"\multicolumn{{{width + 1}}}{{@{{}}l}}{{\itshape {escape_latex(family)}}} \\")
        for label, entries in members:
            shown = [_entry(entries[place]) for place in places]
            lines.append(" & ".join([escape_latex(row_title(label)), *shown]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}}"]
    if notes:
        lines.append(rf"\par\smallskip\parbox{{\linewidth}}{{{' '.join(map(escape_latex, notes))}}}")
    return "\n".join([*lines, rf"\end{{{kind}}}", ""])


def _head(text: str) -> str:
    lines = [escape_latex(line) for line in _head_lines(text)]
    joined = r"\\".join(lines)
    return joined if len(lines) == 1 else rf"\shortstack[r]{{{joined}}}"


def _head_lines(text: str) -> list[str]:
    return textwrap.wrap(text, HEAD, break_long_words=False, break_on_hyphens=False) or [""]


def _entry(entry: Entry) -> str:
    marked = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "published": r"%s$^\dagger$"}.get(entry.mark, "%s")
    mean = marked % escape_latex(entry.mean)
    value = rf"{mean}{{\tiny$\,\pm\,${entry.sd}}}" if entry.sd else mean
    return rf"{value}{{\tiny~({escape_latex(entry.remark)})}}" if entry.remark else value


def _by_rows(groups: Groups) -> list[Groups]:
    """Split the rows into pages; a family goes on under its name."""
    pages: list[Groups] = [[]]
    used = 0
    for family, members in groups:
        for member in members:
            if used >= ROWS:
                pages.append([])
                used = 0
            if not pages[-1] or pages[-1][-1][0] != family:
                pages[-1].append((family, []))
                used += 2
            pages[-1][-1][1].append(member)
            used += 1
    return [page for page in pages if page] or [[]]


def _by_columns(table: Table, groups: Groups) -> list[tuple[Groups, list[int]]]:
    """Split the columns into widths that fit; a column that alone is too wide has a table of its own."""
    parts: list[list[int]] = [[]]
    for place in range(len(table.columns)):
        if parts[-1] and _width(table, groups, [*parts[-1], place]) > DOUBLE:
            parts.append([])
        parts[-1].append(place)
    return [(groups, part) for part in parts]


def _width(table: Table, groups: Groups, places: Sequence[int]) -> float:
    """Return how wide a part of a table is, in points."""
    rows = [(label, entries) for _, members in groups for label, entries in members]
    first = max((text_width(row_title(label)) for label, _ in rows), default=0.0)
    total = max(first, text_width("Method"))
    for place in places:
        head = max(text_width(line) for line in _head_lines(table.columns[place]))
        total += GAP + max([head, *(_entry_width(entries[place]) for _, entries in rows)])
    return total


def _entry_width(entry: Entry) -> float:
    small = f" ± {entry.sd}" * bool(entry.sd) + f" ({entry.remark})" * bool(entry.remark)
    # bold letters are a sixth wider
    return text_width(entry.mean, SIZE * (7 / 6 if entry.mark == "best" else 1)) + text_width(small, SMALL)


@cache
def _advance(letter: str) -> float:
    """Return a letter's width in ems; one that the font lacks counts as a whole em, as a Chinese one has."""
    font = _font()
    if letter in " \t":
        return 1 / 3
    index = font.get_char_index(ord(letter))
    if index == 0:
        return 0.6 if letter in "±†τ" else 1.0
    return float(font.load_char(ord(letter)).linearHoriAdvance / 65536 / 10)


@cache
def _font() -> FT2Font:
    font = FT2Font(f"{get_data_path()}/fonts/ttf/cmr10.ttf")
    font.set_size(10, 72)
    return font
