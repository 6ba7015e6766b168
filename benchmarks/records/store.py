"""Results on disk: one JSON file per cell, the scores beside it, and the grid that was asked for.

    <results>/grids/<hash>.json  what a run asked for in this folder, and what cannot be had (see `asked.Asked`)
    <results>/cells/<id>.json    what one cell produced (see `Record`)
    <results>/scores/<id>.npz    logits (M, C) float32, labels (M,) int64, indices (M,) int64 of the test images

Every file is written under a temporary name, fsynced and renamed, so that none is ever seen half written, and carries a
digest, so that none is read that was changed since.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.records.asked import Asked, read_asked, write_asked
from benchmarks.records.files import Damaged, sealed, validated, write_atomic
from benchmarks.records.record import (
    SCHEMA,
    Cost,
    Data,
    Failure,
    Metrics,
    Record,
    Status,
)
from benchmarks.records.scores import read_scores, write_scores
from datasets import UserError
from datasets.atomic import sweep

__all__ = ["SCHEMA", "Cost", "Damaged", "Data", "Failure", "Metrics", "Record", "Status", "Store"]


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

    def records(self, damaged: list[Damaged] | None = None) -> Iterator[Record]:
        """Yield the records, in order of their file names.

        Args:
            damaged: is told of each that cannot be used, and the others are yielded; without it, all are an error.

        Raises:
            UserError: some records cannot be used; it names all of them.
        """
        found: list[Damaged] = [] if damaged is None else damaged
        for path in sorted(self.cells.glob("*.json")) if self.cells.is_dir() else ():
            try:
                yield read_record(path)
            except Damaged as error:
                found.append(error)
        if damaged is None and found:
            raise UserError("; ".join(map(str, found)))

    def write(self, record: Record, scores: dict[str, np.ndarray] | None = None) -> None:
        """Keep what a cell produced; the record last, so that a record implies its scores."""
        if scores is not None:
            digest = write_scores(self.scores / f"{record.id}.npz", scores)
            record = record.model_copy(update={"scores_digest": digest})
        content = sealed(record)
        write_atomic(self.cells / f"{record.id}.json", lambda f: f.write(content))

    def read_scores(self, cell_id: str, digest: str | None = None) -> dict[str, np.ndarray]:
        """Return logits (M, C), labels (M,), indices (M,) of the test images of one done cell.

        Args:
            cell_id: of the cell.
            digest: as its record has it; without it, the record is read for it.

        Raises:
            Damaged: they, or the record that they belong to, cannot be used.
        """
        if digest is None:
            digest = read_record(self.cells / f"{cell_id}.json").scores_digest
        return read_scores(self.scores / f"{cell_id}.npz", digest)

    def grids(self, damaged: list[Damaged] | None = None) -> list[Asked]:
        """Return what was asked for in this folder, oldest first.

        Args:
            damaged: is told of each file that cannot be used; without it, all are an error.

        Raises:
            UserError: files cannot be used.
        """
        found: list[Damaged] = [] if damaged is None else damaged
        grids = read_asked(self.asked, found)
        if damaged is None and found:
            raise UserError("; ".join(map(str, found)))
        return grids

    def add_grid(self, grid: Asked) -> None:
        """Remember what was asked for; the same grid asked for again is kept once."""
        write_asked(self.asked, grid)


def read_record(path: Path) -> Record:
    """Read one record.

    Raises:
        Damaged: it cannot be used: damaged, changed since it was written, or of another schema version.
    """
    record = validated(path, Record, SCHEMA)
    if record.id != path.stem:
        raise Damaged(path, f"the record of {record.id}")
    return record
