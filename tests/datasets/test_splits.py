"""Balanced test sets that no group straddles, drawn from (dataset, seed) alone."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from datasets import Index, UserError, index_hash, split

SEEDS = range(20)


def drawn(*identity: str | int) -> np.random.Generator:
    """The generator of an identity, written out: NumPy's own, seeded by 16 bytes of a hash of its JSON text."""
    digest = hashlib.blake2b(json.dumps(identity).encode(), digest_size=16).digest()
    return np.random.default_rng(np.random.SeedSequence(int.from_bytes(digest, "little")))


def index(*counts: int, **more: object) -> Index:
    labels = np.repeat(np.arange(len(counts)), counts)
    names = tuple(f"class {label}" for label in range(len(counts)))
    return Index(labels, names, "", dataset="made-up", **more)  # type: ignore[arg-type]


def grouped(seed: int) -> Index:
    """Three classes; groups of 1 to 9 images, which may hold several classes."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(90), rng.integers(1, 10, size=90))
    labels = rng.choice(3, size=len(groups), p=[0.6, 0.3, 0.1])
    return Index(labels, ("a", "b", "c"), "", groups=groups, dataset="grouped")


def per_class(index: Index, chosen: np.ndarray) -> list[int]:
    return np.bincount(index.labels[chosen], minlength=len(index.class_names)).tolist()


def test_forty_percent_of_the_smallest_class_is_tested_from_every_class() -> None:
    made = index(100, 30)
    parts = split(made, 0)
    assert per_class(made, parts.test) == [12, 12]
    assert per_class(made, parts.train) == [88, 18]
    assert sorted([*parts.train, *parts.test]) == list(range(130))


def test_the_first_of_a_drawn_order_are_tested() -> None:
    made = index(9, 6)
    order = drawn("split", "made-up", 7).permutation(15).tolist()
    sound, defect = ([row for row in order if (row >= 9) == label] for label in (0, 1))
    assert split(made, 7).test.tolist() == sorted(sound[:2] + defect[:2])  # 40 % of 6


def test_whole_groups_are_tested_in_a_drawn_order() -> None:
    # Two images of each class in every group: of 8, 3 are tested, so two groups are taken
    groups = np.tile(np.repeat(np.arange(4), 2), 2)
    made = replace(index(8, 8), groups=groups)
    order = drawn("split", "made-up", 3).permutation(16).tolist()
    first = list(dict.fromkeys(groups[order].tolist()))
    inside = [row for row in order if groups[row] in first[:2]]
    sound, defect = ([row for row in inside if (row >= 8) == label] for label in (0, 1))
    parts = split(made, 3)
    assert parts.test.tolist() == sorted(sound[:3] + defect[:3])
    assert parts.train.tolist() == [row for row in range(16) if groups[row] in first[2:]]


def test_at_most_two_hundred_of_each_class_are_tested() -> None:
    made = index(1508, 715)
    assert per_class(made, split(made, 0).test) == [200, 200]
    assert per_class(made, split(made, 0, test_cap=50).test) == [50, 50]
    assert per_class(made, split(made, 0, test_fraction=0.2).test) == [143, 143]


def test_index_lists_are_ascending_int64() -> None:
    for part in vars(split(index(50, 20), 3)).values():
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()


def test_seed_and_dataset_decide_the_split_and_nothing_else_does() -> None:
    made = index(300, 300)
    again = replace(made, fingerprint="touched", notes=("another machine",))
    assert index_hash(split(made, 1).test) == index_hash(split(again, 1).test)
    others = {index_hash(split(made, seed).test) for seed in SEEDS}
    others.add(index_hash(split(replace(made, dataset="other"), 1).test))
    assert len(others) == len(SEEDS) + 1


def test_every_image_is_tested_about_equally_often() -> None:
    made = index(40, 40)
    tested = np.zeros(80)
    for seed in range(400):
        tested[split(made, seed).test] += 1
    # Binomial(400, 0.4): mean 160, deviation 9.8; five deviations to each side.
    assert tested.min() > 111
    assert tested.max() < 209


@pytest.mark.parametrize("seed", SEEDS)
def test_groups_never_straddle_and_the_test_set_is_balanced(seed: int) -> None:
    made = grouped(seed)
    assert made.groups is not None
    parts = split(made, seed)
    assert not set(made.groups[parts.train]) & set(made.groups[parts.test])
    assert per_class(made, parts.test) == [int(0.4 * made.counts.min())] * 3
    # Only images of tested groups are in neither part.
    dropped = set(range(len(made.labels))) - set(parts.train) - set(parts.test)
    assert set(made.groups[list(dropped)]) <= set(made.groups[parts.test])


def test_no_more_groups_are_tested_than_needed() -> None:
    made = replace(index(60, 60), groups=np.arange(120) // 6)
    parts = split(made, 0)
    assert per_class(made, parts.test) == [24, 24]
    assert per_class(made, parts.train) == [36, 36]


def test_an_official_test_part_is_used_and_balanced() -> None:
    official = np.zeros(130, dtype=bool)
    official[60:107] = True  # 40 of class 0, 7 of class 1
    made = index(100, 30, official_test=official)
    for seed in SEEDS:
        parts = split(made, seed)
        assert official[parts.test].all()
        assert per_class(made, parts.test) == [7, 7]
        assert parts.train.tolist() == np.flatnonzero(~official).tolist()
    assert per_class(made, split(made, 0, test_cap=5).test) == [5, 5]


def test_train_images_of_officially_tested_groups_are_dropped() -> None:
    made = index(4, 4, official_test=np.array([0, 0, 0, 1] * 2, dtype=bool), groups=np.array([1, 2, 3, 3, 4, 5, 6, 6]))
    parts = split(made, 0)
    assert parts.train.tolist() == [0, 1, 4, 5]
    assert parts.test.tolist() == [3, 7]


@pytest.mark.parametrize(
    ("made", "part", "too_few"),
    [
        (index(50, 2), "test", "class 1' has too few images .2 images"),
        (index(20, 20, groups=np.repeat([0, 1], 20)), "train", "class [01]' has too few groups .20 images"),
        (index(9, 9, official_test=np.arange(18) < 9), "test", "class [01]' has too few images .9 images"),
        (index(9, 9, official_test=np.arange(18) < 12), "train", "class 0' has too few images .9 images"),
    ],
)
def test_a_class_too_small_to_split_is_named(made: Index, part: str, too_few: str) -> None:
    with pytest.raises(UserError, match=f"made-up: class '{too_few} in all.*{part} part; add some or drop it"):
        split(made, 0)


def test_one_image_of_each_class_is_a_test_set() -> None:
    made = index(9, 9)
    assert per_class(made, split(made, 0, test_cap=1).test) == [1, 1]


@pytest.mark.parametrize("bad", [{"test_fraction": 0.0}, {"test_fraction": 1.0}, {"test_cap": 0}])
def test_senseless_settings_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(UserError, match="test_fraction"):
        split(index(9, 9), 0, **bad)  # type: ignore[arg-type]


def test_index_hash_tells_lists_apart_whatever_their_integer_type() -> None:
    assert index_hash(np.array([1, 2, 3], dtype=np.int32)) == index_hash(np.array([1, 2, 3]))
    little_endian = hashlib.blake2b(struct.pack("<3q", 1, 2, 3), digest_size=16)
    assert index_hash(np.array([1, 2, 3])) == little_endian.hexdigest()
    assert len({index_hash(np.array(list_)) for list_ in ([1, 2, 3], [3, 2, 1], [1, 2], [1, 2, 4])}) == 4
