"""What a run leaves: a record and scores for each cell, once, whatever the order and the number of calls."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from benchmarks.records.store import Store


def test_every_cell_has_a_record_and_its_scores(bench) -> None:
    answer = bench("--seed", "0", "--seed", "1")
    assert answer.code == 0, answer.err
    records = list(Store(bench.results).records())
    assert {(r.cell["method"], r.cell["seed"]) for r in records} == {
        (method, seed) for method in ("cross-entropy", "focal") for seed in (0, 1)
    }
    for record in records:
        scores = Store(bench.results).read_scores(record.id)
        assert scores["logits"].shape == (20, 2)
        assert scores["logits"].dtype == np.float32
        assert np.bincount(scores["labels"]).tolist() == record.data.test_counts == [10, 10]
        assert record.data.counts == [20, 4]
        accuracy = (scores["logits"].argmax(1) == scores["labels"]).mean()
        assert record.metrics.accuracy == pytest.approx(accuracy)


def test_record_says_what_where_and_how(bench) -> None:
    bench("--method", "focal", "--set", "method.focal.gamma=1.5")
    (record,) = Store(bench.results).records()
    assert record.schema_version == 2
    assert record.status == "done"
    assert record.cell["dataset"] == "textures"
    assert record.cell["parameters"]["gamma"] == 1.5
    assert record.cell["label"] == "focal (gamma=1.5)"
    assert record.cell["settings"]["budget"] == {"steps": 6, "batch_size": 8}
    assert set(record.cost.seconds) == {"load", "fit", "predict", "total"}
    assert record.cost.steps == 6
    assert record.cost.peak_memory_mb > 0
    assert {"torch", "numpy", "scikit-learn"} <= set(record.environment["versions"])
    assert datetime.fromisoformat(record.created).tzinfo is not None


def test_the_order_of_cells_does_not_matter(bench, tmp_path) -> None:

    bench("--method", "cross-entropy", "--method", "focal", "--seed", "0", "--seed", "1")
    bench.results = tmp_path / "other"
    for method, seed in (("focal", "1"), ("cross-entropy", "1"), ("focal", "0"), ("cross-entropy", "0")):
        bench("--method", method, "--seed", seed)
    assert bench.same_bits(tmp_path / "results", tmp_path / "other")


def test_what_is_done_is_not_done_again(bench) -> None:
    bench()
    before = {path: path.stat().st_mtime_ns for path in (bench.results / "cells").iterdir()}
    answer = bench()
    assert answer.code == 0
    assert "none to do" in answer.out
    assert {path: path.stat().st_mtime_ns for path in (bench.results / "cells").iterdir()} == before
    assert bench("--ratio", "5", "--ratio", "10").code == 0
    after = {path: path.stat().st_mtime_ns for path in (bench.results / "cells").iterdir()}
    assert len(after) == 4
    assert before.items() <= after.items()


def test_another_setting_is_another_cell(bench) -> None:
    bench("--method", "focal")
    bench("--method", "focal", "--set", "budget.steps=7")
    bench("--method", "focal", "--set", "method.focal.gamma=1")
    assert len(list(Store(bench.results).records())) == 3


def test_a_default_spelt_out_is_the_same_cell(bench) -> None:
    bench("--method", "focal")
    assert "none to do" in bench("--method", "focal", "--set", "method.focal.gamma=2.0").out


def test_grids_are_remembered_each_once(bench) -> None:
    bench("--method", "focal")
    bench("--method", "focal")
    bench("--method", "cross-entropy")
    grids = Store(bench.results).grids()
    assert [[cell.method for cell in grid.cells] for grid in grids] == [["focal"], ["cross-entropy"]]
    assert [f"{cell.id}.json" for cell in grids[0].cells] == [path.name for path in bench.results.glob("cells/*focal*")]
    assert "--method focal" in grids[0].command


@pytest.mark.slow
def test_a_run_ends_with_tables_figures_and_page(bench) -> None:
    answer = bench("--with-report")
    assert answer.code == 0
    assert list((bench.results / "tables").iterdir())
    assert list((bench.results / "figures").iterdir())
    assert "tables, figures and page in" in answer.out


def test_changed_images_do_not_mix_with_older_results(bench, tmp_path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("bad", "good"):
        (tmp_path / "own" / name).mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"{i}.png")
    own = ["--dataset", f"folder:{tmp_path / 'own'}", "--ratio", "2"]
    assert bench(*own, "--method", "focal").code == 0
    Image.fromarray(rng.integers(0, 256, (16, 16), dtype=np.uint8)).save(tmp_path / "own" / "bad" / "0.png")
    answer = bench(*own, "--method", "cross-entropy")
    assert answer.code == 2
    assert "--results" in answer.err
    assert len(list(Store(bench.results).records())) == 1


@pytest.mark.slow
def test_a_finished_run_asked_for_again_makes_its_report_once(bench) -> None:
    bench("--with-report")
    page = bench.results / "report.html"
    before = page.stat().st_mtime_ns
    assert "of these records already" in bench("--with-report").out
    assert page.stat().st_mtime_ns == before
    bench("--with-report", "--method", "mixup")
    assert page.stat().st_mtime_ns > before
