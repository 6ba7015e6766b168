"""A level has one text, one order and one JSON form."""

from __future__ import annotations

import random

import pytest
from pydantic import TypeAdapter

from datasets import Level, UserError

LEVELS = [
    (Level("step", ratio=1), "IR 1", "ir1"),
    (Level("step", ratio=12.5), "IR 12.5", "ir12.5"),
    (Level("step", ratio=100), "IR 100", "ir100"),
    (Level("long-tail", ratio=10), "IR 10", "ir10"),
    (Level("few", minority=0), "0 minority images", "n0"),
    (Level("few", minority=1), "1 minority image", "n1"),
    (Level("few", minority=20), "20 minority images", "n20"),
    (Level("natural"), "natural", "all"),
]


@pytest.mark.parametrize(("level", "name", "short"), LEVELS)
def test_a_level_has_a_name_and_a_short_text(level: Level, name: str, short: str) -> None:
    assert (level.name, level.short) == (name, short)


def test_levels_are_ordered_by_protocol_then_by_number() -> None:
    ordered = [level for level, _, _ in LEVELS]
    mixed = random.Random(0).sample(ordered, len(ordered))
    assert sorted(mixed) == ordered != mixed


@pytest.mark.parametrize("level", [level for level, _, _ in LEVELS])
def test_json_and_the_number_on_the_axis_give_the_level_back(level: Level) -> None:
    adapter = TypeAdapter(Level)
    assert adapter.validate_json(adapter.dump_json(level)) == level
    assert Level.at(level.protocol, level.value) == level


def test_an_integer_ratio_is_the_same_level() -> None:
    whole, real = Level("step", ratio=20), Level("step", ratio=20.0)
    assert whole == real
    assert hash(whole) == hash(real)
    assert repr(whole) == repr(real)


def test_a_level_reads_as_its_protocol_and_its_place_on_it() -> None:
    assert [str(level) for level in (Level("step", ratio=10), Level("few", minority=5), Level("natural"))] == [
        "step, IR 10",
        "few, 5 minority images",
        "natural",
    ]


@pytest.mark.parametrize("ratio", [float("inf"), float("nan"), 0.99])
def test_a_ratio_is_a_number_of_at_least_one(ratio: float) -> None:
    with pytest.raises(UserError, match="ratio of at least 1"):
        Level("step", ratio=ratio)
