"""What runs asked for: one file a run beside the records, so that runs at once lose nothing of each other's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from benchmarks.records.files import Damaged, sealed, validated, write_atomic
from benchmarks.records.record import MOST, Place

SCHEMA = 2


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AskedCell(_Part):
    """A cell that was asked for, as the report names it; `backbone` is empty where nothing is transferred."""

    id: str
    comparison: str
    dataset: str
    level: Place
    seed: int = Field(ge=-MOST, le=MOST)
    method: str
    label: str
    family: str
    budget: int = Field(ge=0, le=MOST)
    backbone: str


class Skip(_Part):
    """A point that was asked for and cannot be had, and why; `labels` are its methods where others can."""

    dataset: str
    level: Place
    reason: str
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.dataset}, {self.level}: {self.reason}"


class Asked(_Part):
    """What one run asked for.

    Attributes:
        created: when it was first asked for (ISO 8601).
        preset: name of its settings.
        command: the command line.
        missing: datasets that were not there, with the reason.
        cells: each once.
        skipped: what cannot be had.
    """

    schema_version: int = SCHEMA
    created: str
    preset: str
    command: str
    missing: dict[str, str]
    cells: tuple[AskedCell, ...]
    skipped: tuple[Skip, ...]


def write_asked(folder: Path, asked: Asked) -> None:
    """Keep what a run asked for; the same asked for again is kept once."""
    content = asked.model_dump_json(exclude={"created"})
    path = folder / f"{hashlib.blake2b(content.encode(), digest_size=8).hexdigest()}.json"
    if not path.exists():
        write_atomic(path, lambda file: file.write(sealed(asked)))


def read_asked(folder: Path, damaged: list[Damaged]) -> list[Asked]:
    """Return what was asked for, oldest first.

    Args:
        folder: of the files.
        damaged: is told of each file that cannot be used.
    """
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            found.append(validated(path, Asked, SCHEMA))
        except Damaged as error:
            damaged.append(error)
    return sorted(found, key=lambda asked: asked.created)


def without_folders(command: str, folders: Iterable[Path]) -> str:
    """Return a command with its results folders called DIR: a path of one machine tells nobody else anything."""
    for folder in sorted(map(str, folders), key=len, reverse=True):
        command = command.replace(folder, "DIR")
    return command
