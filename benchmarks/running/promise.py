"""How long a plan will take, preparation and start included, from what is known here; steps are timed where nothing is.

It is the time of cores that do nothing else. What was timed is kept for this machine, so that the next plan need not.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.grid.cells import Cell, DataSpec
from benchmarks.grid.estimate import Estimate, Kind, Timed, Timings
from benchmarks.grid.plan import Grid
from benchmarks.grid.remembered import ROOT, files_digest, known, remembered, stamps
from benchmarks.running.kinds import Group, groups, times
from benchmarks.running.machine import cpu
from benchmarks.running.planning import Plan
from methods.training.settings import BackboneSettings

LIMIT_S = 18.0
"""Of the processor. Kinds of cells not timed by then are estimated from those that were."""
DECODE_S, MAPS_S, START_S = 0.003, 0.03, 8.0
"""Of one image, and of a process, where nothing was timed."""
OPEN_S = 1.5
"""Of opening a dataset with its maps and its backbone, once in each process."""
IMPORTED = "benchmarks.running.cluster, methods.baseline, timm, torchvision, sklearn.linear_model"
"""What a process imports before it trains."""


def promise(plan: Plan, timing: bool, hear: Callable[[str], None] = lambda said: None) -> tuple[float, str]:
    """Return the seconds that a plan's cells will take, and where the number is from.

    Args:
        plan: what is to do.
        timing: whether to time steps of kinds of cells that nothing is known of.
        hear: is told before that is done, for it takes some seconds.
    """
    clock = Clock(plan, timing, hear)
    todo, grid = plan.todo, plan.grid
    timings = Timings(grid.sizes, grid.costs)
    estimate = Estimate(plan.known.values(), plan.device, timings)
    unknown = [cell for cell in todo if not estimate.has_measured(cell)]
    timings.kinds.update(clock.kinds(unknown, timings))
    estimate.learn(unknown)
    workers = 1 if plan.request.scheduler else min(max(1, plan.workers), len(todo))
    each = [estimate.seconds(cell) for cell in todo]
    preparing = [clock.preparation(spec, backbones, grid) for spec, backbones in _preparations(grid, todo)]
    opening = OPEN_S * len(preparing)
    preparing = [seconds for seconds in preparing if seconds] or [0.0]
    # the first data are waited for; those that follow are prepared beside the cells of those before
    seconds = max((sum(each) + sum(preparing[1:])) / workers, max(each)) + preparing[0] + opening
    if not plan.request.scheduler:
        seconds += clock.start() * (1.5 if plan.workers else 1.0)  # this process, and workers beside each other
    basis = ["from the cells done here"] if estimate.measured else []
    basis += ["from a few steps of each kind of cell"] if timings.kinds else []
    return seconds, " and ".join(basis) or "a rough guess, no cell has been measured here yet"


def _preparations(grid: Grid, todo: list[Cell]) -> list[tuple[DataSpec, list[BackboneSettings]]]:
    """Return what is to be prepared for some cells, source tasks included, each once."""
    found: dict[tuple[str, int], tuple[DataSpec, dict[BackboneSettings, None]]] = {}
    backbones: dict[str, dict[BackboneSettings, None]] = defaultdict(dict)
    for cell in todo:
        backbones[cell.dataset][cell.settings.backbone] = None
    for spec in (spec for spec in grid.data if spec.name in backbones):
        for each in (spec, *grid.sources.get(spec.name, ())):
            found.setdefault((each.name, each.size), (each, {}))[1].update(backbones[spec.name])
    return [(spec, list(wanted)) for spec, wanted in found.values()]


class Clock:
    """Looks up what was timed on this machine, and times what was not."""

    def __init__(self, plan: Plan, timing: bool, hear: Callable[[str], None]) -> None:
        self._plan, self._timing, self._hear = plan, timing, hear
        self._end: float | None = None
        self._machine = [cpu(), version("torch"), plan.device.partition(":")[0]]
        self._machine += [files_digest(("methods",)), stamps([Path(__file__).with_name("timing.py")])]

    def kinds(self, cells: list[Cell], timings: Timings) -> dict[Kind, Timed]:
        """Return the times of the kinds of some cells."""
        return times(groups(cells, timings), self._kind)

    def _kind(self, group: Group) -> Timed | None:
        def measure() -> Any:
            from benchmarks.running import timing

            try:
                return timing.time_cell(group.cell, group.size, self._device)
            except Exception:  # a method that fails on made-up data is estimated by others
                return None

        images = round(math.log2(max(1, sum(group.size.counts))))  # more or fewer are reckoned with
        found = self._ask("cell", [*group.kind[1:], len(group.size.counts), images, group.size.together], measure)
        return Timed(**found) if found else None

    def preparation(self, spec: DataSpec, backbones: Iterable[BackboneSettings], grid: Grid) -> float:
        """Return the seconds of decoding and of computing maps that the cache does not have."""
        number, content = grid.images.get((spec.name, spec.size), (0, None))
        frozen = [backbone for backbone in backbones if backbone.frozen]
        wanted = [b for b in frozen if not known(self._plan.cache, "maps", [content, spec.size, b.text])]
        if content and not wanted:
            return 0.0

        def measure() -> Any:
            from benchmarks.running import timing

            try:
                return timing.time_preparation(spec, wanted, self._device)
            except Exception:  # data that cannot be read are told of when they are prepared
                return None

        times = self._ask("data", [spec.text, [b.text for b in wanted]], measure)
        times = times or {"decode": DECODE_S, "maps": MAPS_S * len(wanted)}
        return number * float((0.0 if content else times["decode"]) + times["maps"])

    def start(self) -> float:
        """Return the seconds of importing what trains."""

        def measure() -> float:
            begun = os.times()
            subprocess.run([sys.executable, "-c", f"import {IMPORTED}"], cwd=ROOT, check=False)
            ended = os.times()
            return ended.children_user + ended.children_system - begun.children_user - begun.children_system

        return self._ask("start", [IMPORTED], measure) or START_S

    @property
    def _device(self) -> str:
        return "cuda:0" if self._plan.device == "cuda" else self._plan.device

    def _ask(self, what: str, key: list[Any], measure: Callable[[], Any]) -> Any:
        key = [what, *self._machine, *key]
        if not self._timing or (self._end is not None and time.process_time() > self._end):
            return known(self._plan.cache, "speed", key)

        def timed() -> Any:
            if self._end is None:
                self._hear(
                    "timing a few steps of each kind of cell, once on this machine (at most some 20 s of the processor)"
                )
                self._end = time.process_time() + LIMIT_S
            return measure()

        return remembered(self._plan.cache, "speed", key, timed)
