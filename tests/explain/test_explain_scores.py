"""Scores of maps against closed forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.explain import scores
from benchmarks.report.tables.latex import latex
from benchmarks.report.tables.render import comma_separated, markdown

SIDE = 8


@pytest.fixture
def mask() -> np.ndarray:
    """Quarter of the image: the upper left."""
    mask = np.zeros((1, SIDE, SIDE), dtype=bool)
    mask[:, : SIDE // 2, : SIDE // 2] = True
    return mask


def test_a_map_inside_the_mask_has_all_its_energy_there(mask: np.ndarray) -> None:
    inside = mask.astype(np.float32)
    assert scores.energy(inside, mask).tolist() == [1]
    assert scores.pointing(inside, mask).tolist() == [1]


def test_a_map_outside_the_mask_has_none(mask: np.ndarray) -> None:
    outside = (~mask).astype(np.float32)
    assert scores.energy(outside, mask).tolist() == [0]
    assert scores.pointing(outside, mask).tolist() == [0]


def test_a_uniform_map_scores_the_area_of_the_mask_on_both(mask: np.ndarray) -> None:
    uniform = np.full(mask.shape, 0.3, np.float32)
    assert scores.area(mask).tolist() == [0.25]
    assert scores.energy(uniform, mask) == pytest.approx([0.25])
    assert scores.pointing(uniform, mask) == pytest.approx([0.25])


def test_energy_counts_values_and_pointing_only_the_maximum(mask: np.ndarray) -> None:
    maps = np.zeros((1, SIDE, SIDE), np.float32)
    maps[0, 0, 0], maps[0, 7, 7], maps[0, 7, 6] = 1.0, 0.75, 0.75
    assert scores.energy(maps, mask) == pytest.approx([1 / 2.5])
    assert scores.pointing(maps, mask).tolist() == [1]


def test_equal_maxima_count_by_their_share_inside(mask: np.ndarray) -> None:
    maps = np.zeros((1, SIDE, SIDE), np.float32)
    maps[0, 0, 0] = maps[0, 7, 7] = maps[0, 7, 6] = 1.0
    assert scores.pointing(maps, mask) == pytest.approx([1 / 3])


def test_a_map_that_is_all_zero_has_no_energy_and_misses(mask: np.ndarray) -> None:
    nothing = np.zeros(mask.shape, np.float32)
    assert np.isnan(scores.energy(nothing, mask)).all()
    assert scores.pointing(nothing, mask).tolist() == [0]


def _frame() -> pd.DataFrame:
    shared = {"comparison": "as-in-paper", "dataset": "dagm/1", "protocol": "step", "area": 0.25, "family": "baseline"}
    rows = [
        {"label": "a", "level": 10.0, "seed": 0, "energy": 0.2, "pointing": 1.0},
        {"label": "a", "level": 10.0, "seed": 0, "energy": np.nan, "pointing": 0.0},
        {"label": "a", "level": 10.0, "seed": 1, "energy": 0.6, "pointing": 1.0},
        {"label": "a", "level": 10.0, "seed": 1, "energy": 0.6, "pointing": 1.0},
        {"label": "b", "level": 10.0, "seed": 0, "energy": np.nan, "pointing": 0.0},
    ]
    return pd.DataFrame([shared | row for row in rows])


def test_the_table_says_over_how_many_images_and_which_have_no_value() -> None:
    table = scores.score_table(_frame(), {"easy-ensemble": "a reason"})
    assert table.columns == ["IR 10 energy", "IR 10 pointing", "Mask area", "Images"]
    (_, first, a), (_, second, b) = table.rows
    assert (first, second) == ("a", "b")
    # energy: mean of 0.2, 0.6, 0.6; seeds 0.2 and 0.6 deviate by 0.4 / sqrt(2)
    assert a[0].plain == "46.7 ± 28.3 (1 n/a)"
    assert a[1].plain == "75.0 ± 35.4"
    assert [entry.plain for entry in a[2:]] == ["25.0", "4"]
    assert [entry.plain for entry in b] == ["n/a", "0.0", "25.0", "1"]
    assert "Left out: easy-ensemble: a reason." in table.notes


def test_the_table_is_written_in_three_formats() -> None:
    table = scores.score_table(_frame(), {})
    for text in (markdown(table), latex(table), comma_separated(table)):
        assert "46.7" in text
        assert "28.3" in text
    assert "miss" in markdown(table)
    assert "miss" in latex(table)
