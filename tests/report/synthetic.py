"""Results folders as a run leaves them: its own cells, grids and writers around results that follow from a few numbers.

Nothing is trained and no image is read; what a record says of the data and the outcome is made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import methods
from benchmarks.commands.request import Request
from benchmarks.grid import presets
from benchmarks.grid.cells import Cell, DataSpec, Training
from benchmarks.grid.plan import TUNED, Grid
from benchmarks.grid.presets import Comparison
from benchmarks.records.asked import Asked, Skip
from benchmarks.records.store import Cost, Data, Failure, Metrics, Record, Store
from benchmarks.running.environment import describe
from benchmarks.running.planning import Plan
from datasets import Level

METHODS = (
    "cross-entropy",
    "oversampling",
    "undersampling",
    "sqrt-sampling",
    "progressive-sampling",
    "smote",
    "weighted-cross-entropy",
    "class-balanced",
    "focal",
    "class-balanced-focal",
    "ldam-drw",
    "logit-adjustment",
    "posthoc-logit-adjustment",
    "cdt",
    "label-aware-smoothing",
    "influence-balanced",
    "crt",
    "lws",
    "tau-norm",
    "ncm",
    "two-phase",
    "under-bagging",
    "balance-cascade",
    "self-paced-ensemble",
    "bbn",
    "imblearn:RUSBoostClassifier",
    "mixup",
    "remix",
    "cgan",
    "multiscale-two-stage",
    "multiscale-two-stage-adjusted",
    "multiscale-logit-adjustment",
    "singlescale-scratch",
    "singlescale-two-stage",
    "multiscale-scratch",
    "multiscale-one-stage",
)
RATIOS = (1, 5, 10, 20, 40, 80)
CREATED = "2026-01-01T00:00:00+00:00"


def cells(
    datasets: Sequence[str],
    names: Sequence[str],
    ratios: Sequence[float] = RATIOS,
    seeds: Sequence[int] = (0, 1, 2),
    protocols: Sequence[str] = ("step",),
    comparisons: Sequence[Comparison] = ("as-in-paper",),
) -> list[Cell]:
    """Return the cells of a run with the settings of the preset `default`, each once; the datasets need not be there.

    `ratios` are numbers of minority images where the protocol is `few`.
    """
    axes = product(datasets, protocols, ratios, seeds, comparisons, names)
    found: dict[str, Cell] = {}
    for dataset, protocol, ratio, seed, comparison, name in axes:
        made = cell(dataset, ratio, seed, name, protocol, comparison)
        found.setdefault(made.id, made)
    return list(found.values())


def cell(
    dataset: str,
    level: float,
    seed: int,
    name: str,
    protocol: str = "step",
    comparison: Comparison = "as-in-paper",
    *settings: str,
    tune: int = 0,
    label: str = "",
) -> Cell:
    """Return one cell of a run; `settings` are overrides such as `budget.batch_size=8`."""
    method, head, parameters = _method(name, comparison, dataset)
    preset = _preset(settings)
    return Cell(
        dataset=dataset,
        data=DataSpec(name=dataset, size=128, settings=preset.dataset_settings(dataset)),
        level=Level.at(protocol, level),
        seed=seed,
        method=methods.canonical(name),
        label=label or methods.canonical(name) + (TUNED if tune else ""),
        family=method.family,
        parameters=parameters,
        network=preset.network.model_copy(update={"head": head or preset.network.head}),
        comparison=comparison,
        settings=Training(
            budget=preset.budget,
            optimizer=preset.optimizer,
            augmentation=preset.augmentation,
            backbone=preset.scratch if method.from_scratch else preset.backbone,
        ),
        tune=tune,
    )


@cache
def _preset(settings: tuple[str, ...]) -> presets.Preset:
    return presets.load("default", ["budget.steps=300", *settings])


@cache
def _method(name: str, comparison: Comparison, dataset: str) -> tuple[methods.Method, str | None, dict[str, Any]]:
    """Return a method, the head that it needs there, and its parameters with the one source that it transfers from."""
    method, equal = methods.create(name), comparison == "equal-footing"
    if sources := [source for source in method.source_datasets() if source != dataset]:
        method = method.transfer_from(() if equal else tuple(sources[:1]))
    return method, method.required_head() or ("multi-scale" if equal else None), method.model_dump(mode="json")


def record(cell: Cell, accuracy: float | None = 0.9, recall: Sequence[float] | None = None) -> Record:
    """Return a done record with this accuracy (recalls spread around it), or a failed one where it is None."""
    made = Record(
        id=cell.id, cell=cell.model_dump(mode="json"), status="failed", environment=_environment(), created=CREATED
    )
    if accuracy is None:
        failure = Failure(type="FloatingPointError", message="the loss became NaN at step 7", traceback="...")
        return made.model_copy(update={"failure": failure})
    recalls = np.asarray(recall if recall is not None else _recalls(accuracy))
    parts = {"data": _data(cell, len(recalls)), "metrics": _metrics(accuracy, recalls), "cost": _cost(cell)}
    tuning = {"trials": cell.tune, "chosen": {}} if cell.tune else None
    return made.model_copy(update={"status": "done", "tuning": tuning, **parts})


def asked(cells: Iterable[Cell], skipped: Sequence[Skip] = ()) -> Asked:
    """Return what a run of these cells writes of itself; it has none at a point that is skipped."""
    cut = {(skip.dataset, skip.level) for skip in skipped}
    kept = [cell for cell in cells if (cell.dataset, cell.level) not in cut]
    request = Request(results=Path("results"), command="python -m benchmarks.run --all")
    grid = Grid(list({cell.dataset: cell.data for cell in kept}.values()), kept, list(skipped))
    planned = Plan(request, _preset(()), {}, grid, Store(request.results), {})
    return planned.asked().model_copy(update={"created": CREATED})


def write(folder: Path, records: Iterable[Record], grid: Asked | None = None, scores: bool = False) -> Path:
    """Write records as a run does, and what asked for them: by default, a run of these alone."""
    store, rng = Store(folder), np.random.default_rng(0)
    made = list(records)
    with _without_fsync():
        store.prepare()
        store.add_grid(grid or asked(Cell.model_validate(record.cell) for record in made))
        for each in made:
            drawn = _scores(np.asarray(each.metrics.recall), rng) if scores and each.metrics else None
            store.write(each, drawn)
    return folder


def generate(
    folder: Path,
    datasets: Sequence[str] = ("elpv", "textures", "dagm/1"),
    names: Sequence[str] = METHODS,
    ratios: Sequence[float] = RATIOS,
    seeds: Sequence[int] = (0, 1, 2),
    protocols: Sequence[str] = ("step",),
    scores: bool = False,
    classes: int = 2,
) -> Path:
    """Write a whole grid of records: accuracy falls with the log of the ratio, by a slope of each method's own."""
    rng = np.random.default_rng(0)
    slopes = {methods.canonical(name): 0.02 + 0.1 * rng.random() for name in names} | {
        "multiscale-two-stage": 0.01,
        "cross-entropy": 0.1,
    }

    def made(cell: Cell) -> Record:
        fall = slopes[cell.method] * np.log(cell.level.value) - rng.normal(0, 0.008)
        accuracy = float(np.clip(0.97 - fall, 1 / classes, 1))
        return record(cell, accuracy, np.clip(np.linspace(1.0, 2 * accuracy - 1, classes), 0, 1))

    planned = cells(datasets, names, ratios, seeds, protocols)
    return write(folder, map(made, planned), asked(planned), scores)


@contextmanager
def _without_fsync() -> Iterator[None]:
    """Thousands of files are wanted in seconds; no power is cut here."""
    with patch("os.fsync"):
        yield


def _environment() -> dict[str, Any]:
    return describe("cpu") | {"device": "cpu"}


def _recalls(accuracy: float) -> list[float]:
    return [min(1.0, 2 * accuracy), max(0.0, 2 * accuracy - 1)] if accuracy >= 0.5 else [2 * accuracy, 0.0]


def _data(cell: Cell, classes: int) -> Data:
    level = cell.level
    ratio = level.ratio or 400 / (level.minority or 40)
    counts = [int(400 / ratio ** (i / (classes - 1))) for i in range(classes)]
    point = f"{cell.dataset}-{level.protocol}-{cell.seed}"
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


def _cost(cell: Cell) -> Cost:
    seconds = 2.0 + len(cell.label) / 10
    phases = {"load": 0.1, "fit": seconds, "predict": 0.2, "total": seconds + 0.3}
    return Cost(
        steps=cell.settings.budget.steps,
        batch_size=cell.settings.budget.batch_size,
        seconds=phases,
        peak_memory_mb=512.0,
    )


def _scores(recalls: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    labels = np.repeat(np.arange(len(recalls)), 100)
    logits = rng.normal(size=(len(labels), len(recalls))).astype(np.float32)
    logits[np.arange(len(labels)), labels] += (4 * recalls[labels]).astype(np.float32)
    return {"logits": logits, "labels": labels, "indices": np.arange(len(labels))}
