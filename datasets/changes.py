"""What changed between two decodings of one dataset, image by image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from datasets.base import Index
from datasets.storage import replacing

SUFFIX = ".images"
"""Ends the name of the file beside a cache entry that says which images it holds."""
_SHOWN = 5


def write_images(entry: Path, index: Index, names: Sequence[str], digests: Sequence[bytes]) -> None:
    """Keep beside an entry what its images are called, their classes, and a digest of each one's pixels."""
    names = names or [f"image {row}" for row in range(len(digests))]
    rows = zip(names, index.labels.tolist(), digests, strict=True)
    images = {name: [index.class_names[label], digest.hex()] for name, label, digest in rows}
    with replacing(entry.with_suffix(SUFFIX)) as file:
        file.write(json.dumps(images).encode())


def changes(folder: Path, dataset: str, old: str, new: str) -> str:
    """Say what is different between two entries of a dataset; nothing where the cache no longer knows.

    Args:
        folder: of the entries.
        dataset: its name.
        old: digest of the content of the earlier entry.
        new: digest of that of the later one.
    """
    before, after = _images(folder, dataset, old), _images(folder, dataset, new)
    if before is None or after is None:
        return ""
    both = before.keys() & after.keys()
    kinds = {
        "added": after.keys() - before.keys(),
        "removed": before.keys() - after.keys(),
        "changed": {name for name in both if before[name][1] != after[name][1]},
        "of another class": {name for name in both if before[name][0] != after[name][0]},
    }
    return ", ".join(f"{len(names)} {kind} ({_some(names)})" for kind, names in kinds.items() if names)


def _images(folder: Path, dataset: str, content: str) -> dict[str, tuple[str, str]] | None:
    for path in sorted(folder.glob("*.json")):
        try:
            about = json.loads(path.read_bytes())
            if (about["dataset"], about["content"]) == (dataset, content):
                kept = json.loads(path.with_suffix(SUFFIX).read_bytes())
                return {str(name): (str(label), str(digest)) for name, (label, digest) in kept.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return None


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
