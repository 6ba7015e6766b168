"""Make the whole report from the records alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from benchmarks.records.files import write_atomic
from benchmarks.report.advice.make import Advised, make, regret_csv, regret_markdown
from benchmarks.report.advice.wording import scored_text
from benchmarks.report.data.export import records_csv
from benchmarks.report.data.loading import Collection, collect, only
from benchmarks.report.data.names import AS_IN_PAPER, metric_named
from benchmarks.report.data.points import comparable, points
from benchmarks.report.data.variants import ranked, set_apart
from benchmarks.report.figures.draw import Drawing
from benchmarks.report.figures.style import Layout
from benchmarks.report.figures.workers import Workers
from benchmarks.report.page.write import Contents, page
from benchmarks.report.rescore.records import COLUMNS as JUDGED
from benchmarks.report.rescore.records import RULE, judged, parse_cost, parse_prior
from benchmarks.report.rescore.split import split, split_tables
from benchmarks.report.statistics import claims as claim
from benchmarks.report.statistics import text as statistics_text
from benchmarks.report.statistics.tests import Analysis, analyse
from benchmarks.report.summary import text as summary_text
from benchmarks.report.summary.axes import AlongAxes, along_axes
from benchmarks.report.summary.health import Health, health, reliability_tables
from benchmarks.report.tables.model import Table
from benchmarks.report.tables.render import write_table
from benchmarks.report.tables.special_tables import ablation_tables, shot_tables, tuned_tables, variant_tables
from benchmarks.report.tables.tables import dataset_tables, summary_tables, top
from datasets import UserError

LOG = logging.getLogger(__name__)


@dataclass
class Report:
    """What a build made.

    Attributes:
        out: the folder it was written to.
        collection: the records that it is of.
        files: every file written, and figures drawn before where none are drawn now.
        problems: what a reader has to know about the records: cells that differ between folders, mixed settings.
        claims: the paper's claims beside what was measured.
        advised: what to use on each dataset, and how such advice did on seeds left out.
        split: results at other thresholds, see `benchmarks.report.rescore.split`.
        health: collapsed cells, worst seeds and seeds near chance.
        scored: how good the advice was over all datasets, in a sentence.
        overall: the summary's first sentences.
        paragraphs: the summary, one paragraph a dataset and protocol.
        gaps: what is missing.
        tuned: the values that tuning chose.
        along: what steps, backbones, tuning and the number of minority images change.
    """

    out: Path
    collection: Collection
    files: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    claims: list[claim.Claim] = field(default_factory=list)
    split: pd.DataFrame = field(default_factory=pd.DataFrame)
    health: list[Health] = field(default_factory=list)
    scored: str = ""
    advised: Advised = field(default_factory=Advised)
    overall: list[str] = field(default_factory=list)
    paragraphs: list[summary_text.Paragraph] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    tuned: list[Table] = field(default_factory=list)
    along: AlongAxes = field(default_factory=AlongAxes)

    def write(self, name: str, content: str | bytes) -> None:
        """Write one file of the report, whole or not at all: somebody may be reading the last one."""
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, lambda file: file.write(content.encode() if isinstance(content, str) else content))
        self.files.append(path)


@dataclass(frozen=True)
class _Choice:
    metric: str
    control: str
    layout: Layout
    top: int | None = None


def build(
    results: Sequence[Path],
    out: Path | None = None,
    metric: str = "accuracy",
    control: str = "cross-entropy",
    figures: bool = True,
    refresh: int = 0,
    layout: Layout | None = None,
    methods: Sequence[str] = (),
    prior: str = "",
    cost: str = "",
    top: int | None = None,
) -> Report:
    """Make tables, figures, statistics, claims, summary and page from the records of some result folders.

    Writes `report.html`, `summary.md`, `regret.md|.csv`, `claims.md`, `statistics.md`, `records.csv.gz` (all records
    as one table), `tables/*.md|.tex|.csv` and `figures/*.png` (`.pdf`, too, where asked).

    Args:
        results: folders that hold records; the same cell in two of them is checked for equality.
        out: where to write; the first of `results` by default.
        metric: one of `benchmarks.report.METRICS`.
        control: the method that others are compared with.
        figures: whether to draw the figures, which takes most of the time.
        layout: columns of a paper that figures and tables span, number of methods in a figure, formats.
        top: keep so many methods in the tables, by rank, and the control; all by default.
        methods: wildcards of the methods to show, beside the control; all by default.
        prior: judge the stored scores again at this prior: `balanced`, `training` or shares such as `0.99,0.01`.
        cost: likewise at these costs, of a missed defect to a false alarm, such as `20:1`.
        refresh: seconds after which the page reloads itself; 0 for never.

    Raises:
        UserError: no records, a missing or unwritable folder, an unknown metric.
    """
    metric_named(metric)
    collection = only(collect(results), [*methods, control] if methods else [])
    for problem in collection.problems:
        LOG.warning(problem)
    if prior or cost:
        given, costs = parse_prior(prior or "balanced"), parse_cost(cost or "1:1")
        collection = replace(collection, frame=judged(collection.frame, given, costs, collection.problems))
        collection.problems.append(RULE.format(prior=prior or "balanced", miss=costs[0], false_alarm=costs[1]))
        metric = ("expected_cost" if cost else "deployed_accuracy") if metric == "accuracy" else metric
    elif metric in JUDGED:
        raise UserError(f"--metric {metric} is of scores judged again; give --prior or --cost")
    report = Report(out or results[0], collection, problems=collection.problems)
    try:
        _write_all(collection, report, _Choice(metric, control, layout or Layout(), top), figures, refresh)
    except OSError as error:
        reason = f"report folder {report.out} cannot be written ({error.strerror})"
        raise UserError(f"{reason}; name another with --out") from error
    return report


def _write_all(collection: Collection, report: Report, choice: _Choice, figures: bool, refresh: int) -> None:
    table, folder = set_apart(points(collection)), report.out / "figures"
    with Workers(table.groupby(["comparison", "dataset", "protocol"]).ngroups if figures else 0) as workers:
        if figures:
            folder.mkdir(parents=True, exist_ok=True)
        drawing = Drawing(folder, choice.metric, choice.control, choice.layout, workers) if figures else None
        analyses = _made(table, collection, choice, report, drawing)
    _summary(table, collection, analyses, choice, report, figures)
    report.write("report.html", page(_contents(table, collection, analyses, choice, report), refresh))


def _made(
    table: pd.DataFrame, collection: Collection, choice: _Choice, report: Report, drawing: Drawing | None
) -> dict[str, Analysis]:
    """Work out and write all but the words, while the figures are drawn; return the tests of every comparison."""
    cells = drawing.cells(table, collection) if drawing else []
    families = table.drop_duplicates("label").set_index("label")["family"]
    analyses = {
        str(name): analyse(part, choice.metric, choice.control)
        for name, part in comparable(ranked(table)).groupby("comparison", sort=False)
    }
    report.health = health(collection.frame)
    report.advised = make(comparable(collection.frame), choice.metric, choice.control)
    overall = drawing.overall(report.advised.advice, analyses, families) if drawing else []
    report.along = along_axes(table, collection, choice.metric, choice.control, report.health)
    axes = drawing.axes(report.along.minority, report.along.steps, families) if drawing else []
    report.split = split(comparable(collection.frame), collection.problems)
    report.tuned = tuned_tables(collection.frame)
    _tables(table, collection, choice, report)
    report.claims = claim.claims(comparable(collection.frame))
    report.write("records.csv.gz", records_csv(collection.frame))
    report.write("claims.md", claim.markdown(report.claims))
    report.write("statistics.md", statistics_text.markdown(analyses))
    report.files += [path for drawn in (*overall, *cells, *axes) for path in drawn()]
    if not drawing:
        report.files += sorted((report.out / "figures").glob("*.p[nd][gf]"))
    return analyses


def _tables(table: pd.DataFrame, collection: Collection, choice: _Choice, report: Report) -> None:
    folder = report.out / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    made = [
        *dataset_tables(ranked(table), collection, choice.metric),
        *(dataset_tables(ranked(table), collection, "roc_auc") if choice.metric == "accuracy" else []),
        *summary_tables(ranked(table), choice.metric),
        *variant_tables(table, collection, choice.metric, choice.control),
        *ablation_tables(table, collection, choice.metric),
        *shot_tables(ranked(table)),
        *reliability_tables(report.health),
        *split_tables(report.split),
        *report.along.tables,
        *report.tuned,
    ]
    for each in made:
        kept = each if choice.top is None else top(each, choice.top, choice.control)
        report.files += write_table(kept, folder, choice.layout.columns)


def _summary(
    table: pd.DataFrame,
    collection: Collection,
    analyses: dict[str, Analysis],
    choice: _Choice,
    report: Report,
    figures: bool,
) -> None:
    report.write("regret.md", regret_markdown(report.advised.regret, choice.control))
    report.write("regret.csv", regret_csv(report.advised.regret))
    # a picture drawn for older records would contradict the words
    drawn = {path.stem for path in report.files if path.suffix == ".png"} if figures else set()
    report.overall = [*summary_text.overall(analyses.get(AS_IN_PAPER)), *report.along.sentences]
    report.paragraphs = summary_text.paragraphs(report.advised, choice.metric, report.health, drawn, report.split)
    report.gaps = summary_text.missing(table, collection)
    report.scored = scored_text(report.advised.regret, choice.control, "over all datasets")
    report.write("summary.md", summary_text.markdown(report.paragraphs, report.overall, report.gaps, report.scored))


def _contents(
    table: pd.DataFrame, collection: Collection, analyses: dict[str, Analysis], choice: _Choice, report: Report
) -> Contents:
    return Contents(
        table=table,
        collection=collection,
        analyses=analyses,
        claims=report.claims,
        overall=report.overall,
        scored=report.scored,
        paragraphs=report.paragraphs,
        gaps=report.gaps,
        tuned=report.tuned,
        files=report.files,
        out=report.out,
        metric=choice.metric,
        control=choice.control,
    )
