"""--plan and --list say what there is and run nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from dataclasses import replace

import pytest
from PIL import Image

import datasets
import methods
from benchmarks.grid import chosen, plan
from benchmarks.grid import presets as settings
from benchmarks.grid.cells import Cell
from benchmarks.grid.estimate import Estimate, Timed, Timings
from benchmarks.grid.sizes import Size
from benchmarks.records.store import Store
from benchmarks.running.progress import WIDTH, duration
from methods.training.settings import BackboneSettings


@pytest.fixture(autouse=True)
def _no_start_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take for granted what a process takes to import torch: seconds of a core, timed in the tests marked slow."""
    monkeypatch.setattr("benchmarks.running.promise.Clock.start", lambda _: 8.0)


def test_plan_runs_nothing(bench, tmp_path) -> None:
    bench = replace(bench, cache=tmp_path / "cache")  # in which nothing was timed yet
    answer = bench("--plan", "--seed", "0", "--seed", "1")
    assert answer.code == 0
    assert not bench.results.exists()
    assert "4 cells, 4 to do: about" in answer.out
    assert "from a few steps of each kind of cell" in answer.out
    again = bench("--plan", "--seed", "0", "--seed", "1").out
    assert "timing" not in again
    assert again.splitlines()[-1] == answer.out.splitlines()[-1]


def test_plan_tells_done_from_to_do_and_shows_what_is_skipped(bench) -> None:
    bench("--method", "focal")
    before = {path: path.stat().st_mtime_ns for path in bench.results.rglob("*")}
    answer = bench("--plan", "--ratio", "5", "--ratio", "1000")
    assert "2 cells, 1 to do" in answer.out
    assert "from the cells done here" in answer.out
    assert "skipped" in answer.out
    assert "1000" in answer.out
    assert {path: path.stat().st_mtime_ns for path in bench.results.rglob("*")} == before


def test_plan_of_what_is_all_done(bench) -> None:
    bench()
    assert "2 cells, none to do" in bench("--plan").out


def test_a_plan_says_what_is_known_of_ones_own_images(bench, untimed, tmp_path) -> None:
    for at in range(24):
        file = tmp_path / "own" / ("good", "bad")[at % 2] / f"part{at // 4}_{at}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), at).save(file)
    named = bench("--dataset", f"folder:{tmp_path / 'own'}", "--plan", "--ratio", "2").out
    assert f"folder:{tmp_path / 'own'}: names look like 6 things with several images each" in named
    run = ("--dataset", f"grouped:{tmp_path / 'own'}", "--set", "dataset.grouped:*.parameters.run=3")
    assert "images of one thing kept together: 8 things of 3 files in a row" in bench(*run, "--plan").out


def test_list_shows_datasets_methods_and_presets(bench) -> None:
    answer = bench("--list")
    assert answer.code == 0
    for name in ("elpv", "textures", "folder:/path", "cross-entropy", "imblearn:SMOTE", "smoke", "paper"):
        assert name in answer.out
    assert "download" in answer.out
    assert not bench.results.exists()


@pytest.mark.slow
def test_a_list_once_made_is_the_same_again_without_torch(bench, tmp_path) -> None:
    code = "import sys; from benchmarks import run; run.main(sys.argv[1:]); print('torch' in sys.modules)"
    command = [sys.executable, "-c", code, "--list", "--cache", str(tmp_path / "cache")]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout for _ in range(2)
    )
    assert first.removesuffix("True\n") == second.removesuffix("False\n")
    assert "cross-entropy" in second


@pytest.mark.slow
def test_a_plan_once_made_is_the_same_again_without_what_trains(bench, tmp_path) -> None:
    names = "('torch', 'sklearn', 'timm', 'pandas', 'scipy')"
    code = f"import sys; from benchmarks import run; run.main(sys.argv[1:]); print([n in sys.modules for n in {names}])"
    arguments = [
        "--plan",
        "--dataset",
        "elpv",
        "--method",
        "crt",
        "--cache",
        str(tmp_path / "cache"),
        "--results",
        str(tmp_path / "none"),
    ]
    command = [sys.executable, "-c", code, *arguments]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout.splitlines()
        for _ in range(2)
    )
    assert [line for line in first[:-1] if not line.startswith("timing")] == second[:-1]
    assert second[-1] == str([False] * 5)


def test_a_finished_run_is_seen_to_be_without_what_trains(bench) -> None:
    assert bench().code == 0
    chosen.catalogue(bench.cache)  # remembers the methods of this release
    code = "import sys; from benchmarks import run; run.main(sys.argv[1:]); print('torch' in sys.modules)"
    command = [sys.executable, "-c", code, *bench.arguments()]
    said = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout.splitlines()
    assert "2 cells, none to do" in said
    assert said[-1] == "False"


def test_the_kept_methods_are_those_of_the_registry(tmp_path) -> None:
    known = {each.name: each for each in chosen.catalogue(tmp_path)}
    assert list(known) == [*methods.available(), *methods.prefixed()]
    for name, each in known.items():
        method = methods.create(name)
        assert (each.family, each.head, each.sources) == (
            method.family,
            method.required_head(),
            method.source_datasets(),
        )
        assert each.parameters == method.model_dump(mode="json")
    patterns = ["f*", "imblearn:*SMOTE*", "balanced-softmax", "*"]
    assert chosen.names(patterns, known.values()) == methods.expand(patterns)


def test_the_name_of_a_cell_is_of_everything_that_decides_its_outcome(bench) -> None:
    for cell in plan.build(
        settings.load("default", ["minorities=[3]", "protocols=['step','few']"]), ["textures"]
    ).cells[::40]:
        text = json.dumps(cell.model_dump(mode="json", exclude={"label", "family", "comparison"}), sort_keys=True)
        assert cell.specification == text
        assert cell.id.endswith(hashlib.blake2b(text.encode(), digest_size=6).hexdigest())


def test_a_plan_lists_each_dataset_once(bench, untimed, monkeypatch) -> None:
    asked = []
    index = datasets.FileDataset.index
    monkeypatch.setattr(datasets.FileDataset, "index", lambda self: (asked.append(self.name), index(self))[1])
    bench("--plan", "--dataset", "elpv", "--method", "multiscale*")
    assert asked.count("elpv") == 1


def test_lines_are_whole_where_the_output_is_no_terminal(bench, untimed, monkeypatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    answer = bench("--plan", "--set", "dataset.textures.parameters.number=[400,400]", "--ratio", "100000")
    assert max(len(line) for line in answer.out.splitlines()) > 80
    assert "\x1b" not in answer.out
    table = [line for line in bench("--list").out.splitlines() if line.startswith(("│", "┃"))]
    assert max(map(len, table)) <= WIDTH


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_a_reader_that_stops_reading_is_no_error(shared_cache) -> None:
    chosen.catalogue(shared_cache)  # remembers the methods of this release
    command = f"{sys.executable} -m benchmarks.run --list --cache {shlex.quote(str(shared_cache))} | head -n 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_estimate_without_measurements_is_of_the_right_size() -> None:
    """150 steps on 32 frozen maps of 10 x 10 take about a second on one core."""
    changes = ["network.head='single-scale'", "budget.steps=150", "backbone.strides=[16]"]
    preset = settings.load("default", ["datasets=['textures']", "methods=['cross-entropy']", *changes])
    (cell, *_) = plan.build(preset, ["textures"]).cells
    assert 0.3 < Estimate([]).seconds(cell) < 3


def test_estimate_follows_what_was_measured(bench) -> None:
    bench("--method", "focal")
    (record,) = Store(bench.results).records()
    cell = Cell.model_validate(record.cell)
    slow = record.model_copy(update={"cost": record.cost.model_copy(update={"seconds": {"total": 12.0}})})
    assert Estimate([slow]).seconds(cell) == pytest.approx(12.0)
    tuned = Cell.model_validate(record.cell | {"tune": 4})
    assert Estimate([slow]).seconds(tuned) == pytest.approx(12.0 * (1 + 2 * 4))


def test_estimate_is_the_median_of_what_was_measured_scaled_to_the_task(bench) -> None:
    """Steps over frozen maps cost alike: of 10, 12 and 40 seconds for 6 steps, the median makes 36 for 18 steps."""
    bench("--method", "focal")
    (record,) = Store(bench.results).records()
    frozen = Cell.model_validate(record.cell).model_copy(update={"settings": frozen_settings(record)})
    record = record.model_copy(update={"cell": frozen.model_dump(mode="json")})
    costs = [record.cost.model_copy(update={"seconds": {"total": seconds}}) for seconds in (40.0, 10.0, 12.0)]
    measured = [record.model_copy(update={"cost": cost}) for cost in costs]
    budget = frozen.settings.budget.model_copy(update={"steps": 18})
    longer = frozen.model_copy(update={"settings": frozen.settings.model_copy(update={"budget": budget})})
    assert Estimate(measured).seconds(longer) == pytest.approx(36.0)
    other = longer.model_copy(update={"dataset": "elsewhere"})  # of the method, on another dataset
    assert Estimate(measured).seconds(other) == pytest.approx(36.0)
    assert Estimate(measured[:2]).seconds(frozen) == pytest.approx(25.0)


def frozen_settings(record):
    """Return a record's settings with the default backbone, whose maps are cached."""
    settings = Cell.model_validate(record.cell).settings
    return settings.model_copy(update={"backbone": BackboneSettings()})


def test_the_time_of_a_kind_of_cell_is_that_of_its_parts() -> None:
    """1 ms a step, 2 ms an image, 3 ms a tested one, 4 ms to read either, 50 ms besides."""
    timed = Timed(step=1e-3, image=2e-3, tested=3e-3, fixed=0.05, read=4e-3)
    assert timed.seconds(600, Size(counts=(7, 3), tested=10)) == pytest.approx(0.6 + 0.02 + 0.03 + 0.08 + 0.05)


def test_methods_that_only_weigh_or_draw_otherwise_take_the_time_of_plain_cross_entropy() -> None:
    costs = {each.name: each.cost for each in chosen.registered()}
    plain = ("cross-entropy", "focal", "oversampling", "mixup", "posthoc-logit-adjustment", "undersampling")
    assert {costs[name] for name in plain} == {"cross-entropy"}
    for name in (
        "crt",
        "smote",
        "patchcore",
        "logit-adjustment-sam",
        "multiscale-one-stage",
        "multiscale-scratch",
        "bbn",
    ):
        assert costs[name] == name


def test_kinds_that_were_not_timed_follow_those_that_were() -> None:
    preset = settings.load("default", ["datasets=['textures']", "methods=['focal','crt']", "seeds=[0]"])
    grid = plan.build(preset, ["textures"])
    focal, crt = (next(cell for cell in grid.cells if cell.method == name) for name in ("focal", "crt"))
    timings = Timings(grid.sizes, grid.costs)
    timings.kinds[timings.kind(focal)] = Timed(step=0.01, image=0.0, tested=0.0)
    estimate = Estimate([], "cpu", timings)
    estimate.learn([focal, crt])
    assert estimate.seconds(focal) == pytest.approx(6.0)  # 600 steps
    assert estimate.seconds(crt) == pytest.approx(6.0)


def test_durations_for_people() -> None:
    assert [duration(s) for s in (3, 89, 600, 12000)] == ["3 s", "89 s", "10 min", "3 h 20 min"]
