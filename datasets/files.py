"""Files of images: which count as images, and a digest that notices a change without reading them."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})


def is_image(path: Path) -> bool:
    """Say whether a path is named as a visible image file."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def fingerprint(root: Path, paths: Iterable[Path]) -> str:
    """Return a hex digest over the sorted (path below root, size in bytes, modification time in ns) of files.

    Raises:
        FileNotFoundError: a file is not there.
    """
    digest = blake2b(digest_size=16)
    for path in sorted(set(paths)):
        status = path.stat()
        digest.update(f"{path.relative_to(root).as_posix()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
