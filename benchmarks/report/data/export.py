"""All records as one compressed CSV, for other tools and for keeping."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pandas as pd

from benchmarks.report.data.names import safe_in_csv

NESTED = ("class_names", "counts", "notes", "recall", "confusion")


def records_csv(frame: pd.DataFrame) -> bytes:
    """Write the frame of `benchmarks.load` as gzipped CSV; lists and arrays become JSON.

    The folder and the digests of its files, which say nothing elsewhere, are left out. The same frame gives the same
    bytes.
    Before a text that a spreadsheet would run stands an apostrophe.
    """
    flat = frame.drop(columns=["folder", "scores_digest"]).sort_values("id", kind="stable")
    flat = flat.assign(**{name: [_json(value) for value in flat[name]] for name in NESTED})
    names = [name for name in flat.columns if name not in NESTED and flat[name].dtype.kind == "O"]
    flat = flat.assign(**{name: [safe_in_csv(value) for value in flat[name]] for name in names})
    return gzip.compress(flat.to_csv(index=False, lineterminator="\n").encode(), 6, mtime=0)


def _json(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value.tolist() if hasattr(value, "tolist") else value, separators=(",", ":"))
