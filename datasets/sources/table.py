"""Your own images, listed in a table: a line an image, with its label and, where there are any, its group and split."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from datasets.base import DatasetUnavailable, UserError
from datasets.files import resolved
from datasets.listing import FileDataset, Listing
from datasets.registry import register

_TEST = {"train": False, "training": False, "val": False, "valid": False, "validation": False, "test": True}


@register("table:/path/labels.csv")
class Table(FileDataset):
    """A CSV file with a line of column names; paths of images are relative to its folder.

    Images of one group (a patient, a part) stay on one side of the split; one without is a group of its own. Where a
    column says which images are `test`, that is the official split, and all others (`train`, `val`) may be trained on.
    Classes are in alphabetical order. The file, however its path is spelt, is the dataset's identity.
    """

    description = "your own images, listed in a table"
    licence = "yours"
    source = "the table"

    image: str = "image"
    """Column of the images' paths."""
    label: str = "label"
    """Column of their classes."""
    group: str = "group"
    """Column of their groups; may be absent."""
    split: str = "split"
    """Column of the official split; may be absent."""
    separator: str = Field(",", min_length=1, max_length=1)
    """Between columns."""

    @classmethod
    def canonical(cls, rest: str) -> str:
        """Return the absolute path, without links."""
        return resolved(rest)

    @property
    def path(self) -> Path:
        """The table."""
        return Path(self.name.partition(":")[2])

    def listing(self) -> Listing:
        """List the images of the table; see `FileDataset.listing`."""
        rows = list(self._rows())
        if len({row[self.label] for _, row in rows}) < 2:
            raise UserError(f"dataset {self.name}: column {self.label!r} has fewer than two classes; add lines")
        columns = rows[0][1]
        return Listing.of(
            self.path.parent,
            files=[row[self.image] for _, row in rows],
            classes=[row[self.label] for _, row in rows],
            groups=[row[self.group] for _, row in rows] if self.group in columns else None,
            official_test=[self._is_test(at, row[self.split]) for at, row in rows] if self.split in columns else None,
            besides=[self.path],
        )

    def grouping(self) -> str:
        """Say how to keep images of one thing together; see `Dataset.grouping`."""
        return f"name in a column {self.group!r} what each image shows"

    def steps(self) -> str:
        """Say what the table must look like."""
        return f"write {self.path} with the columns {self.image}{self.separator}{self.label}, one line an image"

    def _rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield line number and values of each line."""
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file, delimiter=self.separator, strict=True)
                self._check_columns(list(reader.fieldnames or ()))
                lines: dict[str, int] = {}
                for row in reader:
                    yield reader.line_num, self._checked(reader.line_num, row, lines)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DatasetUnavailable(f"dataset {self.name}: there is no file {self.path}; {self.steps()}") from error
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UserError(f"dataset {self.name}: it cannot be read as a table ({error}); save it as UTF-8") from error

    def _check_columns(self, found: list[str]) -> None:
        optional = {name for field, name in (("group", self.group), ("split", self.split))
                    if field in self.model_fields_set}  # fmt: skip
        missing = sorted({self.image, self.label, *optional} - set(found))
        if len(set(found)) < len(found):
            raise UserError(f"dataset {self.name}: columns of one name among {found}; rename one")
        if missing:
            raise UserError(
                f"dataset {self.name}: no column {', '.join(map(repr, missing))} among {found}; rename it, or set "
                "image, label, group, split or separator under the dataset's parameters"
            )

    def _checked(self, at: int, row: dict[str, str], lines: dict[str, int]) -> dict[str, str]:
        """Refuse a line that is cut short or too long, that names no image or class, or an image once more."""
        image = row[self.image]
        if None in row or None in row.values():
            raise UserError(f"dataset {self.name}, line {at}: it has more or fewer values than columns; correct it")
        if not image or "\0" in image or not row[self.label]:
            raise UserError(f"dataset {self.name}, line {at}: image or label is empty; fill it in or delete the line")
        first = lines.setdefault(os.path.normpath(image), at)
        if first != at:
            raise UserError(f"dataset {self.name}, line {at}: {image} stands in line {first} too; delete one")
        return row

    def _is_test(self, at: int, value: str) -> bool:
        if value.strip().lower() not in _TEST:
            raise UserError(
                f"dataset {self.name}, line {at}: split {value!r} is not one of {', '.join(_TEST)}; correct it"
            )
        return _TEST[value.strip().lower()]
