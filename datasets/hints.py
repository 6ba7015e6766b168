"""Answers to names and values that are wrong: the nearest that is right. For datasets, methods and settings alike."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from pydantic import ValidationError

_SHOWN = 160
_HEAD = re.compile(r"(?= (?:in|that) )|$")
"""Where a noun ends that has more said of it."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that looks most like this one, or None where none does."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or a full stop where no known name is near."""
    near = nearest(name, known)
    return f"; did you mean {near!r}?" if near else "."


def counted(number: int | str, noun: str) -> str:
    """Count things: `1 image`, `2 images`, `2 images in no folder`."""
    return f"{number} {noun if str(number) == '1' else re.sub(_HEAD, 's', noun, count=1)}"


def short(value: object) -> str:
    """Return a value as it is written, the middle left out where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits
        return f"a {type(value).__name__} too large to show"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]} ... {text[-_SHOWN // 2 :]}"


def unknown(kind: str, name: str, known: Iterable[str], listed: Iterable[str] | None = None) -> str:
    """Say that nothing of a kind has that name: the nearest one, then all.

    Args:
        kind: such as `dataset`.
        name: what was asked for.
        known: where to look for the nearest.
        listed: the names to show; None for all that are known.
    """
    known = list(known)
    shown = ", ".join(known if listed is None else listed)
    return f"unknown {kind} {short(name)}{did_you_mean(name, known)} Known: {shown}"


def explain(error: ValidationError, fields: Iterable[str]) -> str:
    """Say what is wrong with the parameters of a method or dataset: which, its value, and the nearest that exists.

    Args:
        error: what pydantic found.
        fields: the parameters that there are.
    """
    lines = []
    for problem in error.errors():
        field = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            hint = did_you_mean(field, fields)
            lines.append(f"no parameter {short(field)}{hint} It takes: {', '.join(fields) or 'none'}")
        else:
            lines.append(f"{field}={short(problem.get('input'))}: {problem['msg']}")
    return "; ".join(lines)
