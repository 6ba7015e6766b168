"""Which images are looked at, and masks of real images."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from benchmarks.explain import scores
from benchmarks.explain.features import project
from benchmarks.explain.panels import Column, panel_figure
from benchmarks.explain.view import choose, look
from benchmarks.grid.cells import DataSpec
from benchmarks.grid.presets import DatasetSettings

LABELS = np.array([0] * 20 + [1] * 10 + [2] * 5)


def test_every_class_is_shown_in_turn_the_rarest_first() -> None:
    chosen = choose(LABELS, np.arange(35), 7, "name", 0)
    assert LABELS[chosen].tolist() == [2, 2, 2, 1, 1, 0, 0]
    assert len(set(chosen.tolist())) == 7


def test_the_choice_depends_on_dataset_and_seed_alone() -> None:
    test = np.arange(0, 35, 2)
    chosen = choose(LABELS, test, 6, "name", 0)
    assert chosen.tolist() == choose(LABELS, test, 6, "name", 0).tolist()
    assert set(chosen) <= set(test)
    assert chosen.tolist() != choose(LABELS, test, 6, "name", 1).tolist()
    assert chosen.tolist() != choose(LABELS, test, 6, "other", 0).tolist()


def test_more_images_than_there_are_shows_all() -> None:
    assert sorted(choose(LABELS, np.arange(35), 99, "name", 0)) == list(range(35))


def test_textures_are_outlined_where_they_are_defect(tmp_path: Path) -> None:
    settings = DatasetSettings(parameters={"number": (12, 10)})
    view = look(DataSpec(name="textures", size=32, settings=settings), 0, 4, tmp_path)
    assert view.outlines is not None
    assert view.imageset.labels[view.shown].tolist() == [1, 1, 0, 0]
    assert view.explained.tolist() == [1, 1, 1, 1]
    assert view.outlines.any((1, 2)).tolist() == [True, True, False, False]
    assert view.imageset.labels[view.marked].tolist() == [1] * len(view.marked)
    assert view.test[view.places(view.marked)].tolist() == view.marked.tolist()


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_no_text_of_the_panels_is_cut_off(tmp_path: Path, columns: int) -> None:
    view = look(
        DataSpec(name="textures", size=32, settings=DatasetSettings(parameters={"number": (12, 10)})), 0, 3, tmp_path
    )
    column = Column("logit-adjustment-sam", np.ones((3, 32, 32)), np.full((3, 2), 0.5))
    figure = panel_figure(view, [column] * columns, "textures, protocol step, IR 10, seed 0")
    FigureCanvasAgg(figure).draw()
    for text in figure.findobj(Text):
        box = text.get_window_extent()
        assert not text.get_text() or (box.x0 >= 0 and box.x1 <= figure.bbox.x1), text.get_text()


REAL = Path(os.environ.get("IMBALANCE_DATA", "/nonexistent")) / "dagm" / "Class1"


@pytest.mark.skipif(not REAL.is_dir(), reason="no real images here: set IMBALANCE_DATA to a folder with dagm/Class1")
def test_real_outlines_score_maps_made_from_them(tmp_path: Path) -> None:
    view = look(DataSpec(name="dagm/1", size=64, settings=DatasetSettings()), 0, 6, tmp_path)
    # every defect test image is outlined, and nothing else
    assert view.marked.tolist() == [row for row in view.test if view.imageset.labels[row] == 1]
    # the official outlines are small ellipses
    assert scores.area(view.masks).max() < 0.15
    blurred = view.masks * np.linspace(0.5, 1, 64, dtype=np.float32)
    np.testing.assert_allclose(scores.energy(blurred, view.masks), 1)
    np.testing.assert_allclose(scores.pointing(blurred, view.masks), 1)
    np.testing.assert_allclose(scores.energy(1 - blurred, ~view.masks) > 0.8, True)
    uniform = np.ones(view.masks.shape, np.float32)
    np.testing.assert_allclose(scores.energy(uniform, view.masks), scores.area(view.masks))


def test_features_in_a_plane_keep_their_distances() -> None:
    rng = np.random.default_rng(0)
    plane, _ = np.linalg.qr(rng.normal(size=(9, 2)))
    flat = rng.normal(size=(30, 2)) * [3, 1]
    train, test, variance = project((flat @ plane.T)[:10], (flat @ plane.T)[10:])
    assert sum(variance) == pytest.approx(1)
    assert variance[0] > variance[1]
    found, true = np.concatenate([train, test]), flat
    for place in (0, 7, 20):
        expected = np.linalg.norm(true - true[place], axis=1)
        np.testing.assert_allclose(np.linalg.norm(found - found[place], axis=1), expected)
