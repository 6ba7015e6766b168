"""Result files that were damaged or changed are named, with the remedy; a report goes on with the others."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.records.store import Store
from benchmarks.report.__main__ import main as report
from benchmarks.report.data.loading import collect
from tests.faults.tampering import FILES, GRIDS, RECORDS, SCORES, kinds
from tests.report.synthetic import _without_fsync, asked, cell, cells, record, write

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


def test_a_hundred_kinds() -> None:
    assert len(list(kinds())) > 200
    assert min(map(len, (FILES, RECORDS, SCORES, GRIDS))) > 10


def with_scores(store: Store, seed: int) -> Path:
    """Write a record and its scores; return the record's file."""
    made = record(cell("elpv", 10, seed, "focal"), 0.9)
    logits = np.random.default_rng(seed).normal(size=(200, 2)).astype(np.float32)
    store.write(made, {"logits": logits, "labels": np.repeat([0, 1], 100), "indices": np.arange(200)})
    return store.cells / f"{made.id}.json"


def damaged_folder(root: Path) -> tuple[Path, dict[Path, str]]:
    """A results folder with a file of every kind of damage, beside whole ones."""
    store = Store(write(root, [record(cell("elpv", ratio, 0, name)) for ratio in (1, 10) for name in ("crt", "focal")]))
    damaged = {}
    with _without_fsync():
        for number, (folder, name, damage) in enumerate(kinds(), start=1):
            if folder == "grids":
                before = set(store.asked.iterdir())
                store.add_grid(asked(cells(["elpv"], ["focal", "crt"], ratios=[number], seeds=[0])))
                (path,) = set(store.asked.iterdir()) - before
            else:
                path = with_scores(store, seed=number)
                path = path if folder == "cells" else store.scores / f"{path.stem}.npz"
            damage(path)
            damaged[path] = f"{folder}: {name}"
    return root, damaged


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[Path, str]]:
    return damaged_folder(tmp_path_factory.mktemp("damaged"))


def test_the_report_names_each_and_goes_on(folder, capsys) -> None:
    root, damaged = folder
    collection = collect([root])
    done = len(collection.frame)
    scores = [path for path in damaged if path.parent.name == "scores"]
    assert done == 4 + len(scores)
    assert report(["--results", str(root), "--no-figures"]) == 0
    said = (root / "summary.md").read_text().replace("\\", "")
    unnamed = {name for path, name in damaged.items() if f"left out: {path} cannot be used (" not in said}
    assert unnamed == set()
    assert said.count("delete it and run again") == len(damaged)
    assert "Traceback" not in capsys.readouterr().err


def test_judging_again_goes_on_with_the_scores_that_are_whole(tmp_path) -> None:
    store = Store(tmp_path / "run")
    store.prepare()
    for seed in range(3):
        with_scores(store, seed)
    (broken, *_) = sorted(store.scores.iterdir())
    broken.write_bytes(b"")
    assert report(["--results", str(store.root), "--no-figures", "--cost", "20:1"]) == 0
    assert f"left out: {broken}" in (store.root / "summary.md").read_text().replace("\\", "")


def test_a_run_refuses_and_names_all_of_them(folder, bench) -> None:
    root, damaged = folder
    answer = bench("--results", str(root), "--plan")
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    records = [path for path in damaged if path.parent.name == "cells"]
    assert [path for path in records if f"{path} cannot be used (" not in answer.err] == []
