"""Result files: written whole or not at all, and known to be what was written when they are read."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from datasets import UserError
from datasets.atomic import replacing

DIGEST = "digest"
_MOST_BYTES = 2**28
M = TypeVar("M", bound=BaseModel)


class Damaged(UserError):  # noqa: N818 - a state of the user's files
    """A result file is not what a run has written; the message names it and the remedy."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be used ({reason[:300]}); delete it and run again; the other results are kept")


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
                f"no space left for {path}; free some and run the same command again; nothing finished is lost"
            ) from error
        raise


def sealed(model: BaseModel) -> bytes:
    """Return a model as JSON with a digest of all else, by which a later change is noticed."""
    content = json.loads(model.model_dump_json())
    return json.dumps(content | {DIGEST: _digest(content)}, indent=1, ensure_ascii=False).encode()


def validated(path: Path, model: type[M], version: int) -> M:
    """Read a model from a file that `sealed` gave the content of; one of an older release has no digest.

    Raises:
        Damaged: it is no JSON object, of another schema version, changed since it was written, or no run writes such.
    """
    try:
        content = json.loads(read_bytes(path))
        if not isinstance(content, dict):
            raise ValueError("not a JSON object")
        if (found := content.get("schema_version", version)) != version:
            raise ValueError(f"schema version {found}, this release reads {version}")
        digest = content.pop(DIGEST, None)
        if digest not in (None, _digest(content)):
            raise ValueError("it has been changed since it was written")
        return model.model_validate(content)
    except ValidationError as error:
        raise Damaged(path, first_problem(error)) from error
    except Damaged:
        raise
    except (ValueError, OverflowError, RecursionError, UserError) as error:
        raise Damaged(path, str(error)) from error


def first_problem(error: ValidationError) -> str:
    """Say in a few words where a file first differs from what it should be."""
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, problem["loc"]))
    more = f", and {error.error_count() - 1} more" if error.error_count() > 1 else ""
    return f"{where}: {problem['msg']}{more}" if where else f"{problem['msg']}{more}"


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        Damaged: it is none, cannot be read, or is larger than any that a run writes.
    """
    try:
        if not path.is_file():  # a pipe would be waited for
            raise Damaged(path, "a dangling link" if path.is_symlink() else "not a file")
        if path.stat().st_size > _MOST_BYTES:
            raise Damaged(path, f"larger than {_MOST_BYTES >> 20} MB")
        return path.read_bytes()
    except OSError as error:
        raise Damaged(path, error.strerror or str(error)) from error


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()
