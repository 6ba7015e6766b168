"""Your own images: a folder with one sub-folder per class."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from datasets.base import DatasetUnavailable, UserError
from datasets.files import IMAGE_SUFFIXES, by_number, in_order, is_image, readable, resolved
from datasets.hints import counted
from datasets.listing import FileDataset, Listing
from datasets.registry import register

_TRAIN, _TEST = ("train", "training"), ("test", "testing", "val", "valid", "validation")
"""Names of folders that are parts of an official split and no classes."""
_LAST_PIECE = re.compile(r"[\W_]+[^\W_]+[\W_]*$")
"""The end of a name from its last separator on, as in `part12_1` and `part12 (1)`."""
_FEWEST_THINGS = 6
"""Fewer names that agree are more likely names of classes, or what a camera writes before its number."""


@register("folder:/path")
class Folder(FileDataset):
    """A class-per-folder tree of images of any sizes, colours and depths; see `datasets.files.IMAGE_SUFFIXES`.

    Classes are the sub-folders in order of name; images may lie deeper in them. Where the sub-folders are `train`,
    `test` and perhaps `val`, these are the official split, and classes lie in them; without `test`, `val` is tested.
    Images become squares, and grey if all files are (WebP never is). The folder, however its path is spelt, is
    the dataset's identity: moved elsewhere it is split anew.
    """

    description = "your own images, one sub-folder per class"
    licence = "yours"
    source = "the folder"
    groups_known: ClassVar[bool] = False
    """Whether a subclass's `listing` says which images show one thing; else names that look so are hinted at."""

    @classmethod
    def canonical(cls, rest: str) -> str:
        """Return the absolute path, without links."""
        return resolved(rest)

    @property
    def root(self) -> Path:
        """The folder."""
        return Path(self.name.partition(":")[2])

    def listing(self) -> Listing:
        """List the images of each sub-folder; see `FileDataset.listing`."""
        parts, left_out = self._parts(), Counter[str]()
        classes = {part: self.classes(part, left_out) for part in parts}
        names = [[name for name, _ in found] for found in classes.values()]
        odd = sorted({name for one in names for name in one if any(name not in other for other in names)})
        if odd:
            raise UserError(f"dataset {self.name}: class folders {odd} are missing from some parts; add or delete them")
        found = [(part, label, file) for part, each in classes.items() for label, (_, files) in enumerate(each)
                 for file in files]  # fmt: skip
        kinds = ", ".join(counted(count, kind) for kind, count in sorted(left_out.items()))
        notes = [f"left out: {kinds}"] if kinds else []
        notes += [] if self.groups_known else self.hints(found)
        tested = {part for part, test in parts.items() if test}
        if tested:
            notes.append(f"split by the folders {', '.join(sorted(part.name for part in parts))}")
        return Listing(
            root=self.root,
            files=tuple(file for _, _, file in found),
            labels=np.array([label for _, label, _ in found], dtype=np.int64),
            class_names=tuple(names[0]),
            official_test=np.array([part in tested for part, _, _ in found]) if tested else None,
            notes=tuple(notes),
        )

    def hints(self, found: list[tuple[Path, int, Path]]) -> list[str]:
        """Say where names look like several images of one thing, which would be on both sides of the split.

        Args:
            found: part, label and file of each image.
        """
        things = Counter(thing(file, part) for part, _, file in found)
        if "" in things or not _FEWEST_THINGS <= len(things) <= len(found) / 2:
            return []
        name, number = things.most_common(1)[0]
        return [
            f"names look like {len(things)} things with several images each, such as the {number} of {name!r}; if so, "
            f"say --dataset grouped:{self.root}, which keeps each thing on one side of the split"
        ]

    def grouping(self) -> str:
        """Say how to keep files in a row together; see `Dataset.grouping`."""
        return (
            f"say --dataset grouped:{self.root}, and where names do not tell what shows one thing, --set "
            "'dataset.grouped:*.parameters.run=N' for each N files in a row"
        )

    def steps(self) -> str:
        """Say what the folder must look like."""
        return f"put at least two folders of images, one per class, into {self.root}"

    def is_one(self, file: Path) -> bool:
        """Say whether a file is an image of the dataset."""
        return is_image(file)

    def class_name(self, folder: Path) -> str:
        """Return the name of the class that a folder holds."""
        return readable(folder.name)

    def classes(self, part: Path, left_out: Counter[str]) -> list[tuple[str, list[Path]]]:
        """Return name and files of each class of a part; its position is its label.

        Args:
            part: the folder of the classes.
            left_out: is told of each kind of file that is passed over, hidden ones aside.

        Raises:
            UserError: it has fewer than two class folders, or one without images.
        """
        folders, files = _inside(part)
        left_out.update("image in no class folder" for file in files if is_image(file))
        if len(folders) < 2:
            raise UserError(f"dataset {self.name}: {counted(len(folders), 'class folder')} in {part}; {self.steps()}")
        classes = [(self.class_name(folder), self._files(folder, left_out)) for folder in folders]
        for folder, (_, found) in zip(folders, classes, strict=True):
            if not found:
                kinds = ", ".join(sorted(IMAGE_SUFFIXES))
                raise UserError(
                    f"dataset {self.name}: no images ({kinds}) in class folder {folder}; add some or delete the folder"
                )
        return classes

    def _parts(self) -> dict[Path, bool]:
        """Return the folders that hold class folders, and whether each is the official test part.

        Raises:
            DatasetUnavailable: the folder is not there.
            UserError: parts of a split lie beside class folders.
        """
        if not self.root.is_dir():
            raise DatasetUnavailable(f"dataset {self.name}: there is no folder {self.root}; {self.steps()}")
        folders = {folder.name.lower(): folder for folder in _inside(self.root)[0]}
        train, test = set(_TRAIN) & set(folders), set(_TEST) & set(folders)
        if not train or not test:
            return {self.root: False}
        others = sorted(set(folders) - train - test)
        if others:
            raise UserError(
                f"dataset {self.name}: {sorted(train | test)} look like parts of a split, and {others} do not; "
                "move them apart, or rename what is a class"
            )
        tested = test & {"test", "testing"} or test
        order = sorted(train | test, key=lambda name: (name in tested, name not in train, name))
        return {folders[name]: name in tested for name in order}

    def _files(self, folder: Path, left_out: Counter[str]) -> list[Path]:
        """Return the images at any depth of a class folder, sorted, without hidden ones."""
        found: list[str] = []
        for at, folders, names in os.walk(folder, onerror=lambda _: left_out.update(["folder that cannot be read"])):
            left_out.update("linked folder" for name in folders if (Path(at) / name).is_symlink())
            folders[:] = [name for name in folders if not name.startswith(".")]
            for path in (os.path.join(at, name) for name in names if not name.startswith(".")):
                if not self.is_one(file := Path(path)):
                    left_out.update([f"{file.suffix.lower() or 'other'} file"])
                elif not os.path.isfile(path):
                    left_out.update(["dangling link"])
                else:
                    found.append(path)
        return [Path(path) for path in in_order(found)]


@register("grouped:/path")
class Grouped(Folder):
    """A folder as `folder:` takes it, of things with several images each, which stay on one side of the split.

    What images show is told by their names: by the folder, where they lie in one below their class's
    (`good/part12/1.png`), else by the name up to its last separator (`good/part12_1.png`, `bad/part12-left.png`). An
    image whose name has no separator is a thing of its own. With `run` the order tells it, and no name.
    """

    description = "your own images, one sub-folder per class, several images of one thing named alike (part12_1.png)"
    groups_known = True

    run: int | None = Field(None, ge=2)
    """So many files in a row show one thing, in order of name (9 before 10) within a class's folder. Where things have
    more or fewer, a larger number parts fewer of them."""

    def listing(self) -> Listing:
        """List the images of each sub-folder, and what they show; see `FileDataset.listing`."""
        listing = super().listing()
        parts = list(self._parts())
        of = [next(part for part in parts if part in file.parents) for file in listing.files]
        own = self._by_name(listing, of) if self.run is None else self._by_order(listing, of, self.run)
        found, groups = np.unique(own, return_inverse=True)
        how = "by name" if self.run is None else f"of {self.run} files in a row"
        notes = (*listing.notes, f"images of one thing kept together: {counted(len(found), 'thing')} {how}")
        return replace(listing, groups=groups.astype(np.int64), notes=notes)

    def _by_name(self, listing: Listing, parts: Sequence[Path]) -> list[str]:
        """Return the name of what each image shows."""
        names = [thing(file, part) for file, part in zip(listing.files, parts, strict=True)]
        own = [name or f"\0{at}" for at, name in enumerate(names)]
        found = set(own)
        if len(found) < 2:
            raise UserError(f"dataset {self.name}: all images lie in folders named {own[0]!r}; use folder:{self.root}")
        if len(found) == len(own):
            raise UserError(
                f"dataset {self.name}: no two images have names that agree up to the last separator, as part12_1.png "
                "and part12_2.png do, or lie in one folder below their class's; rename them, set its parameter run, "
                f"or use folder:{self.root}"
            )
        return own

    def _by_order(self, listing: Listing, parts: Sequence[Path], run: int) -> list[str]:
        """Return a name for the run of files that each image is in.

        Raises:
            UserError: a class has fewer than two of them.
        """
        own = [""] * len(listing.files)
        members: dict[tuple[Path, int], list[int]] = defaultdict(list)
        for row, place in enumerate(zip(parts, listing.labels.tolist(), strict=True)):
            members[place].append(row)
        for (part, label), rows in members.items():
            for at, row in enumerate(sorted(rows, key=lambda row: by_number(str(listing.files[row])))):
                own[row] = f"{part}/{label}/{at // run}"
        things = Counter(label for label, _ in set(zip(listing.labels.tolist(), own, strict=True)))
        if alone := [listing.class_names[label] for label, number in sorted(things.items()) if number < 2]:
            raise UserError(
                f"dataset {self.name}: with run={run} all images of class {alone[0]!r} are one thing, which cannot be "
                "trained on and tested; take a smaller run"
            )
        return own


def thing(file: Path, part: Path) -> str:
    """Return the name of what an image shows, by its path below the folder of the classes; empty where none says."""
    below = file.relative_to(part).parts[1:]
    if len(below) > 1:
        return "/".join(below[:-1])
    end = _LAST_PIECE.search(file.stem)
    return file.stem[: end.start()] if end else ""


def _inside(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders and the files in a folder, sorted, without hidden ones."""
    found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return [path for path in found if path.is_dir()], [path for path in found if not path.is_dir()]
