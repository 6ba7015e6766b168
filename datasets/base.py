"""What a dataset is: a named source of labelled images, listed cheaply and decoded once."""

from __future__ import annotations

import functools
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from datasets.joining import chained, components


class UserError(Exception):
    """Something the user can put right; its message names the thing and the remedy (exit code 2)."""


class DatasetUnavailable(UserError):  # noqa: N818 - a state that runs report, not a fault
    """The dataset's files are not here; the message holds the steps to get them."""


@dataclass(frozen=True)
class Index:
    """What is known of a dataset without decoding a pixel.

    Attributes:
        labels: (N,) int64 class of each image.
        class_names: C names, position = label.
        groups: (N,) int64, images of one group (a patient) never straddle a split; None where each stands alone.
        official_test: (N,) bool, True for images of the official test part; None where there is no official split.
        fingerprint: hex digest that changes when a source file is added, removed or changed.
        notes: what a reader of the results must know (which parts are here, what was left out).
        dataset: name of the dataset; splits are drawn from it and the seed alone.
        development_share: share of the images that serve for choosing, see `Dataset.development_share`.
        copies: (N,) int64, the same number for images that are copies of each other, which then never straddle a
            split; None where none is known, as before decoding.
        unusable: rows of images that cannot be read, and are in no part of a split.
    """

    labels: np.ndarray
    class_names: tuple[str, ...]
    fingerprint: str
    groups: np.ndarray | None = None
    official_test: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    dataset: str = ""
    development_share: float = 0.0
    copies: np.ndarray | None = None
    unusable: tuple[int, ...] = ()

    @functools.cached_property
    def units(self) -> np.ndarray | None:
        """(N,) int64, the same number for images that no split may part: groups, joined where they share copies."""
        known = [part for part in (self.groups, self.copies) if part is not None]
        if len(known) < 2:
            return known[0] if known else None
        return components(len(self.labels), [pair for part in known for pair in chained(part.tolist())])

    @property
    def counts(self) -> np.ndarray:
        """(C,) int64 images per class."""
        return np.bincount(self.labels, minlength=len(self.class_names))


@dataclass(frozen=True)
class Found:
    """What only decoding shows of a dataset.

    Attributes:
        notes: what a reader of the results must know.
        unusable: rows of images that could not be read, and are neither trained on nor tested.
        names: what the N images are called, where each is a file.
    """

    notes: tuple[str, ...] = ()
    unusable: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageSet:
    """A decoded dataset.

    Attributes:
        images: (N, C, H, W) uint8, usually a memory map; C is 1 (grey) or 3 (RGB).
        index: labels and whatever else is known of the N images, same order.
        content: hex digest of pixels and labels.
    """

    images: np.ndarray
    index: Index
    content: str

    @property
    def labels(self) -> np.ndarray:
        """(N,) int64."""
        return self.index.labels

    def __len__(self) -> int:
        return len(self.images)


class Dataset(BaseModel, ABC):
    """One named source of labelled images.

    A subclass lists its images (`index`), decodes them one after another (`decode`), and says what to do when
    its files are missing (`steps`); where every image is a file, `datasets.FileDataset` does the first two. Its
    parameters are typed fields with defaults, checked on construction: the images depend on them and on the files,
    and on nothing else.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    description: ClassVar[str]
    licence: ClassVar[str]
    source: ClassVar[str]
    size: ClassVar[int] = 128
    """Side in pixels that the images are decoded to unless a preset says otherwise."""
    development_share: ClassVar[float] = 0.0
    """Share of the images that serve for choosing and are never tested; see `datasets.development_rows`."""

    name: str = ""
    """What users call it; `datasets.create` sets it."""

    @classmethod
    def canonical(cls, rest: str) -> str:
        """Return the one spelling of what follows `prefix:` in a name, where several mean the same."""
        return rest

    def parameters(self) -> dict[str, Any]:
        """Return what the images depend on besides name and files, as JSON values; part of the cache key."""
        return self.model_dump(mode="json", exclude={"name"})

    def missing(self) -> str | None:
        """Return None if the dataset can be used as it is here, else the reason and the remedy; never downloads."""
        try:
            listed(self)
        except UserError as error:
            return str(error)
        return None

    @abstractmethod
    def index(self) -> Index:
        """List labels, groups and split.

        Raises:
            DatasetUnavailable: the files are not here.
            UserError: the files are here but damaged or inconsistent.
        """

    @abstractmethod
    def decode(self, size: int) -> Iterator[np.ndarray]:
        """Yield each image as (C, size, size) uint8, in the order of `index`, the same C for all."""

    def found(self) -> Found:
        """Say what decoding has shown; asked for when `decode` has come to its end."""
        return Found()

    @abstractmethod
    def steps(self) -> str:
        """Say exactly how to get the data here."""

    def grouping(self) -> str:
        """Say how users tell which images show one thing, after `if so, `; empty where they cannot."""
        return ""

    def masks(self, indices: Sequence[int], size: int) -> np.ndarray | None:
        """Return (len(indices), size, size) bool masks of the defect, or None where the dataset has none."""
        return None


_LISTED: ContextVar[dict[tuple[type[Dataset], str], Index | UserError] | None] = ContextVar("listed", default=None)


@contextmanager
def listed_once() -> Iterator[None]:
    """Look at each dataset's files once inside the block, however often it is asked for: a plan sees one state."""
    token = _LISTED.set({} if (known := _LISTED.get()) is None else known)
    try:
        yield
    finally:
        _LISTED.reset(token)


def listed(dataset: Dataset) -> Index:
    """Return a dataset's index; inside `listed_once` its files are looked at once.

    Raises:
        DatasetUnavailable: the files are not here.
        UserError: the files are here but damaged or inconsistent.
    """
    known = _LISTED.get()
    if known is None:
        return dataset.index()
    key = (type(dataset), dataset.model_dump_json())
    if key not in known:
        try:
            known[key] = dataset.index()
        except UserError as error:
            known[key] = error
    found = known[key]
    if isinstance(found, UserError):
        raise found
    return found


def availability(dataset: Dataset) -> str | None:
    """Return None if the dataset can be used as it is here, else the reason and the steps to get it."""
    return dataset.missing()


def cache_root() -> Path:
    """Return the folder of decoded images unless another is asked for: ~/.cache/imbalance-benchmark.

    Raises:
        UserError: nobody's home folder is known.
    """
    try:
        return Path.home() / ".cache" / "imbalance-benchmark"
    except RuntimeError as error:
        raise UserError("no home folder is known; set HOME, or name folders with --cache and IMBALANCE_DATA") from error


def data_root() -> Path:
    """Return the folder that holds downloaded datasets: $IMBALANCE_DATA, else ~/.cache/imbalance-benchmark/data.

    Raises:
        UserError: nobody's home folder is known.
    """
    value = os.environ.get("IMBALANCE_DATA")
    try:
        return Path(value).expanduser() if value else cache_root() / "data"
    except RuntimeError as error:
        raise UserError(f"IMBALANCE_DATA={value}: {error}; name another folder") from error
