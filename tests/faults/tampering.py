"""Kinds of damage to result files: bytes that are none of ours, and fields that no run writes."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

Damage = Callable[[Path], object]
MISSING = object()


def bytes_of(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def in_place(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**28 + 1)


FILES: dict[str, Damage] = {
    "empty": lambda path: path.write_bytes(b""),
    "one byte": lambda path: path.write_bytes(b"{"),
    "half": lambda path: bytes_of(path, lambda data: data[: len(data) // 2]),
    "last byte gone": lambda path: bytes_of(path, lambda data: data[:-1]),
    "first byte gone": lambda path: bytes_of(path, lambda data: data[1:]),
    "zeros": lambda path: bytes_of(path, lambda data: bytes(len(data))),
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(3000)),
    "gzip": lambda path: bytes_of(path, gzip.compress),
    "latin-1": lambda path: path.write_bytes(b'{"id": "caf\xe9"}'),
    "a list": lambda path: path.write_bytes(b"[]"),
    "a number": lambda path: path.write_bytes(b"7"),
    "null": lambda path: path.write_bytes(b"null"),
    "a string": lambda path: path.write_bytes(b'"record"'),
    "empty object": lambda path: path.write_bytes(b"{}"),
    "deep": lambda path: path.write_bytes(b"[" * 200_000),
    "deep object": lambda path: path.write_bytes(b'{"cell":' * 100_000),
    "huge number": lambda path: path.write_bytes(b'{"id": ' + b"9" * 10_000 + b"}"),
    "a page": lambda path: path.write_bytes(b"<!DOCTYPE html><title>Log in</title>"),
    "a pickle": lambda path: path.write_bytes(b"\x80\x04\x95\x1f\x00\x00\x00cos\nsystem\n(S'false'\ntR."),
    "twice": lambda path: bytes_of(path, lambda data: data + data),
    "too large": sparse,
    "a folder": lambda path: in_place(path, Path.mkdir),
    "a dangling link": lambda path: in_place(path, lambda at: at.symlink_to("nowhere")),
    "a link to itself": lambda path: in_place(path, lambda at: at.symlink_to(at.name)),
    "a pipe": lambda path: in_place(path, os.mkfifo),
    "a device": lambda path: in_place(path, lambda at: at.symlink_to("/dev/zero")),
}
"""Damage that any result file must not survive."""


def npz(path: Path, **arrays: object) -> None:
    """Write scores again with other arrays; MISSING leaves one out."""
    with np.load(path) as file:
        known: dict[str, Any] = {name: file[name] for name in file.files}
    np.savez_compressed(path, **{name: value for name, value in (known | arrays).items() if value is not MISSING})


def promising(path: Path) -> None:
    """An archive whose array has a header of a terabyte, and nothing behind it."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**5)})
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("logits", "labels", "indices"):
            archive.writestr(f"{name}.npy", header.getvalue())


def objects(path: Path) -> None:
    npz(path, logits=np.array([[{}]], dtype=object))


def flipped(path: Path) -> None:
    with np.load(path) as file:
        logits = file["logits"].copy()
    logits[0] = -logits[0]
    npz(path, logits=logits)


SCORES: dict[str, Damage] = {
    "no logits": lambda path: npz(path, logits=MISSING),
    "no labels": lambda path: npz(path, labels=MISSING),
    "a vector": lambda path: npz(path, logits=np.zeros(200, np.float32)),
    "other rows": lambda path: npz(path, logits=np.zeros((7, 2), np.float32)),
    "another class": lambda path: npz(path, logits=np.zeros((200, 3), np.float32)),
    "NaN": lambda path: npz(path, logits=np.full((200, 2), np.nan, np.float32)),
    "labels of text": lambda path: npz(path, labels=np.full(200, "defect")),
    "labels too large": lambda path: npz(path, labels=np.full(200, 9)),
    "labels below 0": lambda path: npz(path, labels=np.full(200, -1)),
    "logits of text": lambda path: npz(path, logits=np.full((200, 2), "high")),
    "no images": lambda path: npz(path, logits=np.zeros((0, 2)), labels=np.zeros(0, int), indices=np.zeros(0, int)),
    "objects": objects,
    "a terabyte": promising,
    "one logit flipped": flipped,
}


def at(cell: dict[str, Any], key: str) -> tuple[Any, Any]:
    *parents, last = [int(part) if part.isdigit() else part for part in key.split(".")]
    for parent in parents:
        cell = cell[parent]
    return cell, last


def field(key: str, value: object, seal: bool = True) -> Damage:
    """Change one field, or take it out, and give the file the digest of what it holds then."""

    def change(path: Path) -> None:
        content = json.loads(path.read_text())
        inside, last = at(content, key)
        if value is MISSING:
            del inside[last]
        else:
            inside[last] = value
        digest = content.pop("digest")
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        new = blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
        path.write_text(json.dumps(content | {"digest": new if seal else digest}))

    return change


NAN, INF, HUGE = float("nan"), float("inf"), 10**400
VALUES: list[tuple[str, object]] = [
    *((key, MISSING) for key in ("id", "cell", "status", "created", "data", "metrics", "cost")),
    *((f"cell.{key}", MISSING) for key in ("dataset", "level", "method")),
    *((f"metrics.{key}", MISSING) for key in ("accuracy", "recall", "confusion")),
    *((f"data.{key}", MISSING) for key in ("class_names", "counts", "content")),
    *(("id", value) for value in ("", 7, None, "../../etc/passwd", "another")),
    *(("cell", value) for value in ({}, [], None, "x")),
    *(("cell.dataset", value) for value in ("", 7, None, [])),
    *(("cell.level", value) for value in ({}, [], 7, {"protocol": "steep"}, {"protocol": "step"})),
    *(("cell.level.ratio", value) for value in (0.5, NAN, INF, "x", HUGE, 1e300, -3)),
    ("cell.level", {"protocol": "few", "ratio": None, "minority": HUGE}),
    *(("cell.seed", value) for value in ("x", 1.5, HUGE, None, [])),
    *(("cell.method", value) for value in ("", 7, None)),
    *(("cell.label", value) for value in (7, [], {})),
    *(("cell.parameters", value) for value in ([], "x", 7)),
    *(("cell.network", value) for value in ([], "x", {"head": 7})),
    *(("cell.settings", value) for value in ([], "x")),
    *(("cell.settings.budget", value) for value in ([], None, {"steps": "many"}, {"steps": -1}, {"steps": HUGE})),
    *(("cell.settings.backbone", value) for value in ([], {"name": 7}, {"weights": []})),
    *(("status", value) for value in ("running", 7, None, "")),
    *(("metrics.accuracy", value) for value in (NAN, INF, -INF, 2, -1, "high", None, [], HUGE)),
    *(("metrics.mcc", value) for value in (2, NAN)),
    *(("metrics.recall", value) for value in ([], [1.0], [0.5, 0.5, 0.5], [5, 0], ["x", 1], None, 1)),
    *(("metrics.confusion", value) for value in ([], [[1]], [[1, 2], [3]], [[-1, 0], [0, 1]], [[0.5, 1], [1, 1]])),
    *(("metrics.confusion.0.0", value) for value in (HUGE, NAN, None, "x")),
    *(("data.class_names", value) for value in ([], ["one"], "ab", [7, 8], None)),
    *(("data.counts", value) for value in ([], [1, 2, 3], [-1, 5], ["x", 1], [NAN, 1], [HUGE, 1])),
    *(("data.test_counts", value) for value in ([], [1, -2])),
    *(("data.notes", value) for value in ("x", [7], None)),
    *(("cost.seconds", value) for value in ([], {"fit": "x"}, {"fit": NAN}, {"fit": -1}, {"fit": INF}, None)),
    *(("cost.steps", value) for value in (-1, NAN, "x", HUGE)),
    *(("cost.peak_memory_mb", value) for value in (NAN, -1, "x")),
    *(("environment", value) for value in ([], "x", 7, None)),
    *(("created", value) for value in (7, None, [])),
    *(("tuning", value) for value in ([], "x", {"trials": -5}, {"trials": "x"}, {"chosen": []})),
    *(("schema_version", value) for value in (1, 99, "2", None, [])),
    *(("failure", value) for value in ([], "x", {"type": "x"})),
    ("cell.label", "\ud800"),
    ("unheard", 7),
]
RECORDS: dict[str, Damage] = {f"{key} = {str(value)[:20]}": field(key, value) for key, value in VALUES} | {
    "accuracy touched up": field("metrics.accuracy", 0.99, seal=False),
    "another seed": field("cell.seed", 1, seal=False),
}
GRIDS: dict[str, Damage] = {
    f"{key} = {str(value)[:20]}": field(key, value)
    for key, value in [
        *((key, MISSING) for key in ("created", "command", "cells", "missing", "skipped")),
        *(("cells", value) for value in ({}, [7], [{}], None, "x")),
        *(("cells.0.level", value) for value in ({}, {"protocol": "step", "ratio": 0}, 7)),
        *(("cells.0.seed", value) for value in ("x", HUGE, NAN)),
        *(("cells.0.budget", value) for value in (-1, HUGE, "x")),
        *(("skipped", value) for value in ([7], [{}], "x")),
        *(("missing", value) for value in ([], {"a": 7})),
        *(("schema_version", value) for value in (1, 99, None)),
        ("unheard", 7),
    ]
} | {"fewer asked for": field("cells", [], seal=False)}


def kinds() -> Iterator[tuple[str, str, Damage]]:
    """Yield folder, name and damage of every kind."""
    for folder, own in (("cells", RECORDS), ("scores", SCORES), ("grids", GRIDS)):
        for name, damage in (FILES | own).items():
            if not (folder == "scores" and name == "twice"):  # an archive begins at its end
                yield folder, name, damage
