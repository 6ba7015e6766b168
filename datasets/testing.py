"""The contract that every dataset must pass, this suite's and yours: `datasets.testing.check_dataset(YourDataset)`.

Each clause is a function of `CLAUSES`. It reads the dataset's own files and changes none of them: where a clause is
about a changed or damaged file, another one is put in its place for this process alone.
"""

from __future__ import annotations

import builtins
import io
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from datasets import registry
from datasets.base import Dataset, UserError
from datasets.listing import FileDataset
from datasets.splits import split

__all__ = ["CLAUSES", "check_dataset"]

Make = Callable[[], Dataset]
"""Makes the dataset anew."""

SIDE = 16
"""Side in pixels that images are decoded to here."""


def check_dataset(dataset: str | type[Dataset], clauses: Sequence[str] | None = None, **parameters: Any) -> None:
    """Check a dataset against the contract; its files must be here.

    Args:
        dataset: a registered name, or a class.
        clauses: names from `CLAUSES`; all by default.
        **parameters: of the dataset; `name` too where a class is given.

    Raises:
        AssertionError: it fails a clause; the message names the clause and says why.
    """
    if isinstance(dataset, str):
        shown, make = dataset, lambda: registry.create(dataset, **parameters)
    else:
        shown, make = dataset.__name__, lambda: dataset(**({"name": dataset.__name__} | parameters))
    for name in clauses if clauses is not None else CLAUSES:
        try:
            CLAUSES[name](make)
        except Exception as error:  # whatever it raises, the clause is not kept
            reason = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            raise AssertionError(f"dataset {shown!r} fails clause {name!r}: {reason}") from error


def described(make: Make) -> None:
    """It says what it is, under which licence, where it comes from, and how to get it."""
    dataset = make()
    for attribute in ("description", "licence", "source"):
        text = getattr(dataset, attribute, None)
        _require(isinstance(text, str) and text.strip(), f"its {attribute} is {text!r}, not a text")
    _require(dataset.steps().strip(), "steps() says nothing")
    _require(dataset.size >= 1, f"its size is {dataset.size} pixels")
    _require(0 <= dataset.development_share < 1, f"its development_share is {dataset.development_share}")


def parameters_in_key(make: Make) -> None:
    """Its parameters survive being written to a record and read back, and are the cache key."""
    dataset = make()
    written = dataset.parameters()
    again = type(dataset)(name=dataset.name, **written)
    _require(again == dataset, f"its parameters read back from {written} are {again.parameters()}")
    missing = set(type(dataset).model_fields) - {"name"} - set(written)
    _require(not missing, f"parameters() leaves out {sorted(missing)}, on which images may depend")


def deterministic_index(make: Make) -> None:
    """Its index is the same whenever and however often it is asked for."""
    dataset = make()
    first = dataset.index()
    for again in (dataset.index(), make().index()):
        for field in ("labels", "groups", "official_test"):
            _require(
                _same(getattr(first, field), getattr(again, field)), f"its {field} differ from one call to the next"
            )
        for field in ("class_names", "fingerprint", "notes", "dataset"):
            _require(getattr(first, field) == getattr(again, field), f"its {field} differs from one call to the next")


def labels_in_range(make: Make) -> None:
    """Labels are int64 from 0 to C - 1, each class has images, and what is known of each image has their length."""
    dataset = make()
    index = dataset.index()
    labels, classes = index.labels, len(index.class_names)
    _require(labels.dtype == np.int64 and labels.ndim == 1, f"labels are {labels.dtype} {labels.shape}, not (N,) int64")
    _require(classes >= 2, f"it has the classes {index.class_names}; at least two are needed")
    _require(len(set(index.class_names)) == classes, f"two of its classes have one name: {index.class_names}")
    found = np.unique(labels).tolist()
    _require(found == list(range(classes)), f"labels are {_few(found)} where class_names has {classes} names")
    for field, kind in (("groups", np.int64), ("official_test", np.bool_)):
        value = getattr(index, field)
        fits = value is None or (value.dtype == kind and value.shape == labels.shape)
        _require(
            fits, f"{field} is {getattr(value, 'dtype', '?')} {getattr(value, 'shape', '?')}, not (N,) {kind.__name__}"
        )
    _require(index.dataset == dataset.name, f"its index is of {index.dataset!r}, and its name is {dataset.name!r}")
    share = index.development_share
    _require(share == dataset.development_share, f"its index says development_share={share}, its class another")


def whole_groups(make: Make) -> None:
    """It can be split, and no group has images on both sides."""
    index = make().index()
    for seed in range(3):
        parts = split(index, seed)
        both = np.intersect1d(parts.train, parts.test)
        _require(not len(both), f"images {_few(both.tolist())} are on both sides of split {seed}")
        if index.groups is not None:
            shared = np.intersect1d(index.groups[parts.train], index.groups[parts.test])
            _require(not len(shared), f"groups {_few(shared.tolist())} are on both sides of split {seed}")
    if index.groups is not None and index.official_test is not None:
        test = index.official_test
        shared = np.intersect1d(index.groups[test], index.groups[~test])
        _require(len(shared) < len(np.unique(index.groups)), "every group has images in both official parts")


def decodes_as_indexed(make: Make) -> None:
    """It decodes one image for each label, all (C, size, size) uint8 of one C, the same each time."""
    dataset = make()
    number, first = len(dataset.index().labels), next(iter(dataset.decode(SIDE)))
    found = [(str(image.dtype), image.shape) for image in dataset.decode(SIDE)]
    shapes, done = set(found), len(found)
    allowed = [{("uint8", (channels, SIDE, SIDE))} for channels in (1, 3)]
    _require(shapes in allowed, f"images are {_few(sorted(shapes))}, not all (1, {SIDE}, {SIDE}) or (3, ...) uint8")
    _require(done == number, f"it decodes {done} images where its index lists {number}")
    _require(_same(first, next(iter(dataset.decode(SIDE)))), "an image decoded twice differs")


def equals_the_file(make: Make) -> None:
    """An image is what its file holds; checked on eight-bit files, for a dataset of files."""
    dataset = make()
    if not isinstance(dataset, FileDataset):
        return
    files = dataset.listing().files
    for position, image in zip(range(min(len(files), 100)), dataset.decode(SIDE), strict=False):
        expected = _read_plainly(files[position], SIDE, image.shape[0])
        if expected is not None:
            off = np.abs(image.astype(int) - expected).mean()
            _require(
                off < 2, f"image {position} is not what {files[position]} holds: {off:.0f} grey levels off on average"
            )


def notices_changes(make: Make) -> None:
    """A changed file changes the fingerprint, and so the cache key; for a dataset of files."""
    dataset = make()
    if not isinstance(dataset, FileDataset):
        return
    before = dataset.index().fingerprint
    file = dataset.listing().files[0]
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / file.name
        changed.write_bytes(file.read_bytes() + b" ")
        with standing_in(file, changed):
            after = make().index().fingerprint
    _require(before != after, f"{file} may change and the fingerprint stays: old pixels would be taken from the cache")


def names_the_file(make: Make) -> None:
    """A damaged image ends in a UserError that names its file; for a dataset of files."""
    dataset = make()
    if not isinstance(dataset, FileDataset):
        return
    file = dataset.listing().files[0]
    with tempfile.TemporaryDirectory() as folder:
        damaged = Path(folder) / file.name
        damaged.write_bytes(b"no image")
        with standing_in(file, damaged) as opened:
            try:
                for _ in make().decode(SIDE):
                    pass
            except UserError as error:
                _require(file.name in str(error), f"the error for a damaged {file} does not name it: {error}")
                return
    _require(opened, f"{file} is not opened by Python's open, so this cannot be checked; read it with PIL or NumPy")
    raise AssertionError(f"a damaged {file} is decoded without an error")


def other_process(make: Make) -> None:
    """It survives being sent to another process."""
    dataset = make()
    try:
        sent = pickle.loads(pickle.dumps(dataset))  # noqa: S301  # nosec B301
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise AssertionError(f"it cannot be sent to another process: {error}") from error
    same = sent == dataset and sent.index().fingerprint == dataset.index().fingerprint
    _require(same, "after being sent to another process it is another")


CLAUSES: dict[str, Callable[[Make], None]] = {
    clause.__name__.replace("_", "-"): clause
    for clause in (
        described,
        parameters_in_key,
        deterministic_index,
        labels_in_range,
        whole_groups,
        decodes_as_indexed,
        equals_the_file,
        notices_changes,
        names_the_file,
        other_process,
    )
}
"""The clauses of the contract by name."""


@contextmanager
def standing_in(file: Path, other: Path) -> Iterator[list[str]]:
    """Let another file stand in one's place for this process; gives a list that fills with how often it was opened."""
    plain_open, plain_stat, wanted = open, os.stat, os.path.abspath(file)
    opened: list[str] = []

    def is_it(path: object) -> bool:
        return isinstance(path, str | os.PathLike) and os.path.abspath(path) == wanted

    def open_instead(path: Any, *args: Any, **kwargs: Any) -> Any:
        if is_it(path):
            opened.append(str(path))
            path = other
        return plain_open(path, *args, **kwargs)

    def stat_instead(path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        return plain_stat(other if is_it(path) else path, *args, **kwargs)

    with (
        patch.object(builtins, "open", open_instead),
        patch.object(io, "open", open_instead),
        patch.object(os, "stat", stat_instead),
    ):
        yield opened


def _require(holds: object, reason: str) -> None:
    if not holds:
        raise AssertionError(reason)


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def _few(values: Sequence[Any]) -> str:
    """Show at most five values."""
    return ", ".join(map(str, values[:5])) + (", ..." if len(values) > 5 else "")


def _read_plainly(file: Path, size: int, channels: int) -> np.ndarray | None:
    """Read a file by Pillow alone; None where it has other than eight bits, or transparency."""
    with Image.open(file) as image:
        if image.mode not in ("L", "RGB") or "transparency" in image.info or image.getexif().get(0x0112, 1) != 1:
            return None
        resized = image.convert("L" if channels == 1 else "RGB").resize((size, size), Image.Resampling.BILINEAR)
    pixels = np.asarray(resized).astype(int)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)
