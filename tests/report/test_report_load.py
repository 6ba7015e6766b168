"""Records of one or several folders become one documented frame."""

import gzip
import io
import json
import math

import numpy as np
import pandas as pd
import pytest

import benchmarks
from benchmarks.records.asked import Skip
from benchmarks.report import COLUMNS
from benchmarks.report.data.export import records_csv
from benchmarks.report.data.frame import shot_recalls
from benchmarks.report.data.loading import collect
from benchmarks.report.data.points import points
from datasets import Level, UserError
from tests.report.synthetic import asked, cell, cells, record, write

EQUAL, PAPER = "equal-footing", "as-in-paper"


def test_one_row_a_cell_with_the_documented_columns(tmp_path):
    write(tmp_path, [record(cell("elpv", 10, 0, "focal"), 0.91), record(cell("elpv", 10, 1, "focal"), None)])
    frame = benchmarks.load(tmp_path)
    assert list(frame.columns) == list(COLUMNS)
    done, failed = frame.set_index("status").loc["done"], frame.set_index("status").loc["failed"]
    assert (done["dataset"], done["ratio"], done["label"], done["family"]) == ("elpv", 10, "focal", "cost-sensitive")
    assert done["accuracy"] == 0.91
    assert done["steps"] == 300
    assert done["counts"] == [400, 40]
    assert math.isnan(failed["accuracy"])
    assert failed["error"] == "FloatingPointError: the loss became NaN at step 7"


def test_level_is_the_ratio_or_the_minority_images(tmp_path):
    specs = [cell("a", 20, 0, "focal"), cell("a", 5, 0, "focal", "few"), cell("a", 1, 0, "focal", "natural")]
    frame = benchmarks.load(write(tmp_path, [record(spec) for spec in specs])).set_index("protocol")
    assert frame["level"].to_dict() == {"step": 20, "few": 5, "natural": 0}
    assert math.isnan(frame.loc["few", "ratio"])
    assert frame.loc["few", "minority"] == 5


def test_shot_groups_by_training_images_and_an_empty_group_is_not_zero():
    recall = np.array([1.0, 0.8, 0.6, 0.5, 0.1])
    shots = shot_recalls(recall, [101, 100, 20, 19, 1])
    assert shots == {"many": 1.0, "medium": pytest.approx(0.7), "few": pytest.approx(0.3)}
    assert math.isnan(shot_recalls(recall[:2], [500, 400])["few"])


def test_a_multi_scale_common_method_is_the_comparison_on_equal_footing(tmp_path):
    specs = [
        cell("elpv", 10, 0, "focal"),
        cell("elpv", 10, 0, "focal", "step", EQUAL),
        cell("elpv", 10, 0, "multiscale-one-stage"),
        cell("elpv", 10, 0, "crt", "step", EQUAL),
        cell("textures", 10, 0, "multiscale-one-stage"),
    ]
    table = points(collect([write(tmp_path, [record(spec) for spec in specs])]))
    found = {
        comparison: set(zip(part["dataset"], part["label"], strict=True))
        for comparison, part in table.groupby("comparison")
    }
    assert found["as-in-paper"] == {
        ("elpv", "focal"),
        ("elpv", "multiscale-one-stage"),
        ("textures", "multiscale-one-stage"),
    }
    # The proposed method stands in both where there is something to compare it with.
    assert found["equal-footing"] == {("elpv", "focal"), ("elpv", "multiscale-one-stage"), ("elpv", "crt")}


def test_on_equal_footing_a_method_stands_without_its_source_task(tmp_path):
    specs = [
        cell("elpv", 10, 0, "focal", "step", EQUAL),
        cell("elpv", 10, 0, "multiscale-two-stage"),
        cell("elpv", 10, 0, "multiscale-one-stage"),
        cell("elpv", 10, 0, "multiscale-two-stage", "step", EQUAL),
    ]
    accuracies = [0.5, 0.9, 0.6, 0.7]
    table = points(collect([write(tmp_path, map(record, specs, accuracies))]))
    found = {name: part.set_index("label")["accuracy"].to_dict() for name, part in table.groupby("comparison")}
    assert found["as-in-paper"] == {"multiscale-two-stage": 0.9, "multiscale-one-stage": 0.6}
    assert found["equal-footing"] == {"multiscale-two-stage": 0.7, "multiscale-one-stage": 0.6, "focal": 0.5}


def test_the_same_cell_in_two_folders_counts_once_and_only_timings_may_differ(tmp_path):
    spec = cell("elpv", 10, 0, "focal")
    here, there = record(spec, 0.9), record(spec, 0.9)
    assert there.cost is not None
    there.cost.seconds["fit"] = 99.0
    collection = collect([write(tmp_path / "a", [here]), write(tmp_path / "b", [there])])
    assert len(collection.frame) == 1
    assert collection.problems == []


def test_a_cell_that_differs_between_folders_is_reported(tmp_path, caplog):
    spec = cell("elpv", 10, 0, "focal")
    folders = write(tmp_path / "a", [record(spec, 0.9)]), write(tmp_path / "b", [record(spec, 0.8)])
    frame = benchmarks.load(*folders)
    (problem,) = frame.attrs["problems"]
    assert "differs" in problem
    assert "accuracy" in problem
    assert str(folders[0]) in problem
    assert problem in caplog.text
    assert frame["accuracy"].tolist() == [0.9]


def test_a_finished_cell_wins_over_its_failure_elsewhere_and_that_is_said(tmp_path):
    spec = cell("elpv", 10, 0, "focal")
    folders = [write(tmp_path / "a", [record(spec, None)]), write(tmp_path / "b", [record(spec, 0.8)])]
    collection = collect(folders)
    assert collection.frame["status"].tolist() == ["done"]
    assert "failed" in collection.problems[0]


def test_runs_of_different_settings_are_never_averaged(tmp_path):
    specs = [cell("elpv", 10, seed, "focal") for seed in (0, 1)]
    specs += [cell("elpv", 10, 0, "focal", "step", PAPER, "budget.batch_size=8")]
    collection = collect([write(tmp_path, [record(s, a) for s, a in zip(specs, (0.9, 0.8, 0.1), strict=True)])])
    table = points(collection).set_index("dataset")
    assert table.loc["elpv", "accuracy"] == pytest.approx(0.85)
    assert sorted(table["accuracy"]) == [pytest.approx(0.1), pytest.approx(0.85)]
    assert collection.problems == [
        "elpv: records of 2 different settings are shown apart, never averaged: budget.batch_size (32, 8)"
    ]


def test_axes_of_the_grid_and_the_recipe_of_a_head_are_no_different_settings(tmp_path):
    specs = [cell("elpv", 10, 0, "focal", "step", PAPER, f"budget.steps={steps}") for steps in (200, 600)]
    specs += [cell("elpv", 10, 0, "focal", "step", PAPER, "backbone.name=vgg16")]
    specs += [cell("elpv", 10, 0, "crt"), cell("elpv", 10, 0, "multiscale-two-stage", "step", PAPER, "network.width=8")]
    assert len({spec.network.width for spec in specs}) == 2
    assert len({spec.network.head for spec in specs}) == 2
    assert collect([write(tmp_path / "a", map(record, specs))]).problems == []
    # of one head, another width is another network, and so is another optimizer of other training
    specs += [cell("elpv", 10, 0, "smote", "step", PAPER, "network.width=9", "augmentation.crop=4")]
    (problem,) = collect([write(tmp_path / "b", map(record, specs))]).problems
    assert problem.startswith("elpv: methods compared here were run with different settings, ")
    width = specs[0].network.width
    assert f"head pooled: width ({width}, 9)" in problem
    assert "augmentation.crop (0, 4)" in problem
    assert "steps" not in problem
    assert "vgg16" not in problem


@pytest.mark.parametrize("make", [lambda path: path / "nowhere", lambda path: write(path / "empty", [])])
def test_nothing_to_read_is_one_clear_error(tmp_path, make):
    folder = make(tmp_path)
    with pytest.raises(UserError, match=str(folder)):
        benchmarks.load(folder)


def test_a_damaged_record_is_named(tmp_path):
    write(tmp_path, [record(cell("elpv", 10, 0, "focal"))])
    damaged = tmp_path / "cells" / "zzz.json"
    damaged.write_text('{"id": ')
    frame = benchmarks.load(tmp_path)
    assert len(frame) == 1
    (problem,) = frame.attrs["problems"]
    assert f"left out: {damaged}" in problem
    for path in (tmp_path / "cells").glob("*.json"):
        path.write_text("")
    with pytest.raises(UserError, match=r"zzz\.json"):
        benchmarks.load(tmp_path)


def test_seeds_asked_for_come_from_the_grid_and_skipped_levels_are_not_asked(tmp_path):
    skip = Skip(dataset="elpv", level=Level("step", ratio=80), reason="too few")
    grid = asked(cells(["elpv"], ["focal", "crt"], [10, 80]), [skip])
    table = points(collect([write(tmp_path, [record(cell("elpv", 10, 0, "focal"))], grid)])).set_index("label")
    assert table["asked"].to_dict() == {"focal": 3, "crt": 3}
    assert table["done"].to_dict() == {"focal": 1, "crt": 0}
    assert table["level"].unique().tolist() == [10]


def test_methods_from_scratch_stand_with_the_others_of_their_run(tmp_path):
    specs = [cell("elpv", 10, 0, name) for name in ("focal", "multiscale-scratch")]
    assert [spec.settings.backbone.name for spec in specs] == ["tf_efficientnet_lite0", "small-cnn"]
    collection = collect([write(tmp_path, map(record, specs))])
    assert collection.problems == []
    # Two backbones with weights are two experiments.
    collection = collect(
        [write(tmp_path, [record(cell("elpv", 10, 0, "focal", "step", PAPER, "backbone.name=vgg16"))])]
    )
    assert sorted(set(collection.frame["comparison"])) == ["as-in-paper", "as-in-paper, vgg16"]


def test_all_records_as_one_csv(tmp_path):
    specs = [cell("elpv", 10, seed, "focal") for seed in (1, 0)]
    folder = write(tmp_path, [record(specs[0], 0.9), record(specs[1], None)])
    frame = benchmarks.load(folder)
    content = records_csv(frame)
    read = pd.read_csv(io.BytesIO(content), compression="gzip").set_index("status")
    assert read.loc["done", "accuracy"] == 0.9
    assert json.loads(read.loc["done", "confusion"]) == [[100, 0], [20, 80]]
    assert str(tmp_path) not in gzip.decompress(content).decode()
    assert records_csv(frame.iloc[::-1]) == content


def test_on_equal_footing_the_proposed_methods_are_not_asked_for_twice(tmp_path):
    names = ["focal", "crt", "multiscale-one-stage", "singlescale-one-stage"]
    planned = cells(["elpv"], names, [10], [0], comparisons=[PAPER, EQUAL])
    done = [made for made in planned if made.method != "crt"]
    table = points(collect([write(tmp_path, map(record, done), asked(planned))]))
    part = table[table["comparison"].eq("equal-footing")].set_index("label")
    assert part["done"].to_dict() == {"focal": 1, "multiscale-one-stage": 1, "crt": 0}
    assert part["asked"].to_dict() == {"focal": 1, "multiscale-one-stage": 1, "crt": 1}
