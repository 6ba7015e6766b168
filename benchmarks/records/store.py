"""Results on disk: one JSON file per cell, the scores beside it, and the grid that was asked for.

    <results>/grid.json          every grid asked for in this folder, and the cells the data could not support
    <results>/cells/<id>.json    what one cell produced (see `Record`)
    <results>/scores/<id>.npz    logits (M, C) float32, labels (M,) int64, indices (M,) int64 of the test images

Every file is written under a temporary name, fsynced and renamed, so that none is ever seen half written.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from datasets import UserError

SCHEMA = 2
PARTIAL = ".partial"
ABANDONED_S = 24 * 3600
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

    def prepare(self) -> None:
        """Make the folders and see that they can be written.

        Raises:
            UserError: they cannot.
        """
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            self.scores.mkdir(exist_ok=True)
            write_atomic(self.root / ".writable", lambda f: f.write(b""))
            (self.root / ".writable").unlink()
            sweep(self.root, self.cells, self.scores)
        except OSError as error:
            raise UserError(
                f"results folder {self.root} cannot be written ({error.strerror}); name another with --results DIR"
            ) from error

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

    def grids(self) -> list[dict[str, Any]]:
        """Return the grids asked for in this folder, oldest first.

        Raises:
            UserError: the file is damaged.
        """
        path = self.root / "grid.json"
        try:
            return list(json.loads(path.read_text())["grids"]) if path.exists() else []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} cannot be read ({error!r}); delete it and run again, the cells stay") from error

    def add_grid(self, grid: dict[str, Any]) -> None:
        """Remember what was asked for; the same grid asked for again is kept once."""
        grids = [known for known in self.grids() if known != grid] + [grid]
        text = json.dumps({"schema_version": SCHEMA, "grids": grids}, indent=1)
        write_atomic(self.root / "grid.json", lambda f: f.write(text.encode()))


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


def write_atomic(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut.

    Raises:
        UserError: no space is left.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{PARTIAL}")
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"no space left for {path}; free some and run the same command again, nothing finished is lost"
            ) from error
        raise


def sweep(*folders: Path) -> None:
    """Remove what processes that were killed left half written; another run may be writing what is younger."""
    for folder in folders:
        for path in folder.glob(f".*{PARTIAL}"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > ABANDONED_S:
                    path.unlink()


def _sync_folder(folder: Path) -> None:
    """Bring a new name to the disk before any later one: no record without its scores, also after a power cut."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def only(records: Iterable[Record], status: Status) -> list[Record]:
    """Keep the records of one status."""
    return [record for record in records if record.status == status]
