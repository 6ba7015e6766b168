"""Follow the advice on images that it has not seen, and see what that loses.

`python -m experiments.advice.rehearse OUT SEEDS METHODS [SET ...]` trains the cells of a user's run (`--dataset
folder:OUT/user/SET`, or table:OUT/user/SET/labels.csv where images have groups; preset default, one level) and scores
each on the run's own test images and on the held-out ones; what is done is not done again. `score.py` reads the
accuracy of what is advised off the held-out ones.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score

import datasets
import methods
from benchmarks.grid import plan, presets, rows
from benchmarks.grid.cells import Cell, DataSpec
from benchmarks.running import cell as running
from benchmarks.running.isolation import deterministic
from benchmarks.running.prepare import prepare
from experiments.advice.fresh import FRESH
from experiments.advice.later import LATER
from experiments.advice.sets import SETS, TABLE

CONTROL, FUSION = "cross-entropy", "few-defect-fusion"
ALL = SETS | FRESH | LATER


def measure(out: Path, seeds: list[int], names: list[str], name: str) -> None:
    """Train and score what is missing of one set, by its table where it has one."""
    _, protocol, value = ALL[name]
    level = {"protocols": (protocol,), "ratios": (value or 1,), "minorities": (value,)}
    asked = {"methods": tuple(names), "seeds": tuple(seeds)} | level
    preset = presets.load("default").model_copy(update=asked)
    folder = out.resolve() / "user" / name
    user = f"table:{folder / TABLE}" if (folder / TABLE).is_file() else f"folder:{folder}"
    truth, scores = f"folder:{out.resolve()}/truth/{name}", out / "scores" / name
    listings = [datasets.create(each).listing() for each in (user, truth)]  # type: ignore[attr-defined]
    at = {file.relative_to(listings[1].root / "train"): row for row, file in enumerate(listings[1].files) if _own(file)}
    where = np.array([at[Path(*file.parts[-2:])] for file in listings[0].files])
    held_out = np.flatnonzero(listings[1].official_test)
    for cell in plan.build(preset, [user], cache=out / "cache").cells:
        path = scores / f"{cell.method}_{cell.seed}.npz"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with deterministic(torch.device("cpu")):
                _score(cell, truth, where, held_out, out / "cache", path)


def _own(file: Path) -> bool:
    return file.parts[-3] == "train"


def _score(cell: Cell, truth: str, where: np.ndarray, held_out: np.ndarray, cache: Path, path: Path) -> None:
    """Train one cell; the rows of the user's folder stand at `where` in the folder of all images."""
    prepared = prepare(
        DataSpec(name=truth, size=cell.data.size, settings=cell.data.settings), cell.settings.backbone, cache, "cpu"
    )
    index = datasets.known_index(datasets.create(cell.data.name), cell.data.size, cache)
    chosen = rows.training_rows(cell.data, index, cell.seed, cell.level)
    train = prepared.train_set(where[chosen])
    if index.groups is not None and index.units is not None:
        train = replace(train, groups=torch.from_numpy(index.units[chosen]))
    tested = where[rows.split(cell.data, index, cell.seed).test]
    method = methods.create(cell.method, **cell.parameters)
    method.fit(train, running.make_context(cell, torch.device("cpu"), cache, running.Notes()))
    labels = prepared.imageset.index.labels
    predicted = running.predict(method, prepared, train, np.concatenate([tested, held_out])).argmax(1)
    own = balanced_accuracy_score(labels[tested], predicted[: len(tested)])
    held = balanced_accuracy_score(labels[held_out], predicted[len(tested) :])
    np.savez(path, own=own, held_out=held, counts=train.counts.numpy())


if __name__ == "__main__":
    folder, *rest = sys.argv[1:]
    for chosen in rest[2:] or ALL:
        measure(Path(folder), [int(seed) for seed in rest[0].split(",")], rest[1].split(","), chosen)
