"""Draw every figure of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.report.advice.decision import Advice
from benchmarks.report.data.loading import Collection
from benchmarks.report.data.names import AS_IN_PAPER, BETWEEN, METRICS, slug
from benchmarks.report.data.points import both_comparisons
from benchmarks.report.data.variants import ranked
from benchmarks.report.figures.classes import confusion_figure, recall_figure, shots_figure
from benchmarks.report.figures.cost import cost_figure
from benchmarks.report.figures.curves import curve_figure, extreme, family_figure, highlights
from benchmarks.report.figures.gains import advice_figure, gain_map
from benchmarks.report.figures.minority import minority_figure
from benchmarks.report.figures.ranks import critical_difference_diagram, rank_heat_map
from benchmarks.report.figures.scores import score_figure
from benchmarks.report.figures.steps import steps_figure
from benchmarks.report.figures.style import Layout, save, styled
from benchmarks.report.figures.workers import Drawn, Workers
from benchmarks.report.statistics.axes import SideBySide
from benchmarks.report.statistics.tests import Analysis

MINORITY, STEPS, CRITICAL = "minority-all-datasets", "steps", "critical-difference"
"""Names of the figures over all datasets."""


@dataclass(frozen=True)
class Job:
    """The figures of one comparison, dataset and protocol: its points, its cells at the hardest level, every run."""

    key: tuple[str, str, str]
    part: pd.DataFrame
    frame: pd.DataFrame
    runs: pd.DataFrame
    folders: tuple[Path, ...]
    metric: str
    control: str
    target: Path
    layout: Layout

    def draw(self) -> list[Path]:
        """Draw and save; return the files."""
        comparison, dataset, protocol = self.key
        with styled():
            files = [
                save(figure, self.target, slug(dataset, protocol, _suffix(comparison), name), self.layout.pdf)
                for name, figure in self._figures()
            ]
        return [path for pair in files for path in pair]

    def _figures(self) -> Iterator[tuple[str, Figure]]:
        part, metric, control, layout = ranked(self.part), self.metric, self.control, self.layout
        chosen, level = highlights(part, metric, control)[: layout.top], extreme(part)
        measured = part[part[metric].notna()]
        # a curve of one point says nothing: the dots beside the advice and the map of gains show one level
        if measured["level"].nunique() > 1 or measured["label"].nunique() == 1:
            yield metric, curve_figure(part, metric, control, layout, self.runs)
        if (gains := gain_map(part, metric, control, max(layout.top, 20), layout.columns)) is not None:
            yield f"gain-{metric}", gains
        # what other steps or backbones change is drawn over all datasets, and the tables have the rest
        if BETWEEN in self.key[0]:
            return
        if measured["level"].nunique() > 1 and measured["label"].ne(control).any():
            yield f"families-{metric}", family_figure(self.part, metric, control, layout)
        if (cost := cost_figure(part, metric, chosen, layout)) is not None:
            yield f"cost-{metric}", cost
        if (
            self.key[2] == "few"
            and measured["level"].nunique() > 1
            and (made := minority_figure(part, control, layout))
        ):
            yield "minority", made
        if not self.frame["label"].isin(chosen).any():
            return
        yield "recall", recall_figure(self.frame, chosen, level, layout)
        yield "confusion", confusion_figure(self.frame, chosen, level, layout)
        if (scores := score_figure(self.folders, self.frame, chosen, level, layout)) is not None:
            yield "scores", scores
        if self.key[2] == "long-tail":
            yield "shots", shots_figure(part, chosen, level, layout)


@dataclass(frozen=True)
class Drawing:
    """Begins to draw the figures of a report; each is there when what a method returns has been called."""

    folder: Path
    metric: str
    control: str
    layout: Layout
    workers: Workers

    def cells(self, table: pd.DataFrame, collection: Collection) -> list[Drawn]:
        """Begin with every comparison, dataset and protocol, the dearest first: none is left for the end."""
        jobs = list(_jobs(table, collection, self))
        dear_first = sorted(jobs, key=lambda job: BETWEEN in job.key[0])
        started = {job.key: self.workers.start(job.draw) for job in dear_first}
        return [started[job.key] for job in jobs]

    def overall(self, advice: Sequence[Advice], analyses: dict[str, Analysis], families: pd.Series) -> list[Drawn]:
        """Begin with the advice and the ranks of every comparison."""
        top, columns = self.layout.top, self.layout.columns
        drawn = [
            self._start(picture(each), advice_figure, each, families, top, columns, self.metric) for each in advice
        ]
        for comparison, analysis in analyses.items():
            end = _suffix(comparison), self.metric
            if len(analysis.ranks) > 1:
                drawn.append(self._start(slug("ranks", *end), rank_heat_map, analysis, self.layout))
            if analysis.nemenyi is not None:
                drawn.append(self._start(slug(CRITICAL, *end), critical_difference_diagram, analysis))
        return drawn

    def axes(self, minority: pd.DataFrame | None, steps: SideBySide | None, families: pd.Series) -> list[Drawn]:
        """Begin with what is over all datasets: the number of minority images, and the steps."""
        drawn = []
        if minority is not None:
            drawn.append(self._start(MINORITY, minority_figure, minority, self.control, self.layout))
        if steps is not None:
            given = steps, METRICS[self.metric], families, self.control, self.layout
            drawn.append(self._start(STEPS, steps_figure, *given))
        return drawn

    def _start(self, name: str, make: Callable[..., Figure | None], *given: object) -> Drawn:
        return self.workers.start(_draw, self.folder, name, self.layout.pdf, make, *given)


def picture(advice: Advice) -> str:
    """Name the picture beside an advice."""
    return slug(advice.dataset, advice.protocol, "advice")


def _jobs(table: pd.DataFrame, collection: Collection, drawing: Drawing) -> Iterator[Job]:
    frame, metric = both_comparisons(collection.frame), drawing.metric
    frame = frame[frame["status"].eq("done")]
    cells = dict(list(frame.groupby(["comparison", "dataset", "protocol"], sort=False)))
    for key, part in table.groupby(["comparison", "dataset", "protocol"], sort=False):
        if part[metric].notna().any():
            mine = cells[key]
            hardest = mine[mine["level"].eq(extreme(part))]
            comparison, dataset, protocol = map(str, key)
            where = (comparison, dataset, protocol), part, hardest, mine[["label", "level", metric]]
            yield Job(*where, tuple(collection.folders), metric, drawing.control, drawing.folder, drawing.layout)


def _draw(folder: Path, name: str, pdf: bool, make: Callable[..., Figure | None], *given: object) -> list[Path]:
    with styled():
        figure = make(*given)
        return [] if figure is None else save(figure, folder, name, pdf)


def _suffix(comparison: str) -> str:
    return "" if comparison == AS_IN_PAPER else comparison
