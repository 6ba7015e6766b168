"""Other people's methods and datasets: installed packages, by an entry point, and single files, by path.

A package announces a module that registers some, in its pyproject.toml:

    [project.entry-points."imbalance_benchmark.methods"]
    mine = "my_package.my_methods"

    [project.entry-points."imbalance_benchmark.datasets"]
    mine = "my_package.my_datasets"
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from datasets import UserError
from datasets.files import is_file

KINDS = ("methods", "datasets")
"""What plug-ins add to, by the end of the entry-point group's name; each is a package with a registry."""
GROUPS = tuple(f"imbalance_benchmark.{kind}" for kind in KINDS)
MODULES = "benchmark_plugin_"
"""How the names of modules that are loaded from files begin."""


class PluginError(UserError):
    """A plug-in cannot be loaded."""


def load(files: tuple[str | Path, ...] = ()) -> None:
    """Load what is installed, then some files.

    Raises:
        PluginError: one cannot be loaded.
    """
    load_installed()
    for path in files:
        load_file(path)


@functools.cache
def load_installed() -> tuple[str, ...]:
    """Import the modules of all installed packages that announce methods or datasets, once in a process.

    Returns:
        The names that came.

    Raises:
        PluginError: one fails to import, registers nothing, or a name that is taken.
    """
    found: list[str] = []
    points = {point.value: point for group in GROUPS for point in entry_points(group=group)}
    for point in points.values():  # one module may be announced for both
        origin = f"{point.value} of {point.dist.name if point.dist else 'an installed package'}"
        found += _registered_by(point.load, origin)
    return tuple(found)


_loaded: dict[str, tuple[str, ...]] = {}


def load_file(path: Path | str) -> tuple[str, ...]:
    """Import a file that registers methods or datasets; a file that is loaded already is left alone.

    The module's name follows from the path alone, so that an object of the file can be sent to any process that has
    loaded it too.

    Returns:
        The names that came.

    Raises:
        PluginError: it is no Python file, fails to import, registers nothing, or a name that is taken.
    """
    path = Path(path).resolve()
    if not is_file(path) or path.suffix != ".py":
        raise PluginError(f"plug-in {path}: not a Python file; give the path of a .py file that registers something")
    name = f"{MODULES}{path.stem}_{hashlib.blake2b(os.fsencode(path), digest_size=4).hexdigest()}"
    if name not in sys.modules:
        _loaded[name] = tuple(_registered_by(lambda: _import(name, path), str(path)))
    return _loaded[name]


def _import(name: str, path: Path) -> None:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:  # interrupted too: half a module must not pass for a loaded one
        del sys.modules[name]
        raise


def _registries() -> dict[str, Any]:
    """Return the registries; imported when they are needed, for that of methods brings torch."""
    return {kind: importlib.import_module(f"{kind}.registry") for kind in KINDS}


def registered() -> dict[str, set[str]]:
    """Return the names in each registry."""
    return {kind: set(registry.registered()) for kind, registry in _registries().items()}


def forget_since(before: dict[str, set[str]]) -> None:
    """Take back all names that came since `registered()` was asked."""
    for kind, registry in _registries().items():
        registry.forget(set(registry.registered()) - before[kind])


def _registered_by(load: Callable[[], object], origin: str) -> list[str]:
    """Import, and return the names that came; on failure none of them stays."""
    before = registered()
    try:
        load()
    except (Exception, SystemExit) as error:  # whatever a file of somebody else does when it is imported
        forget_since(before)
        raise PluginError(f"plug-in {origin} cannot be loaded: {type(error).__name__}: {error}") from error
    new = [
        name for kind, registry in _registries().items() for name in registry.registered() if name not in before[kind]
    ]
    if not new:
        raise PluginError(
            f"plug-in {origin} registers nothing; decorate its class with @methods.register(...) or "
            "@datasets.register(...)"
        )
    return new
