"""From a request to a plan: what was asked for is checked, then laid out as a grid beside what is done already."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import datasets
from benchmarks.commands.request import Request
from benchmarks.grid import plan as grids
from benchmarks.grid import presets as settings
from benchmarks.grid.cells import Cell
from benchmarks.grid.presets import Preset
from benchmarks.records.asked import Asked
from benchmarks.records.store import Record, Store
from benchmarks.running import devices, trackers
from datasets import UserError
from datasets.files import readable


@dataclass
class Plan:
    """What a request comes to.

    Attributes:
        request: what was asked for.
        preset: settings with all overrides.
        missing: datasets left out because they are not available here, with the reason.
        grid: the cells asked for.
        store: the results folder.
        known: the records that the folder holds, by id.
    """

    request: Request
    preset: Preset
    missing: dict[str, str]
    grid: grids.Grid
    store: Store
    known: dict[str, Record]

    @property
    def todo(self) -> list[Cell]:
        """The cells that have no record, or a failed one if these are to be tried again."""
        return [cell for cell in self.grid.cells if self._is_todo(cell)]

    def _is_todo(self, cell: Cell) -> bool:
        record = self.known.get(cell.id)
        return record is None or (record.status == "failed" and self.request.retry_failed)

    @property
    def device(self) -> str:
        """Where to train: `cpu`, `cuda` or `cuda:i`."""
        return devices.resolve_device(self.request.device)

    @functools.cached_property
    def workers(self) -> int:
        """How many processes compute; 0 is this one."""
        if self.request.workers is not None:
            return self.request.workers
        if self.device == "cpu":
            return devices.default_workers(self.device)
        from benchmarks.running import memory

        return devices.default_workers(self.device, memory.largest(self.todo, self.grid.sizes))

    @property
    def cache(self) -> Path:
        """The folder of decoded images and maps."""
        return (self.request.cache or datasets.cache_root()).expanduser().absolute()

    def asked(self) -> Asked:
        """Return what was asked for, as it is kept beside the records."""
        return Asked(
            created=datetime.now(UTC).isoformat(timespec="microseconds"),
            preset=readable(self.request.preset),
            command=self.request.command,
            missing=self.missing,
            cells=tuple(cell.asked() for cell in self.grid.cells),
            skipped=tuple(self.grid.skipped),
        )


def plan(request: Request) -> Plan:
    """Check what was asked for, and plan it; nothing is decoded or trained.

    Raises:
        UserError: something is unknown, unavailable or of a wrong type.
    """
    preset = settings.load(request.preset, request.overrides())
    check(request)
    with datasets.listed_once():
        names, missing = available(request, preset)
        grid = grids.build(preset, names, request.tune, request.cache and request.cache.expanduser().absolute())
    store = Store(request.results)
    known = {record.id: record for record in store.records()}
    return Plan(request, preset, missing, grid, store, known)


def check(request: Request) -> None:
    """See that the device is there, and that what was asked for is installed.

    Raises:
        UserError: they are not.
    """
    devices.resolve_device(request.device)
    for name in request.track:
        trackers.require(name)


def available(request: Request, preset: Preset) -> tuple[list[str], dict[str, str]]:
    """Return the datasets to run and, of those a preset or --all names, the ones that are not here.

    Raises:
        UserError: none was asked for, or one asked for by name is not available.
    """
    if not request.dataset and not request.all:
        raise UserError("name what to run: --all, or --dataset NAME (see --list)")
    asked = datasets.expand(request.dataset or preset.datasets)
    settings.check_matches(request.set, asked)
    reasons = {
        name: datasets.availability(datasets.create(name, **preset.dataset_settings(name).parameters)) for name in asked
    }
    missing = {name: reason for name, reason in reasons.items() if reason}
    if request.dataset and missing:
        raise UserError("; ".join(missing.values()))
    return [name for name in asked if name not in missing], missing
