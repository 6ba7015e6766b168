"""Choose the proposed method's defaults: `python -m benchmarks.choose`.

Candidates are compared on validation parts alone, cut from the train pools of `textures`, `elpv` and `magnetic_tile`
before anything is made imbalanced; no test image takes part, and `dagm` takes no part at all.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from tabulate import tabulate

import datasets
import methods
from benchmarks import cell, plan, settings
from benchmarks.prepare import Prepared, prepare
from benchmarks.settings import DatasetSettings, Preset

METHOD = "multiscale-two-stage"
DATASETS = {"textures": 300, "elpv": 400, "magnetic_tile": None}
"""Where to choose, and the images of each majority class there (None: all there are)."""
VALIDATION_SHARE, VALIDATION_CAP = 0.3, 100


def candidates() -> Iterator[dict[str, Any]]:
    """Yield what is compared: sampling that changes between the stages, share and step size of the second."""
    for (first, second), (share, rate), compensate in itertools.product(
        [(1.0, 0.0), (0.0, 1.0), (0.5, 1.0), (1.0, 0.5)], [(0.3, 0.3), (0.5, 0.5), (0.7, 0.7)], [False, True]
    ):
        yield {
            "first_exponent": first,
            "second_exponent": second,
            "second_share": share,
            "second_rate": rate,
            "compensate": compensate,
        }


def cut(index: datasets.Index, pool: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut a class-balanced validation part from a train pool, as the test set was cut from the whole.

    Returns:
        (rest, validation), int64 rows.
    """
    part = replace(
        index,
        labels=index.labels[pool],
        groups=None if index.groups is None else index.groups[pool],
        official_test=None,
        dataset=f"{index.dataset}/validation",
    )
    parts = datasets.split(part, seed, test_fraction=VALIDATION_SHARE, test_cap=VALIDATION_CAP)
    return pool[parts.train], pool[parts.test]


def evaluate(
    parameters: dict[str, Any], preset: Preset, name: str, ratio: float, seed: int, cache: Path
) -> float | None:
    """Return the accuracy on the validation part, or None where the pool cannot give the ratio."""
    chosen = DatasetSettings(majority=DATASETS[name])
    size = preset.dataset_settings(name).size or datasets.create(name).size
    spec = plan.DataSpec(name=name, size=size, settings=chosen)
    prepared = prepare(spec, preset.backbone, cache, "cpu")
    index = prepared.imageset.index
    rest, validation = cut(index, plan.split(spec, index, seed).train, seed)
    try:
        rows = datasets.subset(
            index.labels, rest, "step", seed, ratio=ratio, majority=chosen.majority, dataset=f"{name}/validation"
        )
    except datasets.UnsupportedRatio:
        return None
    return _accuracy(parameters, preset, prepared, rows, validation, f"choose/{name}/{ratio}/{seed}")


def _accuracy(
    parameters: dict[str, Any], preset: Preset, prepared: Prepared, rows: np.ndarray, validation: np.ndarray, seed: str
) -> float:
    method = methods.create(METHOD, **parameters)
    context = methods.Context(
        seed=seed,
        device=torch.device("cpu"),
        budget=preset.budget,
        optimizer=preset.optimizer,
        augmentation=preset.augmentation,
        network=preset.network,
    )
    train = prepared.train_set(rows)
    with cell.deterministic(context.device):
        method.fit(train, context)
        logits = cell.predict(method, prepared, train, validation)
    return float((logits.argmax(1) == prepared.imageset.labels[validation]).mean())


def main() -> int:
    """Compare all candidates and print them, best first."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.choose", description=__doc__)
    parser.add_argument("--ratio", action="append", type=float, help="repeatable; default: 10, 20, 80")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=datasets.cache_root())
    options = parser.parse_args()
    console, preset = Console(), settings.load("default")
    available = [name for name in DATASETS if datasets.availability(datasets.create(name)) is None]
    points = list(itertools.product(available, options.ratio or [10.0, 20.0, 80.0]))
    rows = []
    for parameters in candidates():
        means = []
        for name, ratio in points:
            found = [evaluate(parameters, preset, name, ratio, seed, options.cache) for seed in range(options.seeds)]
            means.append(statistics.fmean([f for f in found if f is not None]) if None not in found else None)
        rows.append([*parameters.values(), *means, statistics.fmean([m for m in means if m is not None])])
        console.print(f"{len(rows)} candidates compared: {parameters} {rows[-1][-1]:.3f}", highlight=False)
    rows.sort(key=lambda row: -row[-1])
    head = [*next(candidates()), *(f"{name} IR {ratio:g}" for name, ratio in points), "mean"]
    console.print(tabulate(rows, head, tablefmt="github", floatfmt=".3f"), soft_wrap=True, markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
