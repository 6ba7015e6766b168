"""Write tables as Markdown, LaTeX (booktabs) and CSV."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable
from pathlib import Path

from tabulate import tabulate

from benchmarks.report.data.names import safe_in_csv
from benchmarks.report.tables.model import Entry, Table

LATEX_SPECIAL = {
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
}


def write_table(table: Table, folder: Path) -> list[Path]:
    """Write one table in all formats; return the files."""
    writers: dict[str, Callable[[Table], str]] = {".md": markdown, ".tex": latex, ".csv": comma_separated}
    files = []
    for suffix, write in writers.items():
        path = folder / (table.name + suffix)
        path.write_text(write(table), encoding="utf-8")
        files.append(path)
    return files


def markdown(table: Table) -> str:
    """Write a table as Markdown, a bold line above each family."""
    width = len(table.columns)
    rows: list[list[str]] = []
    for family, members in table.groups:
        if family:
            rows.append([f"*{escape_markdown(family)}*"] + [""] * width)
        rows += [[escape_markdown(label), *map(_md_entry, entries)] for label, entries in members]
    body = tabulate(
        rows, headers=["Method", *map(escape_markdown, table.columns)], tablefmt="pipe", disable_numparse=True
    )
    notes = "\n".join(f"- {escape_markdown(note)}" for note in table.notes)
    return f"**{escape_markdown(table.caption)}**\n\n{body}\n\n{notes}\n"


def comma_separated(table: Table) -> str:
    """Write a table as CSV: numbers as shown, one column each for mean, sd and remark where a column has them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    with_sd = [any(_more(entries[i]) for *_, entries in table.rows) for i in range(len(table.columns))]
    header = ["family", "method"]
    for column, wide in zip(map(safe_in_csv, table.columns), with_sd, strict=True):
        header += [column, f"{column} sd", f"{column} remark"] if wide else [column]
    writer.writerow(header)
    for family, label, entries in table.rows:
        line = [safe_in_csv(family), safe_in_csv(label)]
        for entry, wide in zip(entries, with_sd, strict=True):
            line += [entry.mean, entry.sd, _remark(entry)] if wide else [entry.mean]
        writer.writerow(line)
    return out.getvalue()


def latex(table: Table) -> str:
    """Write a table for a document that uses booktabs; nothing else is needed."""
    width = len(table.columns)
    lines = [
        r"\begin{table}[htbp]",
        r"\centering\scriptsize\setlength{\tabcolsep}{3.5pt}",
        rf"\caption{{{escape_latex(table.caption)}.}}",
        rf"\label{{tab:{table.name}}}",
        # A box of the line's width keeps a wide table centred, whatever the document's margins.
        rf"\makebox[\linewidth][c]{{\begin{{tabular}}{{@{{}}l{'r' * width}@{{}}}}",
        r"\toprule",
        " & ".join(["Method", *map(escape_latex, table.columns)]) + r" \\",
    ]
    for family, members in table.groups:
        lines.append(r"\midrule")
        if family:
            lines.append(rf"\multicolumn{{{width + 1}}}{{@{{}}l}}{{\itshape {escape_latex(family)}}} \\")
        lines += [" & ".join([escape_latex(label), *map(_tex_entry, entries)]) + r" \\" for label, entries in members]
    lines += [r"\bottomrule", r"\end{tabular}}"]
    lines += [rf"\par\smallskip\parbox{{\linewidth}}{{{' '.join(map(escape_latex, table.notes))}}}"]
    return "\n".join([*lines, r"\end{table}", ""])


def escape_latex(text: str) -> str:
    """Escape what LaTeX would take for a command, and write as `U+4E2D` what its usual fonts do not have."""
    return "".join(LATEX_SPECIAL.get(each, each if _in_latex_fonts(each) else _code_point(each)) for each in text)


def _in_latex_fonts(character: str) -> bool:
    """Say whether pdfLaTeX and LuaLaTeX both set a character without a package: ASCII, and accented Latin letters."""
    return " " <= character <= "~" or ("\u00c0" <= character <= "\u017e" and unicodedata.decomposition(character) != "")


def _code_point(character: str) -> str:
    return " " if character.isspace() else f"U+{ord(character):04X}"


def _more(entry: Entry) -> bool:
    return bool(entry.sd or _remark(entry))


def _remark(entry: Entry) -> str:
    return entry.remark or ("published" if entry.mark == "published" else "")


def escape_markdown(text: str) -> str:
    """Keep a name from breaking a table or from being read as markup."""
    special = {"|": "\\|", "*": "\\*", "_": "\\_", "<": "&lt;", ">": "&gt;", "`": "\\`", "[": "\\[", "\n": " "}
    return "".join(special.get(character, character) for character in text)


def _md_entry(entry: Entry) -> str:
    value = f"{entry.mean} ± {entry.sd}" if entry.sd else entry.mean
    value = {"best": f"**{value}**", "second": f"<u>{value}</u>", "published": f"{value} †"}.get(entry.mark, value)
    return f"{value} ({entry.remark})" if entry.remark else value


def _tex_entry(entry: Entry) -> str:
    marked = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "published": r"%s$^\dagger$"}.get(entry.mark, "%s")
    mean = marked % escape_latex(entry.mean)
    value = rf"{mean}{{\tiny$\,\pm\,${entry.sd}}}" if entry.sd else mean
    return rf"{value}{{\tiny~({escape_latex(entry.remark)})}}" if entry.remark else value
