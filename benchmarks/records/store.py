"""Results on disk: one JSON file per cell, the scores beside it, and the grid that was asked for.

    <results>/grids/<hash>.json  what a run asked for in this folder, and what cannot be had (see `asked.Asked`)
    <results>/cells/<id>.json    what one cell produced (see `Record`)
    <results>/scores/<id>.npz    logits (M, C) float32, labels (M,) int64, indices (M,) int64 of the test images

Every file is written under a temporary name, fsynced and renamed, so that none is ever seen half written.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.records.asked import Asked, read_asked, write_asked
from benchmarks.records.files import write_atomic
from datasets import UserError
from datasets.atomic import sweep

SCHEMA = 2
Status = Literal["done", "failed"]


class Data(BaseModel):
    """What a cell learnt from and was tested on; `counts` are training images per class."""

    content: str
    train_hash: str
    test_hash: str
    class_names: list[str]
    counts: list[int]
    test_counts: list[int]
    notes: list[str] = []


class Metrics(BaseModel):
    """All on the class-balanced test set; None where a metric is not defined."""

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    g_mean: float
    mcc: float
    roc_auc: float | None
    average_precision: float | None
    ece: float
    recall: list[float | None]
    confusion: list[list[int]]
    """confusion[i][j]: images of class i predicted as class j."""


class Cost(BaseModel):
    """What a cell took; `steps` counts gradient steps over all members and stages."""

    steps: int
    batch_size: int
    seconds: dict[str, float]
    """By phase: load, fit, predict, total."""
    peak_memory_mb: float


class Failure(BaseModel):
    """Why a cell failed."""

    type: str
    message: str
    traceback: str


class Record(BaseModel):
    """What one cell produced.

    `cell` is the whole specification, see `benchmarks.grid.cells.Cell`: dataset, level, seed, method, family,
    parameters, settings.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA
    id: str
    cell: dict[str, Any]
    status: Status
    data: Data | None = None
    metrics: Metrics | None = None
    cost: Cost | None = None
    failure: Failure | None = None
    environment: dict[str, Any] = {}
    created: str
    tuning: dict[str, Any] | None = None


class Store:
    """One results folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cells = root / "cells"
        self.scores = root / "scores"
        self.asked = root / "grids"

    def prepare(self) -> None:
        """Make the folders and see that they can be written.

        Raises:
            UserError: they cannot.
        """
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            self.scores.mkdir(exist_ok=True)
            self.asked.mkdir(exist_ok=True)
            probe = self.root / f".writable-{uuid.uuid4().hex}"
            write_atomic(probe, lambda f: f.write(b""))
            probe.unlink()
            sweep(self.root, self.cells, self.scores, self.asked)
        except OSError as error:
            raise UserError(
                f"results folder {self.root} cannot be written ({error.strerror}); name another with --results DIR"
            ) from error

    def is_reported(self) -> bool:
        """Say whether the page is younger than every record and every grid."""
        page = self.root / "report.html"
        if not page.is_file():
            return False
        made = page.stat().st_mtime_ns
        return all(
            path.stat().st_mtime_ns < made for folder in (self.cells, self.asked) for path in folder.glob("*.json")
        )

    def statuses(self) -> dict[str, Status]:
        """Return the status of each cell that has a record."""
        return {record.id: record.status for record in self.records()}

    def records(self) -> Iterator[Record]:
        """Yield the records, in order of their file names.

        Raises:
            UserError: a record is not readable; it names the file.
        """
        if self.cells.is_dir():
            for path in sorted(self.cells.glob("*.json")):
                yield read_record(path)

    def write(self, record: Record, scores: dict[str, np.ndarray] | None = None) -> None:
        """Keep what a cell produced; the record last, so that a record implies its scores."""
        if scores is not None:
            write_atomic(self.scores / f"{record.id}.npz", lambda f: np.savez_compressed(f, **scores))  # type: ignore[arg-type]
        write_atomic(self.cells / f"{record.id}.json", lambda f: f.write(record.model_dump_json(indent=1).encode()))

    def read_scores(self, cell_id: str) -> dict[str, np.ndarray]:
        """Return logits (M, C), labels (M,), indices (M,) of the test images of one done cell."""
        with np.load(self.scores / f"{cell_id}.npz", allow_pickle=False) as file:
            return {key: file[key] for key in file.files}

    def grids(self) -> list[Asked]:
        """Return what was asked for in this folder, oldest first.

        Raises:
            UserError: a file is damaged.
        """
        return read_asked(self.asked)

    def add_grid(self, grid: Asked) -> None:
        """Remember what was asked for; the same grid asked for again is kept once."""
        write_asked(self.asked, grid)


def read_record(path: Path) -> Record:
    """Read one record.

    Raises:
        UserError: it is damaged or of another schema version.
    """
    try:
        record = Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError, ValueError) as error:
        raise UserError(f"record {path} cannot be read ({error}); delete it, and its cell will run again") from error
    if record.schema_version != SCHEMA:
        raise UserError(
            f"record {path} has schema version {record.schema_version}, this release reads {SCHEMA}; "
            "use the release that wrote it, or another --results DIR"
        )
    return record


def only(records: Iterable[Record], status: Status) -> list[Record]:
    """Keep the records of one status."""
    return [record for record in records if record.status == status]
