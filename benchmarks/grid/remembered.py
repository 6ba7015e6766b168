"""What takes long to find out and depends on files alone, kept as JSON in the cache under a digest of these files."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from datasets.atomic import replacing

ROOT = Path(__file__).parents[2]
FOLDER = "facts"


def remembered(cache: Path, kind: str, key: Any, make: Callable[[], Any]) -> Any:
    """Return what `make` returns, from the cache where the same was asked before; only JSON values.

    Args:
        cache: folder of the cache.
        kind: what is asked, in one word.
        key: everything that the answer depends on, as JSON values.
        make: finds it out.
    """
    path = _path(cache, kind, key)
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        value = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(json.dumps(value).encode())
    except OSError:
        pass  # where nothing can be kept, it takes longer each time
    return value


def known(cache: Path, kind: str, key: Any) -> Any:
    """Return what was remembered, or None."""
    try:
        return json.loads(_path(cache, kind, key).read_text())
    except (OSError, ValueError):
        return None


def _path(cache: Path, kind: str, key: Any) -> Path:
    digest = hashlib.blake2b(json.dumps(key, sort_keys=True).encode(), digest_size=12).hexdigest()
    return cache / FOLDER / f"{kind}-{digest}.json"


@functools.cache
def files_digest(folders: tuple[str, ...], packages: tuple[str, ...] = ()) -> str:
    """Return what changes with Python files of this suite, and with the release of a package.

    Args:
        folders: of the suite, such as `methods`.
        packages: other packages' names.
    """
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return stamps([*files, *(path for name in packages if (path := _origin(name)))])


def stamps(files: Iterable[Path]) -> str:
    """Return a digest of path, size and time of some files."""
    found = hashlib.blake2b(digest_size=12)
    for path in files:
        status = path.stat()
        found.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()


def _origin(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin) if spec and spec.origin else None
