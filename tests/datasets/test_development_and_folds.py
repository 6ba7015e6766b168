"""Images that serve for choosing are never tested, and folds test all of the smallest class between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from datasets import Index, Level, UserError, create, development_rows, split, subset


def made(labels: list[int], **more: Any) -> Index:
    names = tuple("abc"[: max(labels) + 1])
    return Index(np.array(labels, dtype=np.int64), names, "", dataset="made-up", **more)


def grouped(seed: int, **more: Any) -> Index:
    """Three classes, the last the smallest; 60 groups of 1 to 9 images of any classes."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(60), rng.integers(1, 10, size=60))
    labels = rng.choice(3, size=len(groups), p=[0.6, 0.3, 0.1])
    return Index(labels, ("a", "b", "c"), "", groups=groups, dataset="grouped", **more)


# `printf 'development pool/made-up/3' | b2sum -l 128` and so on: 5424d001 (5), a64b26ee (3), ad531c9f (2),
# d31a253a (1), ddc55ac3 (0), e4674e02 (4).
@pytest.mark.parametrize(
    ("share", "rows"), [(0.0, []), (0.1, [5]), (0.3, [3, 5]), (0.5, [2, 3, 5]), (0.51, [1, 2, 3, 5])]
)
def test_images_come_into_the_pool_in_the_order_of_their_hash(share: float, rows: list[int]) -> None:
    for labels in ([0, 0, 0, 1, 1, 1], [1, 0, 1, 0, 1, 0]):
        assert np.flatnonzero(development_rows(made(labels, development_share=share))).tolist() == rows


def test_groups_come_into_the_pool_whole() -> None:
    groups = np.array([0, 0, 0, 1, 2, 3, 4, 5, 5])
    index = made([0, 1] * 4 + [0], groups=groups, development_share=0.3)
    assert np.flatnonzero(development_rows(index)).tolist() == [5, 7, 8]  # group 5 has 2 of the 2.7, group 3 the third


@pytest.mark.parametrize("folds", [None, 3])
@pytest.mark.parametrize("seed", range(5))
def test_a_run_has_nothing_of_the_pool_and_choosing_nothing_else(seed: int, folds: int | None) -> None:
    index = grouped(1, development_share=0.3)
    assert index.groups is not None
    pool = set(np.flatnonzero(development_rows(index)).tolist())
    run, choosing = (split(index, seed, folds=folds, development=development) for development in (False, True))
    assert not pool & {*run.train.tolist(), *run.test.tolist()}
    assert {*choosing.train.tolist(), *choosing.test.tolist()} <= pool
    for parts in (run, choosing):
        assert not set(index.groups[parts.train]) & set(index.groups[parts.test])
        assert len(set(np.bincount(index.labels[parts.test], minlength=3))) == 1
        rows = subset(index.labels, parts.train, Level("step", ratio=2), seed, majority=6, dataset="grouped")
        assert set(rows) <= set(parts.train)


def test_without_a_pool_nothing_can_be_chosen() -> None:
    with pytest.raises(UserError, match="made-up has no development pool"):
        split(made([0, 1] * 20), 0, development=True)


def test_folds_of_single_images_test_each_once_and_train_on_all_others() -> None:
    index, tested = made([0, 1] * 6), np.zeros(12, dtype=int)
    for seed in (6, 7, 8):
        parts = split(index, seed, folds=3)
        assert np.bincount(index.labels[parts.test]).tolist() == [2, 2]
        assert sorted([*parts.train, *parts.test]) == list(range(12))
        tested[parts.test] += 1
    assert tested.tolist() == [1] * 12


def test_folds_of_two_groups_are_the_groups() -> None:
    # Group 7 holds one of class 1 and three of class 0, group 9 one and two: one of each class is tested, and the rest
    # of the tested group is in neither part.
    index = made([0, 0, 0, 1, 0, 0, 1], groups=np.array([7, 7, 7, 7, 9, 9, 9]))
    seen = []
    for seed in (0, 1):
        parts = split(index, seed, folds=2)
        (group,) = set(index.groups[parts.test])  # type: ignore[index]
        seen.append(group)
        assert len(parts.test) == 2
        assert parts.train.tolist() == ([4, 5, 6] if group == 7 else [0, 1, 2, 3])
    assert sorted(seen) == [7, 9]


@pytest.mark.parametrize("folds", [2, 3, 5])
@pytest.mark.parametrize("partition", [0, 1, 4])
def test_every_image_of_the_smallest_class_is_tested_once(folds: int, partition: int) -> None:
    index = grouped(2)
    assert index.groups is not None
    tested, most = np.zeros(len(index.labels), dtype=int), int(index.counts.min())
    for seed in range(partition * folds, (partition + 1) * folds):
        parts = split(index, seed, folds=folds)
        counts = np.bincount(index.labels[parts.test], minlength=3)
        assert len(set(counts)) == 1
        assert not set(index.groups[parts.train]) & set(index.groups[parts.test])
        tested[parts.test] += 1
    assert (tested[index.labels == 2] == 1).all()
    assert tested.max() == 1
    assert tested.sum() == 3 * most


def test_folds_are_as_even_as_sklearns() -> None:
    index = grouped(3)
    sizes = [len(split(index, seed, folds=4).test) // 3 for seed in range(4)]
    reference = StratifiedGroupKFold(4).split(index.labels, index.labels, index.groups)
    theirs = [int((index.labels[rows] == 2).sum()) for _, rows in reference]
    assert max(sizes) - min(sizes) <= max(theirs) - min(theirs) + 1


def test_partitions_differ() -> None:
    index = made([0, 1] * 30)
    assert len({tuple(split(index, seed, folds=3).test) for seed in range(12)}) == 12


def test_an_official_split_goes_before_folds() -> None:
    official = np.arange(40) >= 30
    index = made([0, 1] * 20, official_test=official)
    assert split(index, 1, folds=5).test.tolist() == list(range(30, 40))


@pytest.mark.parametrize(("folds", "message"), [(1, "at least 2, not 1"), (4, "'b' has too few images .* 4 folds")])
def test_senseless_folds_are_refused(folds: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        split(made([0] * 9 + [1] * 3), 0, folds=folds)


@pytest.mark.parametrize(
    ("name", "folds", "majority"), [("elpv", 3, 240), ("elpv", 5, 300), ("textures", 3, 320), ("dagm/1", 3, 400)]
)
def test_the_shipped_settings_leave_every_ratio_that_the_data_have(
    name: str, folds: int, majority: int, real_data: object
) -> None:
    index = create(name).index()
    for seed in range(2 * folds):
        parts = split(index, seed, folds=folds)
        lowest = 10 if name == "dagm/1" else 1  # 47 defects are left to train on
        for ratio in (lowest, 80):
            rows = subset(index.labels, parts.train, Level("step", ratio=ratio), seed, majority=majority, dataset=name)
            counts = np.bincount(index.labels[rows])
            assert counts.tolist() == [majority, majority // ratio]


def test_modules_of_elpv_stay_on_one_side() -> None:
    index = create("elpv").index()
    assert index.groups is not None
    assert len(set(index.groups)) == 44  # Deitsch et al. 2019: 18 monocrystalline and 26 polycrystalline modules
    for seed in range(5):
        parts = split(replace(index), seed, folds=5)
        assert not set(index.groups[parts.train]) & set(index.groups[parts.test])
