"""The number of workers changes nothing but the time."""

from __future__ import annotations

import pytest

from benchmarks.store import Store


@pytest.mark.parametrize("workers", ["1", "2"])
def test_workers_give_the_same_bits(bench, tmp_path, workers) -> None:

    methods = [part for name in ("cross-entropy", "smote", "under-bagging") for part in ("--method", name)]
    assert bench(*methods, "--seed", "0", "--seed", "1").code == 0
    bench.results = tmp_path / "other"
    answer = bench(*methods, "--seed", "0", "--seed", "1", "--workers", workers)
    assert answer.code == 0, answer.out + answer.err
    assert bench.same_bits(tmp_path / "results", tmp_path / "other")


def test_the_same_random_features_in_every_process(bench, tmp_path) -> None:
    """A frozen backbone without weights: its maps go to the cache, so another process must make the same ones."""

    frozen = ["--set", "backbone.frozen=true", "--method", "cross-entropy"]
    bench(*frozen)
    bench.results, bench.cache = tmp_path / "other", tmp_path / "other cache"
    bench("--seed", "1")  # another use of the global random state before it
    bench(*frozen)
    ids = [record.id for record in Store(tmp_path / "results").records()]
    for path in (tmp_path / "other" / "scores").iterdir():
        if path.stem not in ids:
            path.unlink()
    assert bench.same_bits(tmp_path / "results", tmp_path / "other")
