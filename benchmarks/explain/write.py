"""Panels, scores and features to files."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import pandas as pd

from benchmarks.explain.features import feature_figure
from benchmarks.explain.panels import panel_figure
from benchmarks.explain.scores import score_table
from benchmarks.explain.seen import Seen, where
from benchmarks.explain.view import View
from benchmarks.grid.cells import Cell
from benchmarks.report.data.names import AS_IN_PAPER, footing, harder_first, slug
from benchmarks.report.data.words import dataset_name
from benchmarks.report.figures.style import save, styled
from benchmarks.report.tables.render import write_table
from datasets import UserError

T = TypeVar("T")


def write_all(seen: Sequence[Seen], views: dict[int, View], left_out: dict[str, str], folder: Path) -> list[Path]:
    """Write everything; return the files.

    Args:
        seen: the cells, in the order of the grid.
        views: the test images looked at, by seed.
        left_out: methods that are not shown, with the reason.
        folder: made where it is missing.

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with styled():
            return [path for part in _grouped(seen, _axis) for path in _write(part, views, left_out, folder)]
    except OSError as error:
        raise UserError(
            f"explanations cannot be written to {folder} ({error.strerror}); name another place with --results DIR"
        ) from error


def hardest(cells: Iterable[Cell]) -> set[str]:
    """Return the ids of the cells whose features are drawn: at the extreme level of each axis, first seed."""
    chosen = set()
    for part in _grouped(cells, lambda cell: (cell.comparison, cell.level.protocol)):
        pick = min if harder_first(part[0].level.protocol) else max
        extreme, first = pick(cell.level for cell in part), part[0].seed
        chosen |= {cell.id for cell in part if cell.level == extreme and cell.seed == first}
    return chosen


def _write(part: list[Seen], views: dict[int, View], left_out: dict[str, str], folder: Path) -> list[Path]:
    """Write one comparison and protocol."""
    files: list[Path] = []
    first = part[0].cell.seed
    for point in _grouped([one for one in part if one.cell.seed == first], lambda one: one.cell.level):
        cell = point[0].cell
        figure = panel_figure(views[first], [one.column for one in point], _title(cell))
        files += save(figure, folder, slug(_name(cell), cell.level.name, "panels"), pdf=True)
    clouds = [(one.cell, one.cloud) for one in part if one.cloud is not None]
    if clouds:
        names = views[first].imageset.index.class_names
        about = f"{_title(clouds[0][0])}: learnt features on two principal components of the test features"
        figure = feature_figure([cloud for _, cloud in clouds], names, about)
        files += save(figure, folder, slug(_name(clouds[0][0]), "features"), pdf=True)
    return files + _write_scores(part, left_out, folder)


def _write_scores(part: list[Seen], left_out: dict[str, str], folder: Path) -> list[Path]:
    frame = pd.concat([one.frame for one in part], ignore_index=True)
    if frame.empty:
        return []
    path = folder / f"{slug(_name(part[0].cell), 'images')}.csv"
    frame.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
    return [*write_table(score_table(frame, left_out), folder), path]


def _axis(one: Seen) -> tuple[str, str]:
    return one.cell.comparison, one.cell.level.protocol


def _name(cell: Cell) -> str:
    return slug(cell.dataset, cell.level.protocol, "" if cell.comparison == AS_IN_PAPER else cell.comparison)


def _title(cell: Cell) -> str:
    protocol = f"protocol {where(cell)}"
    return ", ".join([dataset_name(cell.dataset), protocol, *footing(cell.comparison), f"seed {cell.seed}"])


def _grouped(items: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """Group by a key, each key once, in the order of first sight."""
    groups: dict[Hashable, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())
