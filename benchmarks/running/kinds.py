"""Which kinds of cells to time, and what those that are not timed follow from: a plan has hundreds of kinds.

A method's step is a multiple of the plain one's whatever the images, so each method is timed on the smallest images
that it reads, and plain cross-entropy on all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace

from benchmarks.grid.cells import Cell
from benchmarks.grid.chosen import PLAIN
from benchmarks.grid.estimate import Kind, Timed, Timings
from benchmarks.grid.sizes import Size

READS_ONCE = "probe"
"""Methods of this family read pooled maps once; others without steps go over all map cells again and again."""


@dataclass(frozen=True)
class Group:
    """The cells of one kind.

    Attributes:
        kind: what they have in common.
        cell: the one in the middle, by its images.
        size: of that one.
    """

    kind: Kind
    cell: Cell
    size: Size

    @property
    def method(self) -> tuple[str, ...]:
        """Method and network, whatever the images."""
        return self.kind[1:5]

    @property
    def network(self) -> tuple[str, ...]:
        """The network alone."""
        return self.kind[3:5]

    @property
    def is_grouped(self) -> bool:
        """Whether the images come in groups."""
        return bool(self.size.together)

    @property
    def form(self) -> tuple[str, ...]:
        """The images, and the network that reads them."""
        return (self.kind[0], *self.kind[3:])


def groups(cells: Iterable[Cell], timings: Timings) -> list[Group]:
    """Return the kinds of some cells whose sizes are known."""
    found: dict[Kind, list[Cell]] = defaultdict(list)
    for cell in cells:
        if (cell.dataset, cell.level) in timings.sizes:
            found[timings.kind(cell)].append(cell)
    made = []
    for kind, alike in found.items():
        sizes = {cell.level: timings.sizes[cell.dataset, cell.level] for cell in alike}
        middle = sorted(alike, key=lambda cell: sum(sizes[cell.level].counts))[len(alike) // 2]
        made.append(Group(kind, middle, sizes[middle.level]))
    return made


def times(found: list[Group], time: Callable[[Group], Timed | None]) -> dict[Kind, Timed]:
    """Return the times of kinds, from as few timings as will do.

    Args:
        found: the kinds.
        time: times one; None where it cannot, or may not any more.
    """
    small = sorted(found, key=lambda group: (group.cell.data.size, group.kind[1] != PLAIN))
    plain: dict[tuple[str, ...], Group] = {}
    for group in small:
        plain.setdefault(group.network, group)
    leading = {group.method for group in plain.values()}
    timed: dict[Kind, Timed] = {}
    bases: dict[Hashable, tuple[Group, Timed]] = {}
    for group in sorted(small, key=lambda group: group.method not in leading):
        known = bases.get(_base(group, bases))
        if (known is None or group.method in leading) and (one := time(group)) is not None:
            timed[group.kind] = one
            bases.setdefault(group.method, (group, one))
            bases.setdefault((group.method, group.is_grouped), (group, one))
    by_form = {group.form: timed[group.kind] for group in small if group.method in leading and group.kind in timed}
    return {**_followed([group for group in small if group.kind not in timed], bases, by_form), **timed}


def _base(group: Group, bases: Mapping[Hashable, tuple[Group, Timed]]) -> Hashable:
    """Return what a kind follows from: a memory of images in groups is made anew without each part of them."""
    _, timed = bases.get(group.method, (group, None))
    repeats = timed is not None and not timed.step and group.cell.family != READS_ONCE
    return (group.method, group.is_grouped) if repeats else group.method


def _followed(
    unknown: Iterable[Group],
    bases: Mapping[Hashable, tuple[Group, Timed]],
    by_form: Mapping[tuple[str, ...], Timed],
) -> dict[Kind, Timed]:
    """Return what kinds take by what their methods take on other images."""
    found = {}
    for group in unknown:
        if (key := _base(group, bases)) in bases:
            base, timed = bases[key]
            found[group.kind] = _elsewhere(timed, base, group, by_form.get(base.form), by_form.get(group.form))
    return found


def _elsewhere(timed: Timed, base: Group, group: Group, here: Timed | None, there: Timed | None) -> Timed:
    """Return what a method takes on other images; `here` and `there` are of the plain one."""
    values = (group.cell.data.size / base.cell.data.size) ** 2
    if here is None or there is None:
        return replace(timed, step=timed.step * values, image=timed.image * values, tested=timed.tested * values)
    step = timed.step * there.step / here.step if here.step else timed.step
    if timed.step or group.cell.family == READS_ONCE:  # reads the images once, as plain cross-entropy does
        image, tested = timed.image + there.image - here.image, timed.tested + there.tested - here.tested
        return replace(timed, step=step, image=max(image, 0.0), tested=max(tested, 0.0), read=there.read)
    return replace(timed, image=timed.image * values, tested=timed.tested * values, read=there.read)
