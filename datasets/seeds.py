"""The one place where random generators are made: each from what it is for, never from a shared state."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

import numpy as np


def generator(*identity: str | int | float) -> np.random.Generator:
    """Return the generator that belongs to an identity, such as ("split", "dagm/1", 0).

    The same identity gives the same draws on every machine; any difference in it, type included, gives unrelated ones.
    """
    text = json.dumps(identity, default=_plain)
    digest = blake2b(text.encode(), digest_size=16).digest()
    return np.random.default_rng(np.random.SeedSequence(int.from_bytes(digest, "little")))


def _plain(value: Any) -> Any:
    """Let NumPy's scalars stand for the Python numbers that they equal."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"an identity is made of text and numbers, not {type(value).__name__}")
