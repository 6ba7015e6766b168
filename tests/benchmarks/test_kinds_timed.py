"""Which kinds of cells are timed, and what the others follow from; seconds are made up, sums are by hand."""

from __future__ import annotations

import pytest

from benchmarks.grid import plan
from benchmarks.grid import presets as settings
from benchmarks.grid.estimate import Timed, Timings
from benchmarks.running import kinds

SIDES = {"textures": 64, "elpv": 128}
SET = [f"dataset.{name}.size={side}" for name, side in SIDES.items()]


def groups(*methods: str) -> list[kinds.Group]:
    """Return the kinds of some methods on two datasets, whose sides are 64 and 128 pixels."""
    names = ",".join(f"'{name}'" for name in methods)
    grid = plan.build(settings.load("default", [f"methods=[{names}]", *SET]), list(SIDES))
    return kinds.groups(grid.cells, Timings(grid.sizes, grid.costs))


def alone(found: list[kinds.Group], **together: float) -> list[kinds.Group]:
    """Return kinds whose images stand alone, or in groups of a size by dataset."""
    sizes = [g.size.model_copy(update={"together": together.get(g.kind[0], 0.0)}) for g in found]
    return [kinds.Group(g.kind, g.cell, size) for g, size in zip(found, sizes, strict=True)]


def run(found: list[kinds.Group], of: dict[tuple[str, str], Timed]) -> tuple[dict[tuple[str, str], Timed], list]:
    """Return the times of kinds by dataset and method, and which were asked for."""
    asked = []

    def time(group: kinds.Group) -> Timed | None:
        asked.append(group.kind[:2])
        return of.get(group.kind[:2])

    return {kind[:2]: timed for kind, timed in kinds.times(found, time).items()}, asked


PLAIN = {
    ("textures", "cross-entropy"): Timed(step=0.001, image=0.001, tested=0.002, read=0.01),
    ("elpv", "cross-entropy"): Timed(step=0.003, image=0.004, tested=0.008, read=0.04),
}


def test_methods_that_draw_or_weigh_otherwise_are_one_kind_with_the_plain_one() -> None:
    found = [group.kind[:2] for group in groups("focal", "oversampling", "cross-entropy")]
    assert sorted(found) == sorted(PLAIN)


def test_a_method_with_steps_is_timed_on_the_smallest_images_and_follows_the_plain_one_elsewhere() -> None:
    """Twice a plain step stays twice; its images cost a millisecond more each, wherever they are."""
    found, asked = run(
        groups("cross-entropy", "sade"), PLAIN | {("textures", "sade"): Timed(step=0.002, image=0.002, tested=0.002)}
    )
    assert asked.count(("elpv", "sade")) == 0
    followed = found["elpv", "sade"]
    assert followed.step == pytest.approx(0.006)
    assert followed.image == pytest.approx(0.005)
    assert followed.tested == pytest.approx(0.008)
    assert followed.read == pytest.approx(0.04)


def test_a_memory_of_map_cells_grows_with_their_number() -> None:
    """Twice the side, four times the cells."""
    of = PLAIN | {("textures", "padim"): Timed(step=0.0, image=0.01, tested=0.001, fixed=0.5)}
    found, asked = run(alone(groups("cross-entropy", "padim")), of)
    assert asked.count(("elpv", "padim")) == 0
    assert found["elpv", "padim"].image == pytest.approx(0.04)
    assert found["elpv", "padim"].fixed == pytest.approx(0.5)


def test_a_memory_is_timed_by_itself_where_images_come_in_groups() -> None:
    """It is made anew without each part of them, so images that stand alone say nothing of it."""
    found = alone(groups("cross-entropy", "patchcore", "sade"), elpv=2.0)
    steps = {("textures", "sade"): Timed(step=0.002, image=0.0, tested=0.0)}
    memory = {(name, "patchcore"): Timed(step=0.0, image=0.01, tested=0.0) for name in SIDES}
    _, asked = run(found, PLAIN | steps | memory)
    assert sorted(asked) == sorted([*PLAIN, *memory, ("textures", "sade")])


def test_what_cannot_be_timed_is_left_to_rougher_guesses() -> None:
    found, _ = run(groups("cross-entropy", "sade"), {})
    assert found == {}
