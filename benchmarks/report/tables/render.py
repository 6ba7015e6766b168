"""Write tables as Markdown, LaTeX (booktabs) and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from tabulate import tabulate

from benchmarks.report.data.names import escape_markdown, safe_in_csv
from benchmarks.report.data.words import row_title
from benchmarks.report.tables.latex import latex
from benchmarks.report.tables.model import Entry, Table


def write_table(table: Table, folder: Path, columns: int = 1) -> list[Path]:
    """Write one table in all formats; return the files. LaTeX spans so many columns of a paper at least."""
    writers: dict[str, Callable[[Table], str]] = {
        ".md": markdown,
        ".tex": lambda table: latex(table, columns),
        ".csv": comma_separated,
    }
    files = []
    for suffix, write in writers.items():
        path = folder / (table.name + suffix)
        text = write(table)
        # a spreadsheet takes a CSV without this mark for Latin letters of its own page of codes
        mark = "utf-8-sig" if suffix == ".csv" and not text.isascii() else "utf-8"
        path.write_text(text, encoding=mark)
        files.append(path)
    return files


def markdown(table: Table) -> str:
    """Write a table as Markdown, a bold line above each family."""
    width = len(table.columns)
    rows: list[list[str]] = []
    for family, members in table.groups:
        if family:
            rows.append([f"*{escape_markdown(family)}*"] + [""] * width)
        rows += [[escape_markdown(row_title(label)), *map(_md_entry, entries)] for label, entries in members]
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
            mean = safe_in_csv(entry.mean)
            line += [mean, entry.sd, safe_in_csv(_remark(entry))] if wide else [mean]
        writer.writerow(line)
    return out.getvalue()


def _more(entry: Entry) -> bool:
    return bool(entry.sd or _remark(entry))


def _remark(entry: Entry) -> str:
    return entry.remark or ("published" if entry.mark == "published" else "")


def _md_entry(entry: Entry) -> str:
    value = f"{entry.mean} ± {entry.sd}" if entry.sd else entry.mean
    value = {"best": f"**{value}**", "second": f"<u>{value}</u>", "published": f"{value} †"}.get(entry.mark, value)
    return f"{value} ({entry.remark})" if entry.remark else value
