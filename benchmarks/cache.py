"""The cache of decoded images, feature maps and shared weights: what is in it, how much it may take, and what goes."""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

import datasets
from benchmarks.commands.ending import ending
from benchmarks.commands.terminal import cell, say
from benchmarks.grid.remembered import FOLDER
from benchmarks.running.progress import make_console
from datasets import eviction
from datasets.eviction import Entry, written


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    p = argparse.ArgumentParser(
        prog="python -m benchmarks.cache",
        description="Show what is in the cache, least recently used first, and which entries a running process holds. "
        "A run that needs room removes the least recently used entries, and never one that is held.",
    )
    p.add_argument("--cache", metavar="DIR", type=Path, help="default: ~/.cache/imbalance-benchmark")
    p.add_argument(
        "--limit", metavar="SIZE", help="allow it this much from now on, such as 20GB; remove what exceeds it"
    )
    p.add_argument(
        "--clear",
        nargs="?",
        const="*",
        metavar="PATTERN",
        help="remove the entries whose names match, such as 'textures-*' (default: all), except those that are held",
    )
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = parser().parse_args(arguments)
    return ending(lambda: _main(options), "stopped; entries removed so far stay removed")


def _main(options: argparse.Namespace) -> int:
    console = make_console()
    cache = (options.cache or datasets.cache_root()).expanduser().absolute()
    removed: list[Entry] = []
    if options.limit:
        eviction.set_limit(cache, eviction.parse_size(options.limit))
        removed += eviction.make_room(cache)
    if options.clear:
        asked = [e for e in eviction.entries(cache) if fnmatch.fnmatchcase(e.path.stem, options.clear)]
        removed += [entry for entry in asked if eviction.remove(entry)]
        if options.clear == "*":
            for path in (cache / FOLDER).glob("*.json"):
                path.unlink(missing_ok=True)
    show(console, cache)
    if options.limit or options.clear:
        say(console, f"removed: {len(removed)}, {written(sum(entry.size for entry in removed))}")
    return 0


def show(console: Console, cache: Path) -> None:
    """Show the entries of a cache and what they come to."""
    found = eviction.entries(cache)
    table = Table("what", "entry", "size", "last used", "in use", title="Cache")
    for entry in found:
        used = "yes" if entry.held else ""
        table.add_row(entry.kind, cell(entry.path.stem), written(entry.size), eviction.age(entry), used)
    console.print(table)
    total, most = written(sum(entry.size for entry in found)), written(eviction.limit(cache))
    say(console, f"{cache}: {total} of at most {most}")


if __name__ == "__main__":
    sys.exit(main())
