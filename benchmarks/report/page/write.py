"""`report.html`: one file that needs nothing else, no network either.

The curves are Plotly's. Its script is 4.8 MB as it comes with the package; gzipped and written as base64 it is 2 MB,
which every current browser unpacks by itself (DecompressionStream). So the page stays below 5 MB with the library that
is already a dependency.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image
from plotly.offline import get_plotlyjs

from benchmarks.records.asked import without_folders
from benchmarks.report.advice.wording import RULES
from benchmarks.report.data.loading import Collection
from benchmarks.report.data.names import METRICS, comparison_title, slug
from benchmarks.report.data.origin import image_sets
from benchmarks.report.data.words import dataset_name, protocol_title
from benchmarks.report.figures.draw import CRITICAL, MINORITY, STEPS
from benchmarks.report.page.about import entries
from benchmarks.report.page.data import page_data
from benchmarks.report.statistics import claims as claim
from benchmarks.report.statistics.tests import CAVEAT, Analysis
from benchmarks.report.statistics.text import control_rows, friedman_sentence
from benchmarks.report.summary.text import Paragraph
from benchmarks.report.tables.model import Table
from datasets.hints import counted

TEMPLATES = Path(__file__).parent / "templates"
KEY = {
    MINORITY: "Accuracy and ROC-AUC by the number of minority images, mean over the datasets; the control, this "
    "suite's own method and the best of each other family",
    STEPS: "{metric} by gradient steps, mean over the datasets; a ring marks where a method is trained to its end",
    CRITICAL: "Mean ranks by {metric} of the best ten and the control, 1 is best; bars join what Nemenyi's test does "
    "not tell apart",
}
"""Captions of the figures over all datasets."""
EXPLAINED, PANELS = "explain", "*-panels.png"
MOST_BYTES = 1_200_000
"""Of panels in the page; the rest stay in their folder."""
SCRIPTS = ("data.js", "table.js", "download.js", "chart.js", "main.js")


@dataclass(frozen=True)
class Contents:
    """Everything that the page shows."""

    table: pd.DataFrame
    collection: Collection
    analyses: dict[str, Analysis]
    claims: list[claim.Claim]
    overall: list[str]
    scored: str
    paragraphs: list[Paragraph]
    gaps: list[str]
    tuned: list[Table]
    files: Sequence[Path]
    out: Path
    metric: str
    control: str


def page(contents: Contents, refresh: int = 0) -> str:
    """Render the page; with `refresh`, it reloads itself every so many seconds."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    frame, table = contents.collection.frame, contents.table
    # Only the project's own files and the escaped JSON are marked as safe; every other text is escaped by Jinja.
    return environment.get_template("report.html.j2").render(
        css=Markup(_read("style.css")),  # nosec B704
        js=Markup('(() => {\n"use strict";\n' + "\n".join(_read(name) for name in SCRIPTS) + "})();"),  # nosec B704
        plotly=Markup(packed_plotly()),  # nosec B704
        data=Markup(page_data(table, contents.collection, contents.metric, contents.control)),  # nosec B704
        refresh=refresh,
        counts=_counts(table, frame),
        overall=contents.overall,
        scored=contents.scored,
        paragraphs=[(part, _embedded(contents.out, part.picture)) for part in contents.paragraphs],
        rules=RULES,
        paper=claim.PAPER,
        claims=contents.claims,
        claim_rules=claim.RULES,
        statistics=[_statistics(name, analysis) for name, analysis in contents.analyses.items()],
        caveat=CAVEAT,
        files=_files(contents.files, contents.out),
        gaps=contents.gaps,
        completeness=_completeness(table),
        tuned=contents.tuned,
        about=[(family, list(part)) for family, part in groupby(entries(table), key=lambda each: each.family)],
        figures=_figures(contents),
        commands=list(
            dict.fromkeys(
                without_folders(grid.command, contents.collection.folders) for grid in contents.collection.grids
            )
        ),
        environments=_environments(frame),
    )


@cache
def packed_plotly() -> str:
    """Return Plotly's script, gzipped and in base64; the same bytes every time."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 6, mtime=0)).decode()


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _counts(table: pd.DataFrame, frame: pd.DataFrame) -> dict[str, int]:
    """Count cells; the table has those of the proposed methods in both comparisons, the frame has each once."""
    done, failed = (int(frame["status"].eq(status).sum()) for status in ("done", "failed"))
    missing = int((table["asked"] - table["done"] - table["failed"]).clip(lower=0).sum())
    return {
        "done": done,
        "asked": done + failed + missing,
        "failed": failed,
        "methods": int(table["label"].nunique()),
        "datasets": len(set(image_sets(table["dataset"]).values())),
    }


def _embedded(out: Path, picture: str) -> str:
    """Return a figure as part of the page; empty where there is none."""
    path = out / "figures" / f"{picture}.png"
    return _picture(path) if picture and path.is_file() else ""


def _picture(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _photographs(path: Path) -> str:
    """Return panels of photographs as part of the page: a fifth of the bytes, and the same to the eye."""
    buffer = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(buffer, "WEBP", quality=85)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _figures(contents: Contents) -> list[tuple[str, str, bool]]:
    """Embed the key figures over all datasets, and explanations where the run's folders hold some.

    Returns:
        Caption, picture, and whether it is drawn over two columns of a paper.
    """
    drawn = {path.stem for path in contents.files if path.suffix == ".png" and path.parent.name == "figures"}
    shown = []
    for name, caption in KEY.items():
        stem = slug(name, contents.metric if name == CRITICAL else "")
        if stem in drawn:
            text = caption.format(metric=METRICS[contents.metric].words)
            shown.append((text[0].upper() + text[1:], _embedded(contents.out, stem), name == CRITICAL))
    panels = [path for folder in contents.collection.folders for path in sorted((folder / EXPLAINED).glob(PANELS))]
    room = MOST_BYTES
    for number, path in enumerate(panels):
        embedded = _photographs(path)
        room -= len(embedded)
        if room < 0 and shown:
            more = f"; {counted(len(panels) - number, 'more picture')} in {path.parent}"
            shown[-1] = (shown[-1][0] + more, *shown[-1][1:])
            break
        where = path.stem.removesuffix("-panels").replace("-", " ")
        shown.append((f"Where methods look: {where}", embedded, False))
    return [each for each in shown if each[1]]


def _statistics(comparison: str, analysis: Analysis) -> dict[str, Any]:
    heads, rows = control_rows(analysis)
    left_out = ["Left out, because values are missing: " + "; ".join(analysis.left_out) + "."]
    sentences = [analysis.verdict] if analysis.verdict else []
    sentences += [friedman_sentence(analysis)] if analysis.friedman else []
    return {
        "title": comparison_title(comparison).capitalize(),
        "sentences": sentences + (left_out if analysis.left_out else []),
        "control": analysis.control,
        "heads": heads,
        "rows": rows,
    }


def _files(files: Sequence[Path], out: Path) -> list[tuple[str, list[tuple[str, list[tuple[str, str]]]]]]:
    """Group the files by folder and by name without ending: one line a figure or table, one link a format."""
    result = []
    for title, folder in (("Figures", "figures"), ("Tables", "tables")):
        groups: dict[str, list[tuple[str, str]]] = {}
        for path in (path for path in files if path.parent == out / folder):
            groups.setdefault(path.stem, []).append((path.suffix.lstrip(".").upper(), f"{folder}/{path.name}"))
        if groups:
            result.append((title, list(groups.items())))
    return result


def _completeness(table: pd.DataFrame) -> list[dict[str, Any]]:
    sums = table.groupby(["dataset", "protocol", "comparison"], sort=False)[["asked", "done", "failed"]].sum()
    rows: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in sums.reset_index().to_dict("records")
    ]
    return [
        {**row, "dataset": dataset_name(str(row["dataset"])), "protocol": protocol_title(str(row["protocol"]))}
        for row in rows
    ]


def _plain(value: Any) -> str:
    """Write a value of the environment for people."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    return "none" if value is None else str(value)


def _environments(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Say in which environments the cells ran, the most frequent first."""
    result = []
    for text, group in frame.groupby("environment"):
        entries = [(str(name), _plain(value)) for name, value in json.loads(str(text)).items()]
        first, last = group["created"].min(), group["created"].max()
        result.append({"cells": len(group), "first": first, "last": last, "entries": entries})
    return sorted(result, key=lambda each: -each["cells"])[:10]
