"""Follow the advice on images that it has not seen, and see what that loses.

`python -m experiments.advice.rehearse OUT SEEDS METHODS [SET ...]` trains the cells of a user's run (`--dataset
folder:OUT/user/SET`, preset default, one level) and scores each on the run's own test images and on the held-out ones;
what is done is not done again. `python -m experiments.advice.rehearse OUT` then makes the advice from every three
seeds' own tests, and reads its method's accuracy off the held-out images, beside what simpler and mixed rules would
choose.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import balanced_accuracy_score

import datasets
import methods
from benchmarks.grid import plan, presets, rows
from benchmarks.grid.cells import Cell, DataSpec
from benchmarks.report.advice.decision import best_at
from benchmarks.report.advice.model import Estimator, run_variance
from benchmarks.report.advice.places import POINTS, Place
from benchmarks.report.advice.reference import experience
from benchmarks.running import cell as running
from benchmarks.running.isolation import deterministic
from benchmarks.running.prepare import prepare
from experiments.advice.fresh import FRESH
from experiments.advice.sets import SETS

CONTROL, FUSION = "cross-entropy", "few-defect-fusion"
ALL = SETS | FRESH
CANDIDATES = 5
"""So many of the best by other datasets alone are candidates of one rule."""


def measure(out: Path, seeds: list[int], names: list[str], name: str, table: Path | None = None) -> None:
    """Train and score what is missing of one set, or of a table of its images with groups."""
    _, protocol, value = ALL[name]
    level = {"protocols": (protocol,), "ratios": (value or 1,), "minorities": (value,)}
    asked = {"methods": tuple(names), "seeds": tuple(seeds)} | level
    preset = presets.load("default").model_copy(update=asked)
    folder, truth = (f"folder:{out.resolve()}/{part}/{name}" for part in ("user", "truth"))
    user = f"table:{table.resolve()}" if table else folder
    scores = (table.parents[2] if table else out) / "scores" / name
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


def score(out: Path) -> pd.DataFrame:
    """Return, per set, the points lost by the advice and by simpler rules, and what was best."""
    estimator = Estimator(experience("accuracy"))
    return pd.DataFrame(
        {
            folder.name: _regret(folder, estimator)
            for folder in sorted((out / "scores").iterdir())
            if len(list(folder.glob(f"{FUSION}_*"))) and len(list(folder.glob(f"{CONTROL}_*")))
        }
    ).transpose()


def _regret(folder: Path, estimator: Estimator) -> pd.Series:
    read = {tuple(file.stem.rsplit("_", 1)): np.load(file) for file in folder.glob("*.npz")}
    own, held = (pd.Series({key: float(each[k]) for key, each in read.items()}).unstack() for k in ("own", "held_out"))
    own = own.loc[:, own.loc[[CONTROL, FUSION]].notna().all()].dropna() * POINTS
    held = held.loc[own.index, own.columns] * POINTS
    counts = next(iter(read.values()))["counts"]
    _, protocol, level = ALL[folder.name]
    truth, lost = held.mean(axis=1), []
    for seeds in itertools.combinations(own.columns, min(3, own.shape[1])):
        seen = own[list(seeds)]
        place = Place(f"folder:{folder}", protocol, float(level), counts.max() / max(counts.min(), 0.5), seen)
        picks = _picks(place, estimator)
        lost.append({rule: truth.max() - truth[label] for rule, label in picks.items()})
    about = {"methods": len(truth), "seeds": own.shape[1], "best": truth.idxmax(), "of it": truth.max()}
    about |= {"advised": picks["advice"], "luck of the best": round(_luck(held), 2)}
    result: pd.Series = pd.concat([pd.DataFrame(lost).mean().round(2), pd.Series(about)])
    return result


def _picks(place: Place, estimator: Estimator) -> dict[str, str]:
    """Return what each rule chooses; the mixed ones were fixed before the sets of `fresh.py` were made."""
    names, seen = place.measured, place.values
    found, before = (estimator.posterior([place], use_mine, draw=False) for use_mine in (True, False))
    mean, prior = (pd.Series(each.mean[:, 0], index=each.methods)[names] for each in (found, before))
    own = seen.mean(axis=1)
    noise = np.sqrt(2 * run_variance(seen.to_numpy(float))[1] / seen.shape[1])
    return {
        "advice": best_at(found, [0], names),
        "best mean": str(own.idxmax()),
        "prior alone": best_at(before, [0], names),
        f"always {FUSION}": FUSION,
        f"always {CONTROL}": CONTROL,
        "advice among the best within noise": str(mean[own >= own.max() - noise].idxmax()),
        "advice and half the own effect": str((mean + (own - own.median()) / 2).idxmax()),
        f"advice among the prior's {CANDIDATES}": str(mean[prior.nlargest(CANDIDATES).index].idxmax()),
    }


def _luck(held: pd.DataFrame) -> float:
    """Return by how much the best lies above what the other seeds' held-out accuracies call best."""
    if held.shape[1] < 2:
        return float("nan")
    other = [held.at[held.drop(columns=seed).mean(axis=1).idxmax(), seed] for seed in held.columns]
    return float(held.mean(axis=1).max() - pd.Series(other, dtype=float).mean())


if __name__ == "__main__":
    folder, *rest = sys.argv[1:]
    if not rest:
        print(score(Path(folder)).to_string())  # noqa: T201 - this is its output
    else:
        for chosen in rest[2:] or ALL:
            measure(Path(folder), [int(seed) for seed in rest[0].split(",")], rest[1].split(","), chosen)
