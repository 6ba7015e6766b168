"""Datasets by name: `elpv`, `dagm/3`, `mura/elbow`, `folder:/path`, `medmnist:pneumoniamnist`."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Iterable
from typing import Any

from datasets.base import Dataset, UserError

Factory = Callable[..., Dataset]

_EXACT: dict[str, Factory] = {}
_PREFIX: dict[str, tuple[Factory, str]] = {}


def register(*names: str) -> Callable[[Factory], Factory]:
    """Register a dataset class under exact names; it is called as `cls(name, **parameters)`."""

    def add(factory: Factory) -> Factory:
        _EXACT.update(dict.fromkeys(names, factory))
        return factory

    return add


def register_prefix(prefix: str, usage: str) -> Callable[[Factory], Factory]:
    """Register a dataset class for all names `prefix:rest`; it is called as `cls(name, **parameters)`."""

    def add(factory: Factory) -> Factory:
        _PREFIX[prefix] = (factory, usage)
        return factory

    return add


def names() -> list[str]:
    """Return the names that need no argument, in order of registration."""
    return list(_EXACT)


def usages() -> list[str]:
    """Return how the datasets that take an argument are named, such as `folder:/path`."""
    return [usage for _, usage in _PREFIX.values()]


def expand(patterns: Iterable[str]) -> list[str]:
    """Resolve names and wildcards to dataset names, each once, in the order asked for.

    Raises:
        UserError: a pattern matches nothing.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        if pattern.split(":", 1)[0] in _PREFIX and ":" in pattern:
            found[pattern] = None
            continue
        matches = fnmatch.filter(names(), pattern)
        if not matches:
            raise unknown("dataset", pattern, names() + usages())
        found.update(dict.fromkeys(matches))
    return list(found)


def create(name: str, **parameters: Any) -> Dataset:
    """Make the dataset of that name.

    Raises:
        UserError: no dataset has that name, or it does not take one of the parameters.
    """
    prefix, colon, _ = name.partition(":")
    factory = _PREFIX[prefix][0] if colon and prefix in _PREFIX else _EXACT.get(name)
    if factory is None:
        raise unknown("dataset", name, names() + usages())
    try:
        return factory(name, **parameters)
    except TypeError as error:
        raise UserError(f"dataset {name!r} does not take these parameters {parameters}: {error}") from error


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Build the error for a name that nothing has: the nearest one, then all."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UserError(f"unknown {kind} {name!r}{hint} Known: {', '.join(known)}")
