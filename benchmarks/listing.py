"""What `--list` shows. Methods come from a cache where no file of theirs has changed: importing them takes torch."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

import datasets
from benchmarks.commands.terminal import cell
from benchmarks.grid.chosen import Chosen, catalogue, is_plain, registered

Rows = list[tuple[str, str, str]]

ROOT = Path(__file__).parents[1]


def show(console: Console, plugins: Sequence[Path], cache: Path | None) -> None:
    """Show datasets, methods by family, and presets.

    Raises:
        UserError: a plug-in cannot be loaded.
    """
    cache = datasets.cache_root() if cache is None else cache.expanduser()
    methods = method_rows(plugins, cache)  # first: plug-ins may bring datasets
    table = Table("dataset", "here", "what it is, or how to get it", title="Datasets", show_lines=True)
    for name in datasets.names():
        dataset = datasets.create(name)
        missing = datasets.availability(dataset)
        table.add_row(
            cell(name), "no" if missing else "yes", cell(missing or f"{dataset.description} ({dataset.licence})")
        )
    for usage in datasets.usages():
        table.add_row(cell(usage), "", "your own data, named like this")
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
    if plugins or not is_plain():
        from benchmarks.commands.plugins import load

        load(tuple(plugins))
        found = registered()
    else:
        found = catalogue(cache)
    return [(each.family, _written(each), each.reference) for each in found]


def _written(method: Chosen) -> str:
    return f"{method.name} (also {', '.join(method.aliases)})" if method.aliases else method.name
