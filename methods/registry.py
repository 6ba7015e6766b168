"""Methods by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, TypeVar

from pydantic import ValidationError

from datasets import hints
from methods.base import Method
from methods.families import FAMILIES
from methods.naming import matching

M = TypeVar("M", bound=type[Method])
Factory = Callable[..., Method]

_METHODS: dict[str, type[Method]] = {}
_ALIASES: dict[str, str] = {}
_PREFIXES: dict[str, tuple[Callable[[str], type[Method]], Callable[[], list[str]]]] = {}
_LOADING = threading.RLock()
_LOADED: set[str] = set()
"""Families whose modules are imported, or are being imported by the thread that holds the lock."""


def load_families() -> None:
    """Import every module of every family, once in a process: each registers its methods."""
    with _LOADING:
        for family in FAMILIES:
            if family in _LOADED:
                continue
            _LOADED.add(family)
            try:
                package = import_module(f"methods.{family.replace('-', '_')}")
                for module in iter_modules(getattr(package, "__path__", [])):
                    import_module(f"{package.__name__}.{module.name}")
            except BaseException:  # interrupted too: the next call shall try again
                _LOADED.discard(family)
                raise


class UnknownMethodError(ValueError):
    """No method has that name, or it does not take a parameter of that name or value."""


def register(name: str, *, family: str, source: str, aliases: Sequence[str] = ()) -> Callable[[M], M]:
    """Register a method class.

    Args:
        name: what users call it; lower case, words joined by hyphens.
        family: one of `FAMILIES`.
        source: the publication that defines it.
        aliases: other names that it is known by, for what would be an exact copy; they are taken wherever a name is,
            and are not listed.

    Raises:
        ValueError: a name is taken, or the family is not known.
    """
    if family not in FAMILIES:
        raise ValueError(f"method {name!r}: unknown family {family!r}; one of {', '.join(FAMILIES)}")

    def add(cls: M) -> M:
        for each in (name, *aliases):
            if each in _METHODS or each in _ALIASES or each.partition(":")[0] in _PREFIXES:
                owner = get(each).__module__
                raise ValueError(f"method {each!r} is registered already, by {owner}; choose another name")
        cls.name, cls.family, cls.reference = name, family, source
        _METHODS[name] = cls
        _ALIASES.update(dict.fromkeys(aliases, name))
        return cls

    return add


def registered() -> list[str]:
    """Return everything that was registered."""
    load_families()
    return [*_METHODS, *_PREFIXES]


def forget(names: Iterable[str]) -> None:
    """Take names back, of a plug-in that failed half-way."""
    for name in names:
        _METHODS.pop(name, None)
        _PREFIXES.pop(name, None)
        for alias in [alias for alias, known in _ALIASES.items() if known == name]:
            del _ALIASES[alias]


def register_prefix(prefix: str, make: Callable[[str], type[Method]], known: Callable[[], list[str]]) -> None:
    """Register all methods `prefix:rest`: `make(rest)` gives the class, `known()` lists every rest there is."""
    _PREFIXES[prefix] = (make, known)


def available() -> list[str]:
    """Return the registered names by family; ours first, module by module, others as they came; no prefixed ones."""
    load_families()
    return sorted(_METHODS, key=_place)


def _place(name: str) -> tuple[int, bool, str]:
    """Return what a name is sorted by; modules may be imported in any order."""
    cls = _METHODS[name]
    other = not cls.__module__.startswith("methods.")
    return FAMILIES.index(cls.family), other, "" if other else cls.__module__


def aliases() -> dict[str, str]:
    """Return the other names of methods, and the name that each stands for."""
    load_families()
    return dict(_ALIASES)


def canonical(name: str) -> str:
    """Return the name that an alias stands for; any other name as it is."""
    load_families()
    return _ALIASES.get(name, name)


def prefixed() -> list[str]:
    """Return every name of the kind `imblearn:SMOTE`."""
    load_families()
    return [f"{prefix}:{rest}" for prefix, (_, known) in _PREFIXES.items() for rest in known()]


def expand(patterns: Iterable[str]) -> list[str]:
    """Resolve names and wildcards, each name once.

    `*` means the registered names without the prefixed ones and without ablations, which have to be asked for by a name
    or a narrower pattern, such as `*scale-*`.

    Raises:
        UnknownMethodError: a pattern matches nothing.
    """
    patterns = list(patterns)
    names = available() + (prefixed() if any(":" in pattern for pattern in patterns) else [])
    ablations = {name for name in available() if _METHODS[name].by_name_only}
    try:
        return matching(patterns, names, ablations, _ALIASES)
    except LookupError as error:
        raise _unknown(str(error.args[0])) from None


def get(name: str) -> type[Method]:
    """Return the class of that name.

    Raises:
        UnknownMethodError: there is none; the message names the nearest.
    """
    name = canonical(name)
    prefix, colon, rest = name.partition(":")
    if colon and prefix in _PREFIXES:
        make, known = _PREFIXES[prefix]
        if rest in known():
            return make(rest)
    if name not in _METHODS:
        raise _unknown(name)
    return _METHODS[name]


def create(name: str, **parameters: Any) -> Method:
    """Make a method.

    Raises:
        UnknownMethodError: no such method, or a parameter it does not take or a value it does not allow.
    """
    cls = get(name)
    try:
        return cls(**parameters)
    except ValidationError as error:
        raise UnknownMethodError(f"method {name!r}: {hints.explain(error, cls.model_fields)}") from error


def _unknown(name: str) -> UnknownMethodError:
    return UnknownMethodError(hints.unknown("method", name, [*available(), *prefixed(), *_ALIASES], available()))
