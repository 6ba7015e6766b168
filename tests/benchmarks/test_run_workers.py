"""The number of workers, and where they are, changes nothing but the time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from benchmarks.records.store import Store

METHODS = [part for name in ("cross-entropy", "smote", "under-bagging") for part in ("--method", name)]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of somebody's Dask scheduler with one worker; a thread, so that it starts at once."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.slow
def test_workers_give_the_same_bits(bench, tmp_path) -> None:
    assert bench(*METHODS, "--seed", "0", "--seed", "1").code == 0
    bench.results = tmp_path / "other"
    answer = bench(*METHODS, "--seed", "0", "--seed", "1", "--workers", "2")
    assert answer.code == 0, answer.out + answer.err
    assert bench.same_bits(tmp_path / "results", tmp_path / "other")


def test_somebody_elses_scheduler_gives_the_same_bits(bench, tmp_path, scheduler) -> None:
    assert bench(*METHODS).code == 0
    bench.results = tmp_path / "other"
    answer = bench(*METHODS, "--scheduler", scheduler)
    assert answer.code == 0, answer.out + answer.err
    assert bench.same_bits(tmp_path / "results", tmp_path / "other")


def test_a_worker_says_what_is_wrong_with_the_data(bench, tmp_path, scheduler) -> None:
    for name in ("bad", "good"):
        (tmp_path / "own" / name).mkdir(parents=True)
        for i in range(8):
            Image.fromarray(np.full((16, 16), i, dtype=np.uint8)).save(tmp_path / "own" / name / f"{i}.png")
    (tmp_path / "own" / "bad" / "3.png").write_bytes(b"")
    answer = bench("--dataset", f"folder:{tmp_path / 'own'}", "--ratio", "2", "--scheduler", scheduler)
    assert answer.code == 2
    assert "bad/3.png" in answer.err
    assert "Traceback" not in answer.out + answer.err


def test_a_worker_that_served_an_earlier_run_sees_changed_images(bench, tmp_path, scheduler) -> None:
    rng = np.random.default_rng(0)
    for name in ("bad", "good"):
        (tmp_path / "own" / name).mkdir(parents=True)
        for i in range(12):
            Image.fromarray(rng.integers(0, 256, (16, 16), dtype=np.uint8)).save(tmp_path / "own" / name / f"{i}.png")
    own = ["--dataset", f"folder:{tmp_path / 'own'}", "--ratio", "2", "--method", "focal", "--scheduler", scheduler]
    bench(*own)
    (tmp_path / "own" / "bad" / "12.png").write_bytes((tmp_path / "own" / "bad" / "0.png").read_bytes())
    bench.results = tmp_path / "other"
    bench(*own)
    records = [next(Store(tmp_path / folder).records()) for folder in ("results", "other")]
    assert records[0].data.content != records[1].data.content


def test_the_same_random_features_in_every_process(bench, tmp_path) -> None:
    """A frozen backbone without weights: its maps go to the cache, so another process must make the same ones."""
    frozen = ["--set", "backbone.frozen=true", "--method", "cross-entropy"]
    bench(*frozen)
    bench.results, bench.cache = tmp_path / "other", tmp_path / "other cache"
    bench("--seed", "1", "--method", "focal", "--results", str(tmp_path / "before"))  # draws from torch's own generator
    bench(*frozen)
    assert bench.same_bits(tmp_path / "results", tmp_path / "other")
