"""Records as a tidy table: one row a cell, every column documented in `COLUMNS`."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.records.store import Record
from datasets import Level

COLUMNS = {
    "id": "identity of the cell: the hash of its specification",
    "folder": "results folder that the record was read from",
    "status": "done or failed",
    "created": "when the record was written (ISO 8601)",
    "dataset": "name of the dataset, such as elpv or dagm/1",
    "protocol": "how the training subset was made imbalanced: step, long-tail, few or natural",
    "ratio": "imbalance ratio asked for; NaN where the protocol is not given by a ratio",
    "minority": "minority images asked for (protocol few); NaN elsewhere",
    "level": "place on the protocol's axis: the ratio, or the minority images; 0 for the natural imbalance",
    "seed": "seed of split, subset, initial weights and batches",
    "method": "registered name of the method",
    "label": "name to show: the method with its non-default parameters",
    "family": "family of the method",
    "parameters": "parameters of the method, as JSON",
    "head": "head of the network, such as pooled or multi-scale",
    "comparison": "as-in-paper or equal-footing; with its steps or backbone where most cells have others",
    "budget": "gradient steps asked for",
    "backbone": "name of the transferred backbone; empty where nothing is transferred",
    "settings": "short hashes of what the methods of one table share: training and data, then backbone and head",
    "spec": "short hash of how the dataset is used: image size, split, parameters",
    "content": "hash of the images and labels; empty where failed",
    "train_hash": "hash of the training subset's indices",
    "test_hash": "hash of the test set's indices",
    "class_names": "names of the classes (list)",
    "counts": "training images per class (list)",
    "notes": "remarks about the data (list)",
    "accuracy": "share of test images classified correctly, 0 to 1 (so are the following unless said)",
    "balanced_accuracy": "mean of the recalls of the classes",
    "macro_f1": "mean of the F1 scores of the classes",
    "g_mean": "geometric mean of the recalls of the classes",
    "mcc": "Matthews correlation coefficient, -1 to 1",
    "roc_auc": "area under the ROC curve (one against rest, mean over classes); NaN where not defined",
    "average_precision": "average precision (mean over classes); NaN where not defined",
    "ece": "expected calibration error; less is better",
    "recall": "recall per class (array)",
    "confusion": "confusion[i, j]: test images of class i predicted as class j (array)",
    "many": "mean recall of the classes with more than 100 training images; NaN where there are none",
    "medium": "mean recall of the classes with 20 to 100 training images; NaN where there are none",
    "few": "mean recall of the classes with less than 20 training images; NaN where there are none",
    "steps": "gradient steps over all members and stages",
    "batch_size": "images per step",
    "seconds_fit": "seconds of training",
    "seconds_predict": "seconds of predicting the test set",
    "seconds_total": "seconds of the whole cell",
    "peak_memory_mb": "peak memory in MB",
    "trials": "trials of tuning, 0 where not tuned",
    "chosen": "parameters chosen by tuning, as JSON; empty where not tuned",
    "error": "type and message of the failure; empty where done",
    "environment": "versions, processor, revision, as JSON",
    "scores_digest": "digest of the stored scores; empty where there are none, or of older records",
}
"""Columns of the frame that `benchmarks.load` returns, and what each holds."""

SCALARS = ("accuracy", "balanced_accuracy", "macro_f1", "g_mean", "mcc", "roc_auc", "average_precision", "ece")
OF_HEADS = ("learning_rate", "weight_decay")
"""Of the optimizer, what a preset may set for each head by itself, beside the network."""
GROUPS = ("many", "medium", "few")
MANY, FEW = 100, 20


def row(record: Record, folder: str) -> dict[str, Any]:
    """Flatten one record into a row of the frame."""
    return {
        "id": record.id,
        "folder": folder,
        "status": record.status,
        "created": record.created,
        **_cell(record.cell),
        **_data(record),
        **_metrics(record),
        **_cost(record),
        "trials": record.tuning["trials"] if record.tuning else 0,
        "chosen": _compact(record.tuning["chosen"]) if record.tuning else "",
        "error": f"{record.failure.type}: {record.failure.message}" if record.failure else "",
        "environment": _compact(record.environment),
        "scores_digest": record.scores_digest,
    }


def to_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Make the frame of some rows, with the columns of `COLUMNS` in their order."""
    return pd.DataFrame(rows, columns=list(COLUMNS))


def shot_recalls(recall: np.ndarray, counts: list[int]) -> dict[str, float]:
    """Return the mean recall of classes with many, medium and few training images; NaN for an empty group."""
    size = np.asarray(counts)
    groups = {"many": size > MANY, "medium": (size >= FEW) & (size <= MANY), "few": size < FEW}
    return {name: float(recall[mask].mean()) if mask.any() else float("nan") for name, mask in groups.items()}


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    level = Level(**cell["level"])
    settings, backbone = cell["settings"], cell["settings"]["backbone"]
    return {
        "dataset": cell["dataset"],
        "protocol": level.protocol,
        "ratio": float("nan") if level.ratio is None else level.ratio,
        "minority": float("nan") if level.minority is None else float(level.minority),
        "level": level.value,
        "seed": cell["seed"],
        "method": cell["method"],
        "label": cell["label"],
        "family": cell["family"],
        "parameters": _compact(cell["parameters"]),
        "head": cell["network"]["head"],
        "comparison": cell["comparison"],
        "budget": settings["budget"]["steps"],
        "backbone": "" if backbone["weights"] == "none" else backbone["name"],
        "settings": " ".join(f"{part.replace(' ', ':')}={short(value)}" for part, value in shared(cell).items()),
        "spec": short(cell.get("data")),
    }


def shared(cell: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what all methods of one table share, in parts: cells agree where the parts that both have agree.

    Steps and the backbone's name are axes of the grid, a preset gives every head a recipe of its own, a backbone
    without weights is what a method from scratch asks for, and a tuned cell stands beside the default one: none of
    these is a different setting.
    """
    settings, network = cell["settings"], cell["network"]
    common = {name: value for name, value in settings.items() if name != "backbone"}
    common["budget"] = {name: value for name, value in common["budget"].items() if name != "steps"}
    rates = {name: value for name, value in common["optimizer"].items() if name in OF_HEADS}
    common["optimizer"] = {name: value for name, value in common["optimizer"].items() if name not in OF_HEADS}
    parts = {"": {**common, "data": cell["data"]}}
    if settings["backbone"]["weights"] != "none":
        parts["backbone"] = {name: value for name, value in settings["backbone"].items() if name != "name"}
    own = {name: value for name, value in network.items() if name != "head"}
    return {**parts, f"head {network['head']}": {**own, **rates}}


def short(value: object) -> str:
    """Return eight hexadecimal digits of a value's hash."""
    return hashlib.sha256(_compact(value).encode()).hexdigest()[:8]


def _data(record: Record) -> dict[str, Any]:
    data = record.data
    return {
        "content": data.content if data else "",
        "train_hash": data.train_hash if data else "",
        "test_hash": data.test_hash if data else "",
        "class_names": data.class_names if data else [],
        "counts": data.counts if data else [],
        "notes": data.notes if data else [],
    }


def _metrics(record: Record) -> dict[str, Any]:
    metrics, data = record.metrics, record.data
    if metrics is None or data is None:
        return {**dict.fromkeys((*SCALARS, *GROUPS), float("nan")), "recall": None, "confusion": None}
    values = {name: getattr(metrics, name) for name in SCALARS}
    recall = np.asarray(metrics.recall, dtype=np.float64)
    # The smallest integers that hold the counts: a hundred classes and ten thousand records must fit in memory.
    confusion = np.asarray(metrics.confusion)
    confusion = confusion.astype(np.min_scalar_type(int(confusion.max(initial=0))))
    numbers = {name: float("nan") if value is None else float(value) for name, value in values.items()}
    return {**numbers, **shot_recalls(recall, data.counts), "recall": recall, "confusion": confusion}


def _cost(record: Record) -> dict[str, Any]:
    cost, nan = record.cost, float("nan")
    seconds = cost.seconds if cost else dict.fromkeys(("fit", "predict", "total"), nan)
    return {
        "steps": float(cost.steps) if cost else nan,
        "batch_size": float(cost.batch_size) if cost else nan,
        "seconds_fit": seconds["fit"],
        "seconds_predict": seconds["predict"],
        "seconds_total": seconds["total"],
        "peak_memory_mb": cost.peak_memory_mb if cost else nan,
    }


def _compact(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
