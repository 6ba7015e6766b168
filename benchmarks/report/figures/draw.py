"""Draw every figure of a report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed  # type: ignore[import-untyped]
from joblib.externals.loky import get_reusable_executor  # type: ignore[import-untyped]
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
from benchmarks.report.statistics.axes import SideBySide
from benchmarks.report.statistics.tests import Analysis

WORTH_A_WORKER = 5
"""So many datasets (times protocols and comparisons) take longer to draw than a worker process to start."""
MAX_WORKERS = 4
MINORITY, STEPS = "minority-all-datasets", "steps"
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


def draw_all(
    table: pd.DataFrame,
    collection: Collection,
    analyses: dict[str, Analysis],
    metric: str,
    control: str,
    folder: Path,
    advice: Sequence[Advice] = (),
    layout: Layout | None = None,
) -> list[Path]:
    """Draw and save all figures; return the files."""
    files: list[Path] = []
    layout = layout or Layout()
    families = table.drop_duplicates("label").set_index("label")["family"]
    with styled():
        for each in advice:
            figure = advice_figure(each, families, layout.top, layout.columns)
            files += save(figure, folder, picture(each), layout.pdf)
        for comparison, analysis in analyses.items():
            for name, figure in _of_analysis(analysis, layout):
                files += save(figure, folder, slug(name, _suffix(comparison), metric), layout.pdf)
    jobs = list(_jobs(table, collection, metric, control, folder, layout))
    return files + [path for made in _run([job.draw for job in jobs]) for path in made]


def draw_axes(
    minority: pd.DataFrame | None,
    steps: SideBySide | None,
    families: pd.Series,
    metric: str,
    control: str,
    folder: Path,
    layout: Layout,
) -> list[Path]:
    """Draw what is over all datasets: the number of minority images, and the steps; return the files."""
    files: list[Path] = []
    with styled():
        if minority is not None and (figure := minority_figure(minority, control, layout)) is not None:
            files += save(figure, folder, MINORITY, layout.pdf)
        if steps is not None:
            figure = steps_figure(steps, METRICS[metric], families, control, layout)
            files += save(figure, folder, STEPS, layout.pdf)
    return files


def picture(advice: Advice) -> str:
    """Name the picture beside an advice."""
    return slug(advice.dataset, advice.protocol, "advice")


def _jobs(
    table: pd.DataFrame, collection: Collection, metric: str, control: str, folder: Path, layout: Layout
) -> Iterator[Job]:
    frame = both_comparisons(collection.frame)
    frame = frame[frame["status"].eq("done")]
    cells = dict(list(frame.groupby(["comparison", "dataset", "protocol"], sort=False)))
    for key, part in table.groupby(["comparison", "dataset", "protocol"], sort=False):
        if part[metric].notna().any():
            mine = cells[key]
            hardest = mine[mine["level"].eq(extreme(part))]
            comparison, dataset, protocol = map(str, key)
            where = tuple(collection.folders)
            name = (comparison, dataset, protocol)
            yield Job(name, part, hardest, mine[["label", "level", metric]], where, metric, control, folder, layout)


def _run(tasks: Sequence[Callable[[], list[Path]]]) -> list[list[Path]]:
    """Run the tasks, in worker processes where there are many; a caller's script needs no main guard for them."""
    workers = min(MAX_WORKERS, os.cpu_count() or 1, len(tasks) // WORTH_A_WORKER)
    if workers < 2:
        return [task() for task in tasks]
    try:
        return list(Parallel(n_jobs=workers, backend="loky")(delayed(task)() for task in tasks))
    finally:
        get_reusable_executor().shutdown(wait=True)


def _suffix(comparison: str) -> str:
    return "" if comparison == AS_IN_PAPER else comparison


def _of_analysis(analysis: Analysis, layout: Layout) -> Iterator[tuple[str, Figure]]:
    if len(analysis.ranks) > 1:
        yield "ranks", rank_heat_map(analysis, layout)
    if analysis.nemenyi is not None:
        yield "critical-difference", critical_difference_diagram(analysis)
