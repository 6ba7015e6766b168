"""Budget, backbone, tuning and a minority of none as axes of the grid: planned, run, reported apart."""

from __future__ import annotations

import pytest

from benchmarks.grid import plan
from benchmarks.grid import presets as settings
from benchmarks.records.store import Store
from benchmarks.report.data.loading import collect
from benchmarks.report.data.points import points
from benchmarks.report.tables.tables import dataset_tables
from datasets import UserError


def test_every_budget_is_run_and_has_a_table_of_its_own(bench) -> None:
    answer = bench("--method", "focal", "--steps", "4", "--steps", "6", "--seed", "0")
    assert answer.code == 0, answer.err
    records = list(Store(bench.results).records())
    assert sorted(record.cost.steps for record in records) == [4, 6]
    collection = collect([bench.results])
    assert sorted(zip(collection.frame["budget"], collection.frame["comparison"], strict=True)) == [
        (4, "as-in-paper"),
        (6, "as-in-paper, 6 steps"),
    ]
    tables = dataset_tables(points(collection), collection, "accuracy")
    assert [table.name for table in tables] == ["textures-step", "textures-step-as-in-paper-6-steps"]
    assert "6 steps" in tables[1].caption
    assert points(collection)["asked"].tolist() == [1, 1]


def test_the_same_images_and_seeds_at_every_budget(bench) -> None:
    bench("--method", "focal", "--steps", "4", "--steps", "6")
    assert len({record.data.train_hash for record in Store(bench.results).records()}) == 1


def test_every_backbone_is_planned_and_a_method_from_scratch_once() -> None:
    overrides = ["backbone.name=['tf_efficientnet_lite0','resnet18']", "methods=['focal','singlescale-scratch']"]
    preset = settings.load("smoke", overrides)
    cells = plan.build(preset, ["textures"]).cells
    found = sorted((cell.method, cell.settings.backbone.name) for cell in cells)
    assert found == [
        ("focal", "resnet18"),
        ("focal", "tf_efficientnet_lite0"),
        ("singlescale-scratch", "small-cnn"),
    ]
    assert {cell.asked().backbone for cell in cells} == {"resnet18", "tf_efficientnet_lite0", ""}


def test_a_single_value_is_no_axis() -> None:
    assert (
        settings.load("default", ["budget.steps=[7]"]).budgets == settings.load("default", ["budget.steps=7"]).budgets
    )
    assert [budget.steps for budget in settings.load("default", ["budget.steps=[7,21]"]).budgets] == [7, 21]


@pytest.mark.parametrize(
    "override", ["budget.steps=[0]", "budget.steps=[true]", "budget.steps=[1.5]", "budget.steps=[]"]
)
def test_a_budget_that_is_none_is_refused(override) -> None:
    with pytest.raises(UserError, match="steps"):
        settings.load("default", [override])


def test_without_a_minority_image_only_methods_that_need_none_are_run(bench) -> None:
    names = ["--method", "cross-entropy", "--method", "knn-distance"]
    frozen = ["--set", "backbone.frozen=true"]
    answer = bench(*names, *frozen, "--protocol", "few", "--minority", "0,3")
    assert answer.code == 0, answer.out + answer.err
    assert "0 minority images: 1 method needs images of both classes (cross-entropy)" in answer.out
    records = list(Store(bench.results).records())
    found = sorted((record.cell["level"]["minority"], record.cell["method"]) for record in records)
    assert found == [(0, "knn-distance"), (3, "cross-entropy"), (3, "knn-distance")]
    (none,) = [record for record in records if record.cell["level"]["minority"] == 0]
    assert none.data.counts == [20, 0]
    assert none.status == "done", none.failure
    collection = collect([bench.results])
    (table,) = dataset_tables(points(collection), collection, "accuracy")
    entries = {label: [entry.mean for entry in row] for _, label, row in table.rows}
    assert entries["cross-entropy"][0] == "skipped"
    assert entries["cross-entropy"][1] == entries["cross-entropy"][2]  # the average is of what all can have
    assert any("needs images of both classes" in note for note in table.notes)


def test_the_plan_shows_what_is_skipped_for_want_of_a_minority(bench, untimed) -> None:
    answer = bench("--method", "cross-entropy", "--protocol", "few", "--minority", "0,3", "--plan")
    assert "needs images of both classes" in " ".join(answer.out.split())
    assert "1 cell, 1 to do" in answer.out
