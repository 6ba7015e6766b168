"""Class counts as published, subsets nested and drawn from (dataset, protocol, seed) alone."""

from __future__ import annotations

import hashlib
import json
import random
from itertools import pairwise

import numpy as np
import pytest

from datasets import Index, Level, UnsupportedRatio, UserError, class_counts, create, split, subset

LABELS = np.random.default_rng(7).permutation(np.repeat([0, 1, 2, 3, 4], [120, 400, 90, 260, 160]))
POOL = np.flatnonzero(np.arange(len(LABELS)) % 10 != 0)


# Counts of the public CIFAR-LT subsets (Cui et al. 2019 and its successors).
@pytest.mark.parametrize(("ratio", "total"), [(10, 20431), (20, 17023), (50, 13996), (100, 12406), (200, 11203)])
def test_cifar10_long_tail_totals(ratio: float, total: int) -> None:
    assert class_counts(np.full(10, 5000), Level("long-tail", ratio=ratio)).sum() == total


@pytest.mark.parametrize(("ratio", "total"), [(10, 19573), (20, 15907), (50, 12608), (100, 10847), (200, 9502)])
def test_cifar100_long_tail_totals(ratio: float, total: int) -> None:
    assert class_counts(np.full(100, 500), Level("long-tail", ratio=ratio)).sum() == total


def test_cifar10_long_tail_counts_at_100_in_label_order() -> None:
    counts = class_counts(np.full(10, 5000), Level("long-tail", ratio=100))
    assert counts.tolist() == [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]


def test_long_tail_follows_falling_pool_counts() -> None:
    assert class_counts(np.array([40, 1000, 400]), Level("long-tail", ratio=100)).tolist() == [10, 1000, 100]


@pytest.mark.parametrize(("ratio", "minority"), [(1, 500), (2, 250), (3, 166), (10, 50), (50, 10), (500, 1)])
def test_step_on_two_classes(ratio: float, minority: int) -> None:
    assert class_counts(np.array([900, 1400]), Level("step", ratio=ratio), majority=500).tolist() == [minority, 500]


def test_step_keeps_every_class_when_their_number_is_odd() -> None:
    assert class_counts(np.array([70, 90, 60, 80, 100]), Level("step", ratio=4)).tolist() == [20, 80, 20, 80, 80]


def test_step_breaks_ties_by_label() -> None:
    assert class_counts(np.full(4, 100), Level("step", ratio=20)).tolist() == [100, 100, 5, 5]


@pytest.mark.parametrize("minority", [0, 1, 3, 5, 10, 20])
def test_few_gives_the_minority_an_absolute_number(minority: int) -> None:
    assert class_counts(np.array([1308, 515]), Level("few", minority=minority)).tolist() == [1308, minority]


def test_step_breaks_ties_by_label_also_among_many_classes() -> None:
    counts = class_counts(np.full(40, 100), Level("step", ratio=20))
    assert counts.tolist() == [100] * 20 + [5] * 20


def test_one_image_is_a_majority() -> None:
    assert class_counts(np.array([5, 4]), Level("step", ratio=1), majority=1).tolist() == [1, 1]


def test_counts_of_any_integer_type_are_taken_as_numbers() -> None:
    for level in (Level("step", ratio=4), Level("natural")):
        counts = class_counts(np.array([50, 200], dtype=np.uint8), level)
        assert counts.tolist() == [50, 200]
        assert counts.dtype == np.int64


def test_natural_keeps_the_pool() -> None:
    assert class_counts(np.array([487, 102, 20]), Level("natural")).tolist() == [487, 102, 20]


@pytest.mark.parametrize("protocol", ["step", "long-tail"])
def test_the_majority_count_is_the_same_at_every_ratio(protocol: str) -> None:
    pool = np.array([300, 300, 280, 300])
    assert {class_counts(pool, Level(protocol, ratio=ratio)).max() for ratio in (1.5, 2, 10, 50)} == {300}


def test_a_pool_too_small_says_which_class_and_how_many() -> None:
    with pytest.raises(UnsupportedRatio, match=r"ratio 2 needs 654 images of class 1, .* has 515"):
        class_counts(np.array([1308, 515]), Level("step", ratio=2))
    with pytest.raises(UnsupportedRatio, match=r"needs 2000 images of class 0, .* has 1308"):
        class_counts(np.array([1308, 515]), Level("step", ratio=100), majority=2000)
    with pytest.raises(UnsupportedRatio, match="class 1 without a single image"):
        class_counts(np.array([99, 99]), Level("step", ratio=100))
    with pytest.raises(UnsupportedRatio, match=r"needs 1 images of class 1, .* has 0"):
        class_counts(np.array([9, 0]), Level("few", minority=1))


@pytest.mark.parametrize(
    ("protocol", "settings", "message"),
    [
        ("step", {}, "ratio of at least 1, not None"),
        ("step", {"ratio": 0.5}, "ratio of at least 1, not 0.5"),
        ("long-tail", {"ratio": float("nan")}, "ratio of at least 1, not nan"),
        ("few", {}, "needs minority"),
        ("few", {"minority": -1}, "0 or more, not -1"),
        ("few", {"minority": 2.5}, "0 or more, not 2.5"),
        ("step", {"ratio": 2, "minority": 3}, "takes no minority"),
        ("natural", {"ratio": 2}, "takes no ratio"),
        ("step", {"ratio": 2, "majority": -1}, "majority must be at least 1"),
        ("longtail", {"ratio": 2}, "did you mean 'long-tail'"),
    ],
)
def test_senseless_requests_are_refused(protocol: str, settings: dict[str, float], message: str) -> None:
    level = {name: value for name, value in settings.items() if name != "majority"}
    majority = settings.get("majority")
    with pytest.raises(UserError, match=message) as caught:
        class_counts(np.array([100, 100]), Level(protocol, **level), majority)  # type: ignore[arg-type]
    assert not isinstance(caught.value, UnsupportedRatio)


def test_one_class_cannot_be_imbalanced() -> None:
    with pytest.raises(UserError, match="at least two classes"):
        class_counts(np.array([100]), Level("step", ratio=2))


def draw(protocol: str = "step", seed: int = 0, dataset: str = "made-up", **settings: float) -> np.ndarray:
    return subset(LABELS, POOL, Level(protocol, **settings), seed, dataset=dataset)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("protocol", "name", "values"), [
    ("step", "ratio", (2, 5, 10, 25, 50)),
    ("long-tail", "ratio", (10, 25, 50, 80)),
    ("few", "minority", (20, 10, 5, 3, 0)),
])  # fmt: skip
def test_subsets_are_nested(protocol: str, name: str, values: tuple[int, ...], seed: int) -> None:
    chosen = [set(draw(protocol, seed, **{name: value}).tolist()) for value in values]
    for larger, smaller in pairwise(chosen):
        assert smaller < larger


@pytest.mark.parametrize("protocol", ["step", "long-tail"])
def test_a_subset_has_the_promised_counts_and_comes_from_the_pool(protocol: str) -> None:
    chosen = draw(protocol, ratio=10)
    pool = np.bincount(LABELS[POOL])
    assert np.bincount(LABELS[chosen]).tolist() == class_counts(pool, Level(protocol, ratio=10)).tolist()
    assert set(chosen) <= set(POOL)
    assert (np.diff(chosen) > 0).all()
    assert chosen.dtype == np.int64


def test_a_subset_has_the_majority_asked_for() -> None:
    chosen = subset(LABELS, POOL.astype(np.int32), Level("step", ratio=5), 0, majority=50)
    assert np.bincount(LABELS[chosen]).tolist() == [
        10,
        50,
        10,
        50,
        50,
    ]
    assert chosen.dtype == np.int64


def test_a_class_that_the_pool_lacks_is_named() -> None:
    with pytest.raises(UnsupportedRatio, match="class 4"):
        subset(LABELS, np.flatnonzero(LABELS < 4), Level("natural"), 0)


def test_the_majority_is_that_of_the_whole_dataset_even_where_the_pool_has_less_of_it() -> None:
    labels, pool = np.array([0] * 9 + [1] * 8), np.arange(3, 17)  # 6 of class 0, 8 of class 1
    rows = subset(labels, pool, Level("step", ratio=3), 0, majority=6, dataset="made-up")
    assert np.bincount(labels[rows]).tolist() == [6, 2]


def test_a_subset_is_the_first_of_a_drawn_order_of_each_class() -> None:
    labels, pool = np.array([0, 1, 0, 1, 0, 1, 0, 0, 1, 1]), np.array([9, 0, 1, 2, 3, 4, 6, 8])
    expected: list[int] = []
    for label, members, count in ((0, [0, 2, 4, 6], 4), (1, [1, 3, 8, 9], 2)):
        text = json.dumps(["subset", "made-up", "step", 5, label])
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        rng = np.random.default_rng(np.random.SeedSequence(int.from_bytes(digest, "little")))
        expected += rng.permutation(members)[:count].tolist()
    assert subset(labels, pool, Level("step", ratio=2), 5, dataset="made-up").tolist() == sorted(expected)


def test_natural_is_the_pool() -> None:
    assert draw("natural").tolist() == POOL.tolist()


def test_dataset_protocol_and_seed_decide_the_subset_and_the_order_of_the_pool_does_not() -> None:
    shuffled = subset(LABELS, POOL[::-1], Level("step", ratio=5), 0, dataset="made-up")
    assert shuffled.tolist() == draw(ratio=5).tolist()
    draws = [draw(ratio=5), draw(seed=1, ratio=5), draw(dataset="other", ratio=5)]
    assert len({tuple(chosen) for chosen in draws}) == 3


def test_the_global_random_state_is_neither_read_nor_changed() -> None:
    textures = create("textures", number=(20, 20))
    index: Index = textures.index()
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    parts = split(index, 0)
    first = subset(index.labels, parts.train, Level("step", ratio=2), 0), next(textures.decode(16))
    after = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    assert before == after
    np.random.seed(1)  # noqa: NPY002
    second = subset(index.labels, split(index, 0).train, Level("step", ratio=2), 0), next(textures.decode(16))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
