"""Records as a run would leave them, with results that follow from a few stated numbers; nothing is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records.asked import Asked, Skip
from benchmarks.records.store import Cost, Data, Failure, Metrics, Record, Store
from datasets import Level

METHODS = {
    "cross-entropy": "baseline",
    "oversampling": "resampling",
    "undersampling": "resampling",
    "sqrt-sampling": "resampling",
    "progressive-sampling": "resampling",
    "smote": "resampling",
    "weighted-cross-entropy": "cost-sensitive",
    "class-balanced": "cost-sensitive",
    "focal": "cost-sensitive",
    "class-balanced-focal": "cost-sensitive",
    "ldam-drw": "cost-sensitive",
    "balanced-softmax": "cost-sensitive",
    "logit-adjustment": "cost-sensitive",
    "posthoc-logit-adjustment": "cost-sensitive",
    "cdt": "cost-sensitive",
    "label-aware-smoothing": "cost-sensitive",
    "influence-balanced": "cost-sensitive",
    "crt": "decoupling",
    "lws": "decoupling",
    "tau-norm": "decoupling",
    "ncm": "decoupling",
    "two-phase": "decoupling",
    "under-bagging": "ensemble",
    "balance-cascade": "ensemble",
    "self-paced-ensemble": "ensemble",
    "bbn": "ensemble",
    "imblearn:RUSBoostClassifier": "ensemble",
    "mixup": "synthesis",
    "remix": "synthesis",
    "cgan": "synthesis",
    "multiscale-two-stage": "proposed",
    "multiscale-two-stage-adjusted": "proposed",
    "multiscale-logit-adjustment": "proposed",
    "singlescale-scratch": "proposed",
    "singlescale-two-stage": "proposed",
    "multiscale-scratch": "proposed",
    "multiscale-one-stage": "proposed",
}
RATIOS = (1, 5, 10, 20, 40, 80)


def cell(dataset: str, level: float, seed: int, label: str, protocol: str = "step", **extra: Any) -> dict[str, Any]:
    """Return a cell's specification."""
    return {
        "dataset": dataset,
        "level": asdict(Level.at(protocol, level)),
        "seed": seed,
        "method": label,
        "label": label,
        "family": METHODS.get(label, "cost-sensitive"),
        "parameters": {},
        "network": {"head": "multi-scale" if label.startswith("multiscale") else "single-scale"},
        "settings": {"budget": {"steps": 300, "batch_size": 32}, "backbone": {"name": "tf_efficientnet_lite0"}},
        **extra,
    }


def record(spec: dict[str, Any], accuracy: float | None = 0.9, recall: Sequence[float] | None = None) -> Record:
    """Return a done record with this accuracy (recalls spread around it), or a failed one where it is None."""
    identity = hashlib.sha256(repr(sorted(spec.items(), key=str)).encode()).hexdigest()[:16]
    base: dict[str, Any] = {"id": identity, "cell": spec, "created": "2026-01-01T00:00:00+00:00"}
    base["environment"] = {"python": "3.11", "torch": "2.6", "cpu": "x86_64", "revision": "abc1234"}
    if accuracy is None:
        failure = Failure(type="FloatingPointError", message="the loss became NaN at step 7", traceback="...")
        return Record(**base, status="failed", failure=failure)
    recalls = np.asarray(recall if recall is not None else _recalls(accuracy))
    return Record(
        **base, status="done", data=_data(spec, len(recalls)), metrics=_metrics(accuracy, recalls), cost=_cost(spec)
    )


def asked(
    datasets: Sequence[str] = ("elpv",),
    methods: Sequence[str] = ("focal",),
    ratios: Sequence[float] = RATIOS,
    seeds: Sequence[int] = (0, 1, 2),
    protocols: Sequence[str] = ("step",),
    comparisons: Sequence[str] = ("as-in-paper",),
    skipped: Sequence[Skip] = (),
) -> Asked:
    """Return what a run of such a grid writes: cells once, under their first comparison, and none that is skipped."""
    cut = {(skip.dataset, skip.level) for skip in skipped}
    cells = []
    for dataset, protocol, ratio, seed, comparison, label in product(
        datasets, protocols, ratios, seeds, comparisons, methods
    ):
        spec = cell(dataset, ratio, seed, label, protocol)
        again = spec["family"] == "proposed" and comparison != comparisons[0]
        if (dataset, Level(**spec["level"])) in cut or again:
            continue
        names = ("dataset", "level", "seed", "method", "label", "family")
        settings = {"budget": 300, "backbone": "tf_efficientnet_lite0"}
        identity = f"{dataset}_{protocol}_{ratio}_{seed}_{comparison}_{label}"
        cells.append({"id": identity, "comparison": comparison} | {name: spec[name] for name in names} | settings)
    command = "python -m benchmarks.run --all"
    created = "2026-01-01T00:00:00+00:00"
    return Asked.model_validate(
        {"created": created, "preset": "default", "command": command, "missing": {}, "cells": cells, "skipped": skipped}
    )


def write(folder: Path, records: Iterable[Record], grid: Asked | None = None) -> Path:
    """Write records, and what asked for them, as a run would."""
    store = Store(folder)
    store.prepare()
    for each in records:
        store.write(each)
    if grid is not None:
        store.add_grid(grid)
    return folder


def generate(
    folder: Path,
    datasets: Sequence[str] = ("elpv", "textures", "dagm/1"),
    methods: Sequence[str] = tuple(METHODS),
    ratios: Sequence[float] = RATIOS,
    seeds: Sequence[int] = (0, 1, 2),
    protocols: Sequence[str] = ("step",),
    scores: bool = False,
    classes: int = 2,
) -> Path:
    """Write a whole grid of records: accuracy falls with the log of the ratio, by a slope of each method's own.

    Writes them without fsync, since ten thousand are wanted in seconds.
    """
    store = Store(folder)
    store.prepare()
    rng = np.random.default_rng(0)
    slopes = {name: 0.02 + 0.1 * rng.random() for name in methods} | {
        "multiscale-two-stage": 0.01,
        "cross-entropy": 0.1,
    }
    for dataset, protocol, ratio, seed, label in product(datasets, protocols, ratios, seeds, methods):
        noise = rng.normal(0, 0.008)
        accuracy = float(np.clip(0.97 - slopes[label] * np.log(ratio) + noise, 1 / classes, 1))
        recalls = np.clip(np.linspace(1.0, 2 * accuracy - 1, classes), 0, 1)
        made = record(cell(dataset, ratio, seed, label, protocol), accuracy, recalls)
        (store.cells / f"{made.id}.json").write_text(made.model_dump_json())
        if scores:
            np.savez_compressed(store.scores / f"{made.id}.npz", **_scores(recalls, rng))
    store.add_grid(asked(datasets, methods, ratios, seeds, protocols))
    return folder


def _recalls(accuracy: float) -> list[float]:
    return [min(1.0, 2 * accuracy), max(0.0, 2 * accuracy - 1)] if accuracy >= 0.5 else [2 * accuracy, 0.0]


def _data(spec: dict[str, Any], classes: int) -> Data:
    level = Level(**spec["level"])
    ratio = level.ratio or 400 / (level.minority or 40)
    counts = [int(400 / ratio ** (i / (classes - 1))) for i in range(classes)]
    point = f"{spec['dataset']}-{level.protocol}-{spec['seed']}"
    names = ["functional", "defect"] if classes == 2 else [f"class {i}" for i in range(classes)]
    return Data(
        content="c0ffee",
        train_hash=f"{point}-{ratio}",
        test_hash=point,
        class_names=names,
        counts=counts,
        test_counts=[100] * classes,
    )


def _metrics(accuracy: float, recalls: np.ndarray) -> Metrics:
    classes = len(recalls)
    confusion = np.diag(np.rint(recalls * 100).astype(int))
    for i in range(classes):
        confusion[i, (i + 1) % classes] += 100 - confusion[i, i]
    return Metrics(
        accuracy=accuracy,
        balanced_accuracy=float(recalls.mean()),
        macro_f1=accuracy * 0.99,
        g_mean=float(np.prod(recalls) ** (1 / classes)),
        mcc=2 * accuracy - 1,
        roc_auc=min(1.0, accuracy + 0.03),
        average_precision=min(1.0, accuracy + 0.02),
        ece=(1 - accuracy) / 2,
        recall=recalls.tolist(),
        confusion=confusion.tolist(),
    )


def _cost(spec: dict[str, Any]) -> Cost:
    seconds = 2.0 + len(spec["label"]) / 10
    phases = {"load": 0.1, "fit": seconds, "predict": 0.2, "total": seconds + 0.3}
    return Cost(steps=300, batch_size=32, seconds=phases, peak_memory_mb=512.0)


def _scores(recalls: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    labels = np.repeat(np.arange(len(recalls)), 100)
    logits = rng.normal(size=(len(labels), len(recalls))).astype(np.float32)
    logits[np.arange(len(labels)), labels] += (4 * recalls[labels]).astype(np.float32)
    return {"logits": logits, "labels": labels, "indices": np.arange(len(labels))}
