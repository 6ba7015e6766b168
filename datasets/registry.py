"""Datasets by name: `elpv`, `dagm/3`, `mura/elbow`, `folder:/path`, `table:/path`, `medmnist:pneumoniamnist`."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import ValidationError

from datasets import hints
from datasets.base import Dataset, UserError
from datasets.files import is_text

D = TypeVar("D", bound=type[Dataset])

_BY_NAME: dict[str, type[Dataset]] = {}
_BY_PREFIX: dict[str, tuple[type[Dataset], str]] = {}
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)*|[\w.-]+:\S.*")


def register(*names: str) -> Callable[[D], D]:
    """Register a dataset class.

    Args:
        *names: what users call it, such as `dagm/1`; one with a colon, such as `folder:/path`, stands for all names of
            that prefix, and shows how they are written.

    Raises:
        ValueError: a name is taken, or is none that can be typed and matched.
    """

    def add(cls: D) -> D:
        for name in names:
            _refuse(name)
        for name in names:
            if ":" in name:
                _BY_PREFIX[name.partition(":")[0]] = (cls, name)
            else:
                _BY_NAME[name] = cls
        return cls

    return add


def _refuse(name: str) -> None:
    """Refuse a name that is taken or malformed."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"dataset {name!r}: a name is made of letters, digits, `_`, `-`, `.` and `/`")
    prefix, colon, _ = name.partition(":")
    taken = _BY_PREFIX[prefix][0] if colon and prefix in _BY_PREFIX else _BY_NAME.get(name)
    if taken is not None:
        raise ValueError(f"dataset {name!r} is registered already, by {taken.__module__}; choose another name")


def registered() -> list[str]:
    """Return everything that was registered: names, and how those with a prefix are written."""
    return names() + usages()


def forget(registered: Iterable[str]) -> None:
    """Take names back, of a plug-in that failed half-way."""
    for name in registered:
        _BY_NAME.pop(name, None)
        if ":" in name:
            _BY_PREFIX.pop(name.partition(":")[0], None)


def names() -> list[str]:
    """Return the names that need no argument, in order of registration."""
    return list(_BY_NAME)


def usages() -> list[str]:
    """Return how the datasets that take an argument are named, such as `folder:/path`."""
    return [usage for _, usage in _BY_PREFIX.values()]


def canonical(name: str) -> str:
    """Return the one spelling of a name: `folder:` takes any path to a folder, and means the folder."""
    prefix, colon, rest = name.partition(":")
    return f"{prefix}:{_BY_PREFIX[prefix][0].canonical(rest)}" if colon and prefix in _BY_PREFIX else name


def expand(patterns: Iterable[str]) -> list[str]:
    """Resolve names and wildcards to dataset names, each once, in the order asked for.

    Raises:
        UserError: a pattern matches nothing.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        _refuse_unwritable(pattern)
        if pattern.split(":", 1)[0] in _BY_PREFIX and ":" in pattern:
            found[canonical(pattern)] = None
            continue
        matches = fnmatch.filter(names(), pattern)
        if not matches:
            raise unknown("dataset", pattern, registered())
        found.update(dict.fromkeys(matches))
    return list(found)


def _refuse_unwritable(name: str) -> None:
    if not is_text(name):
        raise UserError(f"dataset {name!r}: a name with a NUL, or that is not UTF-8; rename the folder or file")


def get(name: str) -> type[Dataset]:
    """Return the class of the dataset of that name.

    Raises:
        UserError: there is none; the message names the nearest.
    """
    prefix, colon, _ = name.partition(":")
    if colon and prefix in _BY_PREFIX:
        return _BY_PREFIX[prefix][0]
    if name not in _BY_NAME:
        raise unknown("dataset", name, registered())
    return _BY_NAME[name]


def create(name: str, **parameters: Any) -> Dataset:
    """Make the dataset of that name.

    Raises:
        UserError: no dataset has that name, or it does not take a parameter of that name or value.
    """
    cls = get(name)
    fields = [field for field in cls.model_fields if field != "name"]
    if "name" in parameters:
        raise UserError(f"dataset {name}: no parameter 'name'. It takes: {', '.join(fields) or 'none'}")
    try:
        return cls(name=canonical(name), **parameters)
    except ValidationError as error:
        raise UserError(f"dataset {name}: {hints.explain(error, fields)}") from error


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Build the error for a name that nothing has."""
    return UserError(hints.unknown(kind, name, known))
