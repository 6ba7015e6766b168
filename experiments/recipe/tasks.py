"""Where candidates are tried: development pools and textures drawn anew, images that no run tests."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import datasets
import methods
from benchmarks.grid import presets as settings
from benchmarks.grid.cells import DataSpec
from benchmarks.running import cell, metrics
from benchmarks.running.isolation import deterministic
from benchmarks.running.prepare import prepare
from benchmarks.running.source_task import SourceTask

VALIDATION_SHARE, VALIDATION_CAP = 0.3, 100
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Task:
    """Images to choose on.

    Attributes:
        dataset: whose.
        size: side of the images in pixels.
        majority: at most so many images of the majority class.
        drawn: parameters of a dataset that is drawn for this alone, and used whole; None: the development pool.
    """

    dataset: str
    size: int
    majority: int
    drawn: dict[str, Any] | None = None


TASKS = {
    "elpv": Task("elpv", 160, 240),
    "tex128": Task("textures", 128, 320),
    "tile2": Task("magnetic_tile/defects", 224, 160),
    "tex256": Task("textures", 256, 320, {"seed": 1, "number": (480, 480)}),
}


@dataclass(frozen=True)
class Candidate:
    """What is compared: a method with its parameters, and settings that differ from the default preset's."""

    method: str
    parameters: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> dict[str, Any]:
        """What a line of the log tells candidates apart by."""
        return {"method": self.method, "parameters": self.parameters, "settings": self.settings}


@dataclass(frozen=True)
class Point:
    """Where a candidate is tried: a key of `TASKS`, the imbalance ratio, and the seed of split and training."""

    task: str
    ratio: float
    seed: int


def evaluate(candidate: Candidate, point: Point, cache: Path) -> dict[str, Any] | None:
    """Train and score a candidate; returns a line of the log, or None where the data cannot give the ratio."""
    task = TASKS[point.task]
    preset = settings.load("default", [f"{key}={value}" for key, value in candidate.settings.items()])
    chosen = preset.dataset_settings(task.dataset)
    chosen = chosen.model_copy(update={"parameters": chosen.parameters | (task.drawn or {})})
    spec, backbone = DataSpec(name=task.dataset, size=task.size, settings=chosen), preset.backbone_for(chosen)
    prepared = prepare(spec, backbone, cache, "cpu")
    try:
        rows, tested = _rows(point, prepared.imageset.index)
    except datasets.UnsupportedRatio:
        return None
    train, method = prepared.train_set(rows), methods.create(candidate.method, **candidate.parameters)
    source_task = SourceTask(spec, backbone, point.seed, cache, CPU)
    head = method.required_head() or preset.network.head
    context = methods.Context(
        seed=f"choose/{point.task}/{point.ratio:g}/{point.seed}",
        device=CPU,
        budget=preset.budget,
        optimizer=preset.optimizer_for(head),
        augmentation=preset.augmentation,
        network=preset.network_for(head),
        source_data=source_task.load,
        shared=source_task.learnt,
    )
    began = time.process_time()
    with deterministic(CPU):
        method.fit(train, context)
        seconds = time.process_time() - began
        logits = cell.predict(method, prepared, train, tested)
    scores = metrics.compute(logits, prepared.imageset.index.labels[tested])
    return candidate.key | {
        "dataset": point.task,
        "level": point.ratio,
        "seed": point.seed,
        "train": train.counts.tolist(),
        "accuracy": round(scores.balanced_accuracy, 4),
        "auroc": None if scores.roc_auc is None else round(scores.roc_auc, 4),
        "seconds": round(seconds, 2),
    }


def _rows(point: Point, index: datasets.Index) -> tuple[np.ndarray, np.ndarray]:
    """Return what is trained on and what is tested, of the pool or of images drawn for this.

    Raises:
        UnsupportedRatio: there are too few images.
    """
    task = TASKS[point.task]
    if task.drawn is not None:
        index = replace(index, development_share=0.0)
    split = functools.partial(datasets.split, test_fraction=VALIDATION_SHARE, test_cap=VALIDATION_CAP)
    parts = split(index, point.seed, development=task.drawn is None)
    majority = min(task.majority, int(np.bincount(index.labels[parts.train]).min()))
    level = datasets.Level("step", ratio=point.ratio)
    rows = datasets.subset(index.labels, parts.train, level, point.seed, majority=majority, dataset=task.dataset)
    return rows, parts.test
