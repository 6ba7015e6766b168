"""Datasets whose every image is a file: say which files and labels there are; index and decoding follow."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import PrivateAttr

from datasets.base import Dataset, Found, Index, UserError
from datasets.decoding import BrokenImage, Scale, deep_range, is_grey, read_image
from datasets.files import fingerprint, readable


@dataclass(frozen=True)
class Listing:
    """The files of a dataset, and what is known of each.

    Attributes:
        root: folder that the files are named from in errors.
        files: N image files.
        labels: (N,) int64 class of each.
        class_names: C names, position = label.
        groups: (N,) int64, see `Index`; None where each image stands alone.
        official_test: (N,) bool, see `Index`; None where there is no official split.
        notes: see `Index`.
        besides: other files that the images, labels or masks depend on.
        remedy: what to do about a damaged file.
        lost: what to do where listed files are missing.
    """

    root: Path
    files: tuple[Path, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]
    groups: np.ndarray | None = None
    official_test: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    besides: tuple[Path, ...] = ()
    remedy: str = "delete or replace it"
    lost: str = "put them back, or take them off the list"

    @classmethod
    def of(
        cls,
        root: Path,
        files: Sequence[Path | str],
        classes: Sequence[str],
        groups: Sequence[str] | None = None,
        official_test: Sequence[bool] | None = None,
        besides: Sequence[Path] = (),
    ) -> Listing:
        """Make a listing of columns of text: classes become labels in alphabetical order, groups become numbers.

        Args:
            root: folder that relative files are taken from.
            files: N paths.
            classes: N names of classes.
            groups: N names of groups, such as patients; an empty one is a group of its own image.
            official_test: N flags, true for the official test part.
            besides: other files that this depends on, such as the table that it was read from.
        """
        names, labels = np.unique(np.asarray(classes, dtype=str), return_inverse=True)
        own = None if groups is None else [group or f"\0{at}" for at, group in enumerate(groups)]
        return cls(
            root=root,
            files=tuple(root / file for file in files),
            labels=labels.astype(np.int64),
            class_names=tuple(names.tolist()),
            groups=None if own is None else np.unique(own, return_inverse=True)[1].astype(np.int64),
            official_test=None if official_test is None else np.asarray(official_test, dtype=bool),
            besides=tuple(besides),
        )


class FileDataset(Dataset):
    """A dataset whose every image is a file of its own; a subclass gives the `listing`, and the `steps` to get it."""

    grey: ClassVar[bool | None] = None
    """Whether images have one channel; None: they have if all files are grey."""

    skip_bad_images: bool = False
    """Leave out images that cannot be read, and say which, instead of refusing the dataset."""
    _found: Found = PrivateAttr(Found())

    @abstractmethod
    def listing(self) -> Listing:
        """List the files.

        Raises:
            DatasetUnavailable: the files are not here.
            UserError: they are here but inconsistent.
        """

    def index(self) -> Index:
        """List labels, groups and split; see `Dataset.index`."""
        listing = self.listing()
        return Index(
            labels=listing.labels,
            class_names=listing.class_names,
            fingerprint=self._fingerprint(listing),
            groups=listing.groups,
            official_test=listing.official_test,
            notes=listing.notes,
            dataset=self.name,
            development_share=self.development_share,
        )

    def decode(self, size: int) -> Iterator[np.ndarray]:
        """Yield the images; see `Dataset.decode`.

        Raises:
            UserError: some are not readable; all of these are named, at the end.
        """
        yield from self._decoded(self.listing(), size)

    def sample(self, size: int, number: int) -> Iterator[np.ndarray]:
        """Yield a few images from all over the dataset, decoded as if there were no others.

        Args:
            size: see `Dataset.decode`.
            number: how many, at most.

        Raises:
            UserError: see `listing` and `decode`.
        """
        listing = self.listing()
        rows = np.unique(np.linspace(0, len(listing.files) - 1, number).astype(int))
        yield from self._decoded(replace(listing, files=tuple(listing.files[row] for row in rows)), size)

    def _decoded(self, listing: Listing, size: int) -> Iterator[np.ndarray]:
        broken: dict[int, BrokenImage] = {}
        grey, scale = self._survey(listing, broken)
        for row, file in enumerate(listing.files):
            try:
                if row in broken:
                    raise broken[row]
                what = self._shown(listing, file)
                yield read_image(file, size, grey=grey, what=what, remedy=listing.remedy, scale=scale)
            except BrokenImage as error:
                broken[row] = error
                yield np.zeros((1 if grey else 3, size, size), dtype=np.uint8)  # stands where nothing will be used
        if broken and not self.skip_bad_images:
            raise self._complaint(listing, broken)
        named = [f"{self._shown(listing, listing.files[row])} ({error.reason})" for row, error in broken.items()]
        left_out = (f"{len(broken)} images that cannot be read are left out: {', '.join(named)}",) if broken else ()
        scaled = (f"deep pixels scaled from {scale.low:g}..{scale.high:g} to 0..255",) if scale else ()
        names = tuple(_below(listing, file) for file in listing.files)
        self._found = Found((*scaled, *left_out), tuple(broken), names)

    def found(self) -> Found:
        """Say which images could not be read, and how deep pixels were scaled; see `Dataset.found`."""
        return self._found

    def _survey(self, listing: Listing, broken: dict[int, BrokenImage]) -> tuple[bool, Scale | None]:
        """Return whether all images are grey, and the scale of deep pixels where there are any."""
        grey, ranges = self.grey is not False, []
        for row, file in enumerate(listing.files):
            what = self._shown(listing, file)
            try:
                if self.grey is None and grey:
                    grey = is_grey(file, what=what, remedy=listing.remedy)
                values = deep_range(file, what=what, remedy=listing.remedy)
            except BrokenImage as error:
                broken[row] = error
            else:
                ranges += [] if values is None else [values]
        return grey, Scale.of(ranges) if ranges else None

    def _complaint(self, listing: Listing, broken: dict[int, BrokenImage]) -> UserError:
        if len(broken) == 1:
            return next(iter(broken.values()))
        named = [f"{_below(listing, listing.files[row])} ({error.reason})" for row, error in broken.items()]
        return UserError(
            f"dataset {self.name}: {len(broken)} of {len(listing.files)} images are not readable: {', '.join(named)}; "
            f"{listing.remedy}, or leave them out with --skip-bad-images"
        )

    def _shown(self, listing: Listing, file: Path) -> str:
        return f"dataset {self.name}: {_below(listing, file)}"

    def _fingerprint(self, listing: Listing) -> str:
        try:
            return fingerprint(listing.root, [*listing.files, *listing.besides])
        except OSError as error:
            absent = [file for file in listing.files if not file.exists()]
            raise UserError(
                f"dataset {self.name}: {len(absent)} of {len(listing.files)} listed images are missing, such as "
                f"{absent[0] if absent else error.filename}; {listing.lost}"
            ) from error


def _below(listing: Listing, file: Path) -> str:
    """Name a file as seen from the root."""
    return readable(Path(os.path.relpath(file, listing.root)).as_posix())
