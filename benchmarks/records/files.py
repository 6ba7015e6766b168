"""Writing results: whole or not at all, and clear words where there is no room."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import IO

from datasets import UserError
from datasets.atomic import replacing


def write_atomic(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut.

    Raises:
        UserError: no space is left.
    """
    try:
        with replacing(path) as file:
            write(file)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"no space left for {path}; free some and run the same command again, nothing finished is lost"
            ) from error
        raise
