"""A few timed steps of a kind of cell: they run for every kind of backbone; what they come to is not tested."""

from __future__ import annotations

import pytest

from benchmarks.grid import plan
from benchmarks.grid import presets as settings
from benchmarks.grid.sizes import Size
from benchmarks.running import timing

SMALL = Size(counts=(8, 4), tested=4)


@pytest.mark.parametrize(
    "backbone",
    [
        "{name='small-cnn',weights='none',frozen=false,strides=[16]}",
        "{name='small-cnn',weights='none',frozen=true,strides=[8,16]}",
        "{name='mobilenetv3_small_050',weights='none',frozen=false,strides=[16]}",
    ],
)
def test_every_kind_of_backbone_can_be_timed(bench, backbone) -> None:
    changes = [f"backbone={backbone}", "methods=['crt','knn-distance','under-bagging']", "budget.batch_size=4"]
    for cell in plan.build(settings.load(str(bench.preset), changes), ["textures"]).cells:
        times = timing.time_cell(cell, SMALL, "cpu")
        assert set(times) == {"step", "image", "tested", "fixed", "read"}
        assert min(times.values()) >= 0
        assert (times["step"] > 0) == (cell.method != "knn-distance")


def test_what_a_method_says_of_made_up_data_is_not_passed_on(bench, capsys) -> None:
    (cell,) = plan.build(settings.load(str(bench.preset), ["methods=['smote']"]), ["textures"]).cells[:1]
    timing.time_cell(cell, Size(counts=(8, 1), tested=4), "cpu")
    assert capsys.readouterr().err == ""


def test_shapes_of_maps_are_known_without_computing_them(bench) -> None:
    preset = settings.load("default", ["backbone.strides=[8,16,32]"])
    assert timing.map_shapes(preset.backbone, 160) == ((40, 20, 20), (112, 10, 10), (320, 5, 5))


def test_preparation_can_be_timed(bench) -> None:
    (cell, *_) = plan.build(settings.load(str(bench.preset)), ["textures"]).cells
    times = timing.time_preparation(cell.data, [cell.settings.backbone.model_copy(update={"frozen": True})], "cpu")
    assert times["decode"] > 0
    assert times["maps"] > 0


def test_time_grows_with_images_as_a_line_or_in_proportion() -> None:
    """10 ms and 1 ms an image make 30 ms of 20 and 50 ms of 40; what grows faster is disturbed, but for all images."""
    line = timing._growth([(20, 0.030), (40, 0.050)], 100)
    assert line == pytest.approx({"image": 0.001, "fixed": 0.010})
    disturbed = timing._growth([(20, 0.020), (40, 0.080)], 100)
    assert disturbed == pytest.approx({"image": 0.001, "fixed": 0.0})
    assert timing._growth([(50, 0.020), (100, 0.080)], 100) == pytest.approx({"image": 0.0008, "fixed": 0.0})
