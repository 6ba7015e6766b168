"""Files of images: which count as images, and a digest that notices a change without reading them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

from PIL import features

IMAGE_SUFFIXES = frozenset(
    [".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k"]
    + ([".avif"] if features.check("avif") else [])
)


def is_image(path: Path) -> bool:
    """Say whether a path is named as a visible image file."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def fingerprint(root: Path, paths: Iterable[Path]) -> str:
    """Return a hex digest over the sorted files: path seen from root, size, modification and change time, inode.

    Two files of the same size and time that change places keep their inodes, and a file whose time was set back has
    a new change time; only a copy of the whole folder looks changed without being so, and is decoded once more.

    Raises:
        FileNotFoundError: a file is not there.
    """
    digest = blake2b(digest_size=16)
    for path in sorted(set(paths)):
        status = path.stat()
        below = Path(os.path.relpath(path, root)).as_posix()
        known = (below, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        digest.update(("\0".join(map(str, known)) + "\n").encode(errors="surrogateescape"))
    return digest.hexdigest()
