"""Full disks, folders that cannot be written and damaged files: one message, and nothing finished lost."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.records import files, scores, store
from benchmarks.records.store import Store
from datasets.atomic import PARTIAL


def test_results_folder_that_is_a_file(bench) -> None:
    bench.results.write_text("in the way")
    answer = bench()
    assert answer.code == 2
    assert str(bench.results) in answer.err
    assert "--results" in answer.err
    assert "Traceback" not in answer.err


def test_cache_that_is_a_file(bench, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    bench.cache = tmp_path / "file" / "cache"
    answer = bench()
    assert answer.code == 2
    assert "--cache" in answer.err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("after", [0, 1, 5])
def test_no_space_left(bench, untimed, monkeypatch, number, after) -> None:
    true, calls = os.fsync, iter(range(10**6))

    def fsync(handle: int) -> None:
        if next(calls) >= after:
            raise OSError(number, os.strerror(number))
        true(handle)

    bench("--plan")
    monkeypatch.setattr("datasets.atomic.os.fsync", fsync)
    answer = bench()
    monkeypatch.undo()
    assert answer.code == 2
    assert "no space left" in answer.err or "cannot be written" in answer.err or "quota" in answer.err.lower()
    assert "Traceback" not in answer.err
    assert not [path for path in bench.results.rglob("*") if path.name.endswith(PARTIAL)]
    for record in Store(bench.results).records():
        Store(bench.results).read_scores(record.id)
    assert bench().code == 0


def test_no_space_for_the_report(bench, monkeypatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "results/tables/x.csv")

    monkeypatch.setattr("benchmarks.report.build", full)
    answer = bench("--with-report")
    assert answer.code == 2
    assert "results/tables/x.csv: No space left on device" in answer.err
    assert len(list(Store(bench.results).records())) == 2


def test_a_file_is_there_whole_or_not_at_all(tmp_path) -> None:
    path = tmp_path / "a.json"
    files.write_atomic(path, lambda file: file.write(b"old"))

    def fails_half_way(file: Any) -> None:
        file.write(b"ne")
        raise OSError(errno.EIO, "unplugged")

    with pytest.raises(OSError, match="unplugged"):
        files.write_atomic(path, fails_half_way)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_the_record_comes_after_its_scores(bench, monkeypatch) -> None:
    order: list[Path] = []
    true = files.write_atomic
    for module in (store, scores):
        monkeypatch.setattr(module, "write_atomic", lambda path, write: (order.append(path), true(path, write)))
    bench("--method", "focal")
    assert [path.parent.name for path in order[-2:]] == ["scores", "cells"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"id": "x"}', "\x00\x00"])
def test_a_damaged_record_is_named(bench, damage) -> None:
    bench()
    path = sorted((bench.results / "cells").glob("*.json"))[0]
    path.write_text(damage)
    answer = bench()
    assert answer.code == 2
    assert str(path) in answer.err
    assert "delete it" in answer.err
    path.unlink()
    assert "2 cells, 1 to do" in bench().out


def test_a_record_of_another_release_is_named(bench) -> None:
    bench("--method", "focal")
    (path,) = (bench.results / "cells").glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 99}))
    answer = bench()
    assert answer.code == 2
    assert "schema version 99" in answer.err


def test_a_damaged_grid_is_named(bench) -> None:
    bench("--method", "focal")
    (path,) = (bench.results / "grids").glob("*.json")
    path.write_text("{")
    answer = bench("--method", "focal", "--with-report")
    assert answer.code == 0
    assert str(path) in (bench.results / "summary.md").read_text().replace("\\", "")


def test_what_a_killed_process_left_is_no_record_and_is_swept_in_time(bench) -> None:
    bench()
    old, young = (bench.results / "cells" / f".x.json.{name}{PARTIAL}" for name in ("old", "young"))
    for path in (old, young):
        path.write_text("{")
    os.utime(old, (time.time() - 2 * 24 * 3600,) * 2)
    assert bench().code == 0
    assert not old.exists()
    assert young.exists()
