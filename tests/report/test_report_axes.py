"""What an axis of the grid changes: gradient steps, backbones, tuning, the number of minority images."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.report.data.loading import collect
from benchmarks.report.data.points import points
from benchmarks.report.data.variants import set_apart
from benchmarks.report.figures.minority import minority_figure
from benchmarks.report.figures.steps import steps_figure
from benchmarks.report.figures.style import Layout, styled
from benchmarks.report.statistics.axes import (
    agreement,
    axes_of,
    by_tuning,
    changes,
    crossings,
    ended,
    over_datasets,
)
from benchmarks.report.summary.axes import along_axes
from benchmarks.report.summary.health import health
from tests.report.synthetic import cell, record, write

MAIN = (600, "lite0")


def at(label, level, value, protocol="step", steps=600, backbone="tf_efficientnet_lite0", dataset="elpv", **more):
    recall = more.pop("recall", None)
    settings = (f"budget.steps={steps}", f"backbone.name={backbone}")
    return record(
        cell(dataset, level, more.pop("seed", 0), label, protocol, "as-in-paper", *settings, **more), value, recall
    )


def along(tmp_path, records):
    collection = collect([write(tmp_path, records)])
    table = set_apart(points(collection))
    return along_axes(table, collection, "accuracy", "cross-entropy", health(collection.frame)), table


def test_steps_and_backbone_are_read_from_a_comparisons_name():
    assert axes_of("as-in-paper", MAIN) == ("as-in-paper", 600, "lite0")
    assert axes_of("as-in-paper, 200 steps, resnet18", MAIN) == ("as-in-paper", 200, "resnet18")


def test_trained_to_the_end_is_less_than_a_point_for_three_times_the_steps():
    means = pd.DataFrame({200: [0.70, 0.70], 600: [0.705, 0.80], 1800: [0.74, 0.809], 2000: [0.7, 0.8]}, ["a", "b"])
    # a: +0.5 from 200 to 600, but +3.5 then; b: +10, then +0.9; c: +0.5, then +0.5
    means.loc["c"] = [0.70, 0.705, 0.71, 0.7]
    assert ended(means) == {"b": 600, "c": 200}


def test_steps_have_a_table_words_and_the_methods_that_collapse_at_some_only(tmp_path):
    values = {("cross-entropy", 200): 0.7, ("cross-entropy", 600): 0.705, ("focal", 200): 0.5, ("focal", 600): 0.8}
    records = [
        at(label, level, value, steps=steps, recall=[1.0, 0.0] if value == 0.5 else None)
        for (label, steps), value in values.items()
        for level in (10, 80)
    ] + [at("crt", 10, 0.9)]
    made, table = along(tmp_path, records)
    steps = next(each for each in made.tables if each.name == "steps")
    rows = {label: [entry.plain for entry in entries] for _, label, entries in steps.rows}
    assert rows == {"cross-entropy": ["70", "70", "200"], "focal": ["50 (2 collapsed)", "80", "n/a"]}
    text = " ".join(made.sentences)
    assert "Trained to the end at the steps measured: 1 of 2 methods; others rise or fall further: focal." in text
    assert "Best at 200 and at 600 steps: cross-entropy and focal." in text
    assert "Collapse (one class predicted) at some numbers of steps only: focal." in text
    families = table.drop_duplicates("label").set_index("label")["family"]
    with styled():
        figure = steps_figure(made.steps, _metric(), families, "cross-entropy")
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["200", "600"]


def _metric():
    from benchmarks.report.data.names import METRICS

    return METRICS["accuracy"]


def test_backbones_stand_side_by_side_with_kendalls_tau(tmp_path):
    first = {"cross-entropy": 0.6, "focal": 0.7, "crt": 0.8, "mixup": 0.9}
    second = {"cross-entropy": 0.6, "focal": 0.7, "crt": 0.9, "mixup": 0.8}
    records = [
        at(label, 10, value, backbone=name)
        for name, values in (("tf_efficientnet_lite0", first), ("tf_efficientnet_lite2", second))
        for label, value in values.items()
    ] + [at("cross-entropy", 20, 0.5)]
    made, _ = along(tmp_path, records)
    table = next(each for each in made.tables if each.name == "backbones")
    assert table.columns == ["tf_efficientnet_lite0", "tf_efficientnet_lite2"]
    # five of six pairs agree: (5 - 1) / 6
    ((_, _, tau, _),) = agreement(pd.DataFrame({"a": first, "b": second}))
    assert tau == pytest.approx(4 / 6)
    assert tau == pytest.approx(stats.kendalltau(list(first.values()), list(second.values())).statistic)
    assert "Kendall's tau 0.67 of 4 methods" in " ".join(made.sentences)


def test_default_and_tuned_stand_side_by_side_with_an_interval_over_datasets(tmp_path):
    gains = {"elpv": 0.01, "textures": 0.02, "dagm/1": 0.03}
    records = []
    for dataset, gain in gains.items():
        records += [at("cross-entropy", 10, 0.8, dataset=dataset), at("focal", 10, 0.7, dataset=dataset)]
        records.append(at("focal", 10, 0.7 + gain, dataset=dataset, tune=4))
    made, _ = along(tmp_path, records)
    table = next(each for each in made.tables if each.name == "default-and-tuned")
    ((_, label, entries),) = table.rows
    # mean 2, sd 1, three datasets: t(.975, 2) = 4.302653, half width 2.48: from -0.48 to 4.48, without decimals
    assert (label, [entry.plain for entry in entries]) == ("focal", ["70", "72", "+2 [+0, +4]"])


def test_along_an_axis_cells_of_the_same_seeds_are_compared(tmp_path):
    # seed 1 is twenty points easier, and was not tuned: what tuning gives is seen on seed 0 alone
    records = [at("focal", 10, 0.5), at("focal", 10, 0.7, seed=1), at("focal", 10, 0.6, tune=4)]
    found = by_tuning(collect([write(tmp_path, records)]).frame, "accuracy")
    assert found.means.loc["focal"].to_dict() == pytest.approx({"default": 0.5, "tuned": 0.6})


def test_parts_of_one_set_of_images_are_one_dataset_along_an_axis(tmp_path):
    gains = {"magnetic_tile": 0.01, "magnetic_tile/defects": 0.03, "elpv": 0.06}
    records = []
    for dataset, gain in gains.items():
        records += [at("focal", 10, 0.7, dataset=dataset), at("focal", 10, 0.7 + gain, dataset=dataset, tune=4)]
    found = by_tuning(collect([write(tmp_path, records)]).frame, "accuracy")
    # the tiles' two parts are one dataset of two points: (2 + 6) / 2, where three datasets would have 10 / 3
    assert found.means["tuned"]["focal"] - found.means["default"]["focal"] == pytest.approx(0.04)
    changed = changes(found, "default", "tuned")["focal"]
    assert (changed.mean, changed.known) == (pytest.approx(0.04), False), "two datasets give no interval over datasets"


def test_parts_of_one_set_of_images_are_one_dataset_over_minority_images(tmp_path):
    lines = {"magnetic_tile": [0.5, 0.6, 0.7], "magnetic_tile/defects": [0.7, 0.8, 0.9], "elpv": [0.8, 0.9, 1.0]}
    records = [each for dataset, line in lines.items() for each in few({"focal": line, "padim": line}, dataset)]
    # who lacks one part has no mean over all
    records += few({"crt": lines["elpv"]}, "elpv") + few({"crt": lines["magnetic_tile"]}, "magnetic_tile")
    table = points(collect([write(tmp_path, records)]))
    made = over_datasets(table, ["accuracy"]).set_index(["label", "level"])
    assert made["accuracy"]["focal"].tolist() == pytest.approx([0.7, 0.8, 0.9])
    # 0.6 and 0.8 at one image: standard deviation 0.2 / sqrt 2
    assert made["accuracy_sd"]["focal", 1.0] == pytest.approx(0.2 / np.sqrt(2))
    assert set(made["accuracy_n"]) == {2}
    assert set(made.index.get_level_values("label")) == {"focal", "padim"}
    two = table[table["dataset"].str.startswith("magnetic_tile")]
    assert over_datasets(two, ["accuracy"]) is None, "one set of images is no mean over datasets"


def few(values, dataset="elpv"):
    return [
        at(label, level, value, "few", dataset=dataset)
        for label, line in values.items()
        for level, value in zip((1, 10, 50), line, strict=True)
    ]


LINES = {"cross-entropy": [0.5, 0.7, 0.9], "focal": [0.5, 0.75, 0.95], "padim": [0.7, 0.7, 0.7]}


def test_where_the_lines_over_minority_images_cross_is_said(tmp_path):
    records = few(LINES) + few(LINES, "textures")
    made, _ = along(tmp_path, records)
    assert "By minority images, the mean of all datasets: padim is ahead of focal at 1, and behind from 10 on." in (
        made.sentences
    )
    assert {"minority-all-datasets", "minority-elpv", "minority-textures"} <= {table.name for table in made.tables}
    pairs = crossings(made.minority, "accuracy", "cross-entropy")
    assert pairs == [("padim", "focal", [1.0], [10.0, 50.0])]
    for columns in (1, 2):
        with styled():
            figure = minority_figure(made.minority, "cross-entropy", Layout(columns))
            figure.canvas.draw()
        drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert min(drawn.x0, drawn.y0) > -0.01
        assert drawn.x1 < width + 0.01
        assert drawn.y1 < height + 0.01
        assert all(axes.xaxis_inverted() for axes in figure.axes)
        line = np.asarray(figure.axes[0].get_lines()[0].get_ydata(), dtype=float)
        assert line == pytest.approx([50.0, 70.0, 90.0])


def test_a_run_of_one_axis_value_says_nothing_of_axes(tmp_path):
    made, _ = along(tmp_path, [at("cross-entropy", 10, 0.8), at("focal", 10, 0.7)])
    assert (made.tables, made.sentences, made.steps, made.minority) == ([], [], None, None)
