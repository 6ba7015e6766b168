"""Make the whole report from the records alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from benchmarks.report import claims as claim
from benchmarks.report import statistics_text
from benchmarks.report.figures.draw import draw_all
from benchmarks.report.loading import Collection, collect
from benchmarks.report.names import metric_named
from benchmarks.report.points import points
from benchmarks.report.render import write_table
from benchmarks.report.statistics import Analysis, analyse
from benchmarks.report.tables import dataset_tables, summary_tables
from datasets import UserError

LOG = logging.getLogger(__name__)


@dataclass
class Report:
    """What a build made.

    Attributes:
        out: the folder it was written to.
        files: every file written.
        problems: what a reader has to know about the records: cells that differ between folders, mixed settings.
        claims: the paper's claims beside what was measured.
    """

    out: Path
    files: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    claims: list[claim.Claim] = field(default_factory=list)


def build(
    results: Sequence[Path],
    out: Path | None = None,
    metric: str = "accuracy",
    control: str = "cross-entropy",
    figures: bool = True,
) -> Report:
    """Make tables, figures, statistics, claims, summary and page from the records of some result folders.

    Args:
        results: folders that hold records; the same cell in two of them is checked for equality.
        out: where to write; the first of `results` by default.
        metric: one of `benchmarks.report.METRICS`.
        control: the method that others are compared with.
        figures: whether to draw the figures, which takes most of the time.

    Raises:
        UserError: no records, a missing or unwritable folder, an unknown metric.
    """
    metric_named(metric)
    collection = collect(results)
    for problem in collection.problems:
        LOG.warning(problem)
    report = Report(out or results[0], problems=collection.problems)
    try:
        table = points(collection)
        _tables(table, collection, metric, report)
        _claims(table, report)
        analyses = _statistics(table, metric, control, report)
        if figures:
            report.files += draw_all(table, collection, analyses, metric, control, _folder(report, "figures"))
    except OSError as error:
        raise UserError(
            f"report folder {report.out} cannot be written ({error.strerror}); name another with --out"
        ) from error
    return report


def _folder(report: Report, name: str) -> Path:
    folder = report.out / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _tables(table: pd.DataFrame, collection: Collection, metric: str, report: Report) -> None:
    folder = _folder(report, "tables")
    for each in [*dataset_tables(table, collection, metric), *summary_tables(table, metric)]:
        report.files += write_table(each, folder)


def _claims(table: pd.DataFrame, report: Report) -> None:
    report.claims = claim.claims(table)
    _write(report, "claims.md", claim.markdown(report.claims))


def _statistics(table: pd.DataFrame, metric: str, control: str, report: Report) -> dict[str, Analysis]:
    analyses = {str(name): analyse(part, metric, control) for name, part in table.groupby("comparison", sort=False)}
    _write(report, "statistics.md", statistics_text.markdown(analyses))
    return analyses


def _write(report: Report, name: str, text: str) -> None:
    path = report.out / name
    path.write_text(text, encoding="utf-8")
    report.files.append(path)
