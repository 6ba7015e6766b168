"""Runs that share a results folder at the same time, as the jobs of an array do, lose nothing of each other's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.records.store import Store

ROOT = Path(__file__).parents[2]
RUNS = 16
ASKING = """
import os, sys
from pathlib import Path
from benchmarks.records.asked import Asked
from benchmarks.records.store import Store

def ask(number):
    store = Store(Path(sys.argv[1]))
    for _ in range(20):
        store.prepare()
    common = {"preset": "default", "missing": {}, "cells": (), "skipped": ()}
    store.add_grid(Asked(created=f"2026-01-01T00:00:{number:02d}", command=f"run {number}", **common))

children = []
for number in range(int(sys.argv[2])):
    child = os.fork()
    if not child:
        ask(number)
        os._exit(0)
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_no_run_loses_what_another_asked_for(tmp_path) -> None:
    command = [sys.executable, "-c", ASKING, str(tmp_path / "run"), str(RUNS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert [grid.command for grid in Store(tmp_path / "run").grids()] == [f"run {number}" for number in range(RUNS)]
    assert not list((tmp_path / "run").glob(".*"))


@pytest.mark.slow
def test_commands_at_once_leave_the_records_and_grids_of_all(bench) -> None:
    names = ("cross-entropy", "focal")
    runs = [
        subprocess.Popen(
            bench.command("--method", name), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for name in names
    ]
    for run in runs:
        said, _ = run.communicate(timeout=600)
        assert run.returncode == 0, said
    assert {record.cell["method"] for record in Store(bench.results).records()} == set(names)
    assert {cell.method for grid in Store(bench.results).grids() for cell in grid.cells} == set(names)
