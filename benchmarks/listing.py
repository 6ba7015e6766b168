"""What `--list` shows. Methods come from a cache where no file of theirs has changed: importing them takes torch."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import tomllib
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

from rich.console import Console
from rich.table import Table

import datasets
from benchmarks.commands.terminal import cell
from datasets.atomic import replacing

Rows = list[tuple[str, str, str]]

ROOT = Path(__file__).parents[1]
OUTSIDE = "imblearn"
"""Where prefixed methods come from; another release may have others."""


def show(console: Console, plugins: Sequence[Path], cache: Path) -> None:
    """Show datasets, methods by family, and presets.

    Raises:
        UserError: a plug-in cannot be loaded.
    """
    methods = method_rows(plugins, cache)  # first: plug-ins may bring datasets
    table = Table("dataset", "here", "what it is, or how to get it", title="Datasets", show_lines=True)
    for name in datasets.names():
        dataset = datasets.create(name)
        missing = datasets.availability(dataset)
        table.add_row(
            cell(name), "no" if missing else "yes", cell(missing or f"{dataset.description} ({dataset.licence})")
        )
    for usage in datasets.usages():
        table.add_row(cell(usage), "", "your own data, by this form of name")
    console.print(table)
    table = Table("family", "method", "source", title="Methods")
    for row in methods:
        table.add_row(*map(cell, row))
    console.print(table)
    table = Table("preset", "what it is for", title="Presets")
    for path in sorted((ROOT / "benchmarks" / "presets").glob("*.toml")):
        table.add_row(path.stem, tomllib.loads(path.read_text()).get("description", ""))
    console.print(table)


def method_rows(plugins: Sequence[Path], cache: Path) -> Rows:
    """Return family, name and source of every method; with plug-ins always anew."""
    if plugins or any(group.startswith("imbalance_benchmark.") for group in entry_points().groups):
        return _import_rows(plugins)
    path = cache / "listing" / f"{_digest()}.json"
    try:
        return [(family, name, source) for family, name, source in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError):
        rows = _import_rows(())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(json.dumps(rows).encode())
    except OSError:
        pass  # where nothing can be kept, it takes longer each time
    return rows


def _import_rows(plugins: Sequence[Path]) -> Rows:
    import methods
    from benchmarks.plugins import load

    load(tuple(plugins))
    others = methods.aliases()
    rows: Rows = []
    for name in [*methods.available(), *methods.prefixed()]:
        also = [alias for alias, known in others.items() if known == name]
        written = f"{name} (also {', '.join(also)})" if also else name
        rows.append((methods.get(name).family, written, methods.get(name).reference))
    return rows


def _digest() -> str:
    """Return what changes with the methods' files and with the release that prefixed ones come from."""
    outside = importlib.util.find_spec(OUTSIDE)
    files = [
        *sorted((ROOT / "methods").rglob("*.py")),
        Path(__file__),
        *([Path(outside.origin)] if outside and outside.origin else []),
    ]
    found = hashlib.blake2b(digest_size=12)
    for path in files:
        status = path.stat()
        found.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()
