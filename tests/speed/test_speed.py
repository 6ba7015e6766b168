"""The measurements of speed run; what they come to is not tested."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image

from benchmarks.speed import __main__ as command
from benchmarks.speed import profile, script
from benchmarks.speed.measure import Figure, exponent, markdown
from methods.training.data import Images, TrainSet
from methods.training.settings import BackboneSettings


@pytest.mark.slow
def test_the_short_form_measures_every_figure(tmp_path) -> None:
    assert command.main(["--short", "--out", str(tmp_path), "--only", "aefgh"]) == 0
    found = json.loads((tmp_path / "speed.json").read_text())
    assert {figure["letter"] for figure in found["figures"]} == set("aefgh")
    assert "| a |" in (tmp_path / "speed.md").read_text()


def test_what_cannot_be_measured_is_said_and_the_rest_is_written(tmp_path, monkeypatch) -> None:
    def broken(bench):
        yield Figure("f", "memory", (1.0,), "MB")
        raise RuntimeError("no room\nfor it")

    monkeypatch.setattr(command.grids, "memory", broken)
    monkeypatch.setattr(command.grids, "growth", lambda bench: iter([Figure("g", "growth", (1.0,), "")]))
    assert command.main(["--short", "--out", str(tmp_path), "--only", "fg"]) == 1
    found = json.loads((tmp_path / "speed.json").read_text())
    assert [figure["letter"] for figure in found["figures"]] == ["f", "g"]
    assert found["failures"] == {"f": "RuntimeError: no room for it"}
    assert "| f | not measured: RuntimeError: no room for it |" in (tmp_path / "speed.md").read_text()


def test_no_part_is_begun_once_the_time_is_over(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(command, "LIMIT_S", -1.0)
    assert command.main(["--short", "--out", str(tmp_path), "--only", "h"]) == 1
    assert json.loads((tmp_path / "speed.json").read_text())["figures"] == []


def test_where_a_step_goes_is_told_by_kind_of_operator(tmp_path) -> None:
    """Two steps on small images: all parts there, the convolutions among those that take time."""
    path = tmp_path / "image.png"
    Image.new("RGB", (48, 48)).save(path)
    training, _ = script.loaders([path] * 8, [0, 1] * 4, [*range(8)], [0, 1], 48, 4)
    data = TrainSet(
        Images((torch.zeros(8, 48, 48, 1, dtype=torch.uint8),), (1.0,) * 3, (2.0,) * 3), torch.arange(8) % 2, 2
    )
    backbone = BackboneSettings(frozen=False, strides=(8, 16))
    found = profile.measured(data, training, backbone, 4)
    for parts in (found.ours, found.script):
        assert list(parts) == [*profile.PARTS, profile.READING, profile.REST]
        assert parts["convolutions, backward"] > 0
        assert parts["batch normalisation, forward"] > 0
    assert found.table.count("\n") == 3 + len(found.ours)


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
