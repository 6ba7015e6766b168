"""Make the whole report from the records alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from benchmarks.report import claims as claim
from benchmarks.report.figures.curves import curve_figure
from benchmarks.report.loading import Collection, collect
from benchmarks.report.names import metric_named, slug
from benchmarks.report.points import points
from benchmarks.report.render import write_table
from benchmarks.report.style import save, styled
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
        if figures:
            _figures(table, metric, control, report)
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
    path = report.out / "claims.md"
    path.write_text(claim.markdown(report.claims), encoding="utf-8")
    report.files.append(path)


def _figures(table: pd.DataFrame, metric: str, control: str, report: Report) -> None:
    folder = _folder(report, "figures")
    with styled():
        for (comparison, dataset, protocol), part in table.groupby(["comparison", "dataset", "protocol"], sort=False):
            if part[metric].notna().any():
                name = slug(str(dataset), str(protocol), "" if comparison == "as-in-paper" else str(comparison), metric)
                report.files += save(curve_figure(part, metric, control), folder, name)
