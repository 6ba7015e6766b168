"""Nothing is clipped or overprinted: the boxes of all text that a report's figures draw, for every shape of a run."""

import inspect
import itertools
from typing import get_type_hints

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import methods
from benchmarks.report.build import build
from benchmarks.report.figures import draw, workers
from benchmarks.report.figures.style import Layout
from tests.report.synthetic import cell, cells, record, write

NAMES = ["cross-entropy", "multiscale-two-stage", "few-defect-fusion", "smote", "padim"]
NAMES += [name for name in methods.available() if name not in NAMES][: 43 - len(NAMES)]
LEVELS = {1: (20,), 2: (5, 20), 6: (1, 5, 10, 20, 40, 80)}
SHAPES = [(1, 1, 1)]
DEAR = [(1, 6, 1), (5, 6, 1), (2, 2, 2), (5, 1, 1), (43, 1, 1), (43, 6, 1), (43, 6, 2)]
STEPS = ("budget.steps=100", "budget.steps=900")
SLACK = 1.0
"""Pixels by which boxes may overlap: they are wider than the ink."""
KINDS = [
    name
    for name, made in vars(draw).items()
    if inspect.isfunction(made) and get_type_hints(made).get("return") in (Figure, Figure | None)
]
"""Every function by which a report draws a figure."""


@pytest.fixture
def drawn(monkeypatch):
    """Collect by name what text each figure draws and where, in the report's own drawing code, and who drew."""
    found, kinds, plain, save = {}, set(), Text.draw, draw.save

    def note(text, renderer, *args, **more):
        if text.get_visible() and text.get_text().strip():
            found.setdefault("now", []).append((text.get_text(), text.get_window_extent(renderer)))
        return plain(text, renderer, *args, **more)

    def keep(figure, folder, name, pdf):
        found["now"] = []
        files = save(figure, folder, name, pdf)
        found[name] = figure.bbox, found.pop("now")
        return files

    def watched(kind, made):
        def call(*args, **more):
            if (figure := made(*args, **more)) is not None:
                kinds.add(kind)
            return figure

        return call

    for kind in KINDS:
        monkeypatch.setattr(draw, kind, watched(kind, getattr(draw, kind)))
    monkeypatch.setattr(Text, "draw", note)
    monkeypatch.setattr(draw, "save", keep)
    monkeypatch.setattr(workers, "MAX_WORKERS", 1)
    return found, kinds


def run(folder, names, levels):
    """Write the records of a run that has something for every figure."""
    planned = [
        *cells(["magnetic_tile/defects"], names, levels, [0, 1], ["long-tail"]),
        *cells(["elpv", "dagm/1"], names, levels, [0, 1], ["few"]),
        *(cell("elpv", levels[0], 0, name, "few", "as-in-paper", steps) for name in names for steps in STEPS),
    ]
    values = {name: 0.5 + 0.45 * place / len(names) for place, name in enumerate(names)}
    made = [record(each, values[each.method] + 0.004 * (each.seed + each.level.value % 7)) for each in planned]
    return write(folder, made, scores=True)


def overlap(one, other):
    return (
        min(one.x1, other.x1) - max(one.x0, other.x0) > SLACK and min(one.y1, other.y1) - max(one.y0, other.y0) > SLACK
    )


def outside(box, edge):
    return box.x0 < edge.x0 - SLACK or box.y0 < edge.y0 - SLACK or box.x1 > edge.x1 + SLACK or box.y1 > edge.y1 + SLACK


@pytest.mark.parametrize(
    ("methods", "levels", "columns"), [*SHAPES, *(pytest.param(*each, marks=pytest.mark.slow) for each in DEAR)]
)
def test_nothing_is_clipped_or_overprinted(tmp_path, drawn, methods, levels, columns):
    build([run(tmp_path, NAMES[:methods], LEVELS[levels])], layout=Layout(columns))
    figures, kinds = drawn
    wrong = []
    for name, (edge, texts) in figures.items():
        clipped = [text for text, box in texts if outside(box, edge)]
        over = [(a[0], b[0]) for a, b in itertools.combinations(texts, 2) if overlap(a[1], b[1])]
        wrong += [f"{name}: clipped {clipped[:4]}"] * bool(clipped) + [f"{name}: overprinted {over[:4]}"] * bool(over)
    assert not wrong, "\n".join(wrong)
    if methods > 1 and levels == max(LEVELS):
        assert kinds == set(KINDS)
