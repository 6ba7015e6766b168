"""The scores of a cell as a file: logits, labels and places of its test images."""

from __future__ import annotations

import io
from hashlib import blake2b
from pathlib import Path

import numpy as np

from benchmarks.records.files import Damaged, read_bytes, write_atomic

Scores = dict[str, np.ndarray]


def write_scores(path: Path, scores: Scores) -> str:
    """Write scores, compressed; return their digest."""
    write_atomic(path, lambda file: np.savez_compressed(file, **scores))  # type: ignore[arg-type]
    return digest(scores)


def read_scores(path: Path, expected: str = "") -> Scores:
    """Return logits (M, C), labels (M,), indices (M,) of the test images of one cell.

    Args:
        path: of the file.
        expected: digest that they should have; empty where it is not known.

    Raises:
        Damaged: they cannot be read, or are not scores, or others.
    """
    data = read_bytes(path)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            scores = {key: np.asarray(file[key]) for key in ("logits", "labels", "indices")}
    except Exception as error:  # whatever NumPy and zipfile make of damaged bytes
        raise Damaged(path, str(error) or type(error).__name__) from error
    if (reason := _wrong(scores)) or (expected and digest(scores) != expected):
        raise Damaged(path, reason or "not the scores that belong to its record")
    return scores


def digest(scores: Scores) -> str:
    """Return a hex digest of scores: names, types, shapes and values."""
    found = blake2b(digest_size=16)
    for name in sorted(scores):
        values = np.ascontiguousarray(scores[name])
        found.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
        found.update(values.tobytes())
    return found.hexdigest()


def _wrong(scores: Scores) -> str:
    """Say why arrays are no scores; nothing where they are."""
    logits, labels, indices = (scores[name] for name in ("logits", "labels", "indices"))
    if logits.ndim != 2 or logits.dtype.kind != "f" or not logits.size:
        return f"logits are {logits.dtype} {logits.shape}"
    for name, values in (("labels", labels), ("indices", indices)):
        if values.shape != logits.shape[:1] or values.dtype.kind not in "iu":
            return f"{name} are {values.dtype} {values.shape} beside logits {logits.shape}"
    if not np.isfinite(logits).all():
        return "logits that are not finite"
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        return f"labels from {labels.min()} to {labels.max()} beside {logits.shape[1]} classes"
    return ""
