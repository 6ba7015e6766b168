"""Other people's methods: installed packages, by an entry point, and single files, by path.

A package announces a module that registers methods, in its pyproject.toml:

    [project.entry-points."imbalance_benchmark.methods"]
    mine = "my_package.my_module"
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from methods import registry

GROUP = "imbalance_benchmark.methods"


class PluginError(ValueError):
    """A plug-in cannot be loaded."""


@functools.cache
def load_installed() -> tuple[str, ...]:
    """Import the modules of all installed packages that announce methods, once in a process.

    Returns:
        The names of the methods that came.

    Raises:
        PluginError: one fails to import, registers nothing, or a name that is taken.
    """
    found: list[str] = []
    for point in entry_points(group=GROUP):
        origin = f"{point.value} of {point.dist.name if point.dist else 'an installed package'}"
        found += _registered_by(point.load, origin)
    return tuple(found)


def load_file(path: Path | str) -> tuple[str, ...]:
    """Import a file that registers methods; a file that is loaded already is left alone.

    The module's name follows from the path alone, so that a method of the file can be sent to any process that has
    loaded it too.

    Returns:
        The names of the methods that came.

    Raises:
        PluginError: it is no Python file, fails to import, registers nothing, or a name that is taken.
    """
    path = Path(path).resolve()
    if not path.is_file() or path.suffix != ".py":
        raise PluginError(f"plug-in {path}: not a Python file; give the path of a .py file that registers a method")
    name = f"methods_plugin_{path.stem}_{hashlib.blake2b(str(path).encode(), digest_size=4).hexdigest()}"
    if name in sys.modules:
        return tuple(n for n in registry.available() if registry.get(n).__module__ == name)
    return tuple(_registered_by(lambda: _import(name, path), str(path)))


def _import(name: str, path: Path) -> None:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _registered_by(load: Callable[[], object], origin: str) -> list[str]:
    """Import, and return the names that came; on failure none of them stays."""
    before = set(registry.available())
    try:
        load()
    except Exception as error:
        registry.forget(set(registry.available()) - before)
        raise PluginError(f"plug-in {origin} cannot be loaded: {type(error).__name__}: {error}") from error
    new = [name for name in registry.available() if name not in before]
    if not new:
        raise PluginError(f"plug-in {origin} registers no method; decorate its class with @methods.register(...)")
    return new
