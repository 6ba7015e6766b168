"""The measurements of speed run; what they come to is not tested."""

from __future__ import annotations

import json

import pytest

from benchmarks.speed import __main__ as command
from benchmarks.speed.measure import Figure, exponent, markdown


@pytest.mark.slow
def test_the_short_form_measures_every_figure(tmp_path) -> None:
    assert command.main(["--short", "--out", str(tmp_path), "--only", "aefgh"]) == 0
    found = json.loads((tmp_path / "speed.json").read_text())
    assert {figure["letter"] for figure in found["figures"]} == set("aefgh")
    assert "| a |" in (tmp_path / "speed.md").read_text()


def test_a_power_law_is_found() -> None:
    assert exponent([1, 2, 4, 8], [3, 12, 48, 192]) == pytest.approx(2.0)


def test_the_table_says_what_is_reached() -> None:
    figures = [
        Figure("a", "rate", (0.9, 1.0, 1.1), wanted=0.97),
        Figure("f", "growth", (4.0,), "%", 3, at_most=True),
        Figure("h", "share", (0.5,)),
    ]
    assert markdown(figures).splitlines()[2:] == [
        "| a | rate | 1 x | 0.9 to 1.1 | at least 0.97 | yes |  |",
        "| f | growth | 4 % |  | at most 3 | no |  |",
        "| h | share | 0.5 x |  |  |  |  |",
    ]
