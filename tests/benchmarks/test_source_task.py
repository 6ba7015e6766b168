"""A source task for the two-stage transfer: another dataset, inside the budget, and never the target itself."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import methods
from benchmarks.grid import plan
from benchmarks.grid import presets as settings
from benchmarks.records.store import Store

METHOD = "multiscale-two-stage"


@pytest.fixture
def source(tmp_path) -> str:
    """A folder of bright and dark images, grey as the target's."""
    rng = np.random.default_rng(0)
    for name, low in (("dark", 0), ("bright", 128)):
        (tmp_path / "tree" / name).mkdir(parents=True)
        for i in range(8):
            pixels = rng.integers(low, low + 128, (32, 32), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "tree" / name / f"{i}.png")
    return f"folder:{tmp_path / 'tree'}"


def run(bench, *sources: str, more: tuple[str, ...] = ()):
    chosen = ("--set", f"method.{METHOD}.source={list(sources)}")
    used = [name for name in sources if name != "textures"][:1]
    answer = bench("--method", METHOD, "--set", "budget.steps=12", *chosen, *more)
    return answer, [record for record in Store(bench.results).records() if record.cell["parameters"]["source"] == used]


def test_the_source_task_is_learnt_within_the_budget(bench, source) -> None:
    _, (without,) = run(bench)
    answer, (record,) = run(bench, source)
    assert answer.code == 0, answer.err
    assert record.status == "done", record.failure
    assert record.cost.steps == without.cost.steps == 12
    assert record.data.train_hash == without.data.train_hash
    assert record.data.counts == without.data.counts  # the source's images are not counted among the target's
    scores = [Store(bench.results).read_scores(each.id)["logits"] for each in (without, record)]
    assert not np.array_equal(*scores)


FROZEN = ("--set", 'backbone={name = "small-cnn", weights = "none", frozen = true, strides = [8, 16]}')


def learnt(bench) -> list[str]:
    return sorted(path.name for path in (bench.cache / "learnt").glob("*.safetensors"))


def test_cells_that_have_a_source_task_in_common_learn_it_once(bench, source, tmp_path) -> None:
    """The target's ratio and the method are no part of it; the seed, the steps and the head are."""
    before = set(learnt(bench))

    def new(*more: str) -> int:
        answer, _ = run(bench, source, more=(*FROZEN, *more))
        assert answer.code == 0, answer.err
        return len(set(learnt(bench)) - before)

    assert new("--ratio", "5") == 1
    assert new("--ratio", "2", "--ratio", "3") == 1
    adjusted = "multiscale-two-stage-adjusted"
    assert new("--method", adjusted, "--set", f"method.{adjusted}.source=['{source}']") == 1
    assert new("--seed", "1") == 2
    assert new("--set", "budget.steps=13") == 2  # 30 % of it are four steps too
    assert new("--set", "budget.steps=20") == 3
    assert new("--set", "optimizer.learning_rate=0.1") == 4
    single = "singlescale-two-stage"
    assert new("--method", single, "--set", f"method.{single}.source=['{source}']") == 5


def test_whoever_learns_the_source_task_the_bits_are_the_same(bench, source, tmp_path) -> None:
    run(bench, source, more=(*FROZEN, "--ratio", "2", "--ratio", "5"))
    found = [r for r in Store(bench.results).records() if r.cell["parameters"]["source"]]
    assert [r.cost.steps for r in found] == [12, 12]
    for number, record in enumerate(found):
        results, cache = tmp_path / f"alone{number}", tmp_path / f"cache{number}"
        ratio = str(record.cell["level"]["ratio"])
        run(bench, source, more=(*FROZEN, "--ratio", ratio, "--results", str(results), "--cache", str(cache)))
        scores = [Store(folder).read_scores(record.id)["logits"] for folder in (bench.results, results)]
        assert np.array_equal(*scores)


def test_source_and_target_may_not_be_the_same(bench) -> None:
    answer, records = run(bench, "textures")
    assert answer.code == 2
    assert "source='textures'" in answer.err
    assert "name another source" in answer.err
    assert not records


def test_the_first_source_that_is_not_the_target_is_taken(bench, source) -> None:
    (_, (first,)), (_, (second,)) = run(bench, source), run(bench, "textures", source)
    scores = [Store(bench.results).read_scores(each.id)["logits"] for each in (first, second)]
    assert np.array_equal(*scores)


def test_on_equal_footing_nobody_has_a_source(bench, source) -> None:
    _, (without,) = run(bench)
    answer, with_source = run(bench, source, more=("--comparison", "equal-footing"))
    assert answer.code == 0, answer.err
    assert not with_source
    footing = [
        r for r in Store(bench.results).records() if r.cell["comparison"] == "equal-footing" or r.id == without.id
    ]
    assert [r.id for r in footing] == [without.id]  # the same cell, done already


def test_a_single_source_needs_no_list() -> None:
    assert methods.create(METHOD, source="elpv").source == ("elpv",)
    with pytest.raises(ValueError, match="source"):
        methods.create(METHOD, source=3)


def test_an_unknown_source_is_named_before_anything_runs(bench) -> None:
    answer, records = run(bench, "texture")
    assert answer.code == 2
    assert "textures" in answer.err
    assert not records


def test_what_cannot_be_loaded_is_passed_over_and_nothing_left_is_said(bench, source) -> None:
    _, (first,) = run(bench, source)
    bench("--method", METHOD, "--set", "budget.steps=12", "--set", f"method.{METHOD}.source=['mura/elbow', '{source}']")
    found = [r for r in Store(bench.results).records() if r.cell["parameters"]["source"] == [source]]
    assert [r.id for r in found] == [first.id]  # the same cell, done already
    assert any("source task" in note for note in first.data.notes)

    bench("--method", METHOD, "--set", "budget.steps=12", "--set", f"method.{METHOD}.source=['mura/elbow']")
    (without,) = (r for r in Store(bench.results).records() if r.cell["parameters"]["source"] == [])
    assert any(note.startswith("no source task") and "elpv" in note for note in without.data.notes)
    bench("--method", "cross-entropy", "--set", "budget.steps=12")
    (plain,) = (r for r in Store(bench.results).records() if r.cell["method"] == "cross-entropy")
    assert not any("source task" in note for note in plain.data.notes)


def test_real_photographs_come_before_drawn_ones(bench) -> None:
    preset = settings.load(str(bench.preset), [f"methods=['{METHOD}']"])
    (cell,) = plan.build(preset, ["textures"]).cells
    assert cell.parameters["source"] == ["elpv"]
    (cell,) = plan.build(preset, ["elpv"]).cells
    assert cell.parameters["source"] in (["magnetic_tile"], ["textures"])  # whether the first is here
    assert cell.label == METHOD
