"""How the advice does on image sets that are no part of the benchmark, each judged by held-out images.

`python -m experiments.advice.score` reads results/elsewhere/records.csv.gz, which comes with the suite: every set's
cells, with the accuracy on the run's own test images and on the held-out ones. The advice on a set is made from the
first and from everything else that comes with the suite, never from runs on its own images; what is lost is read off
the second. `python -m experiments.advice.score OUT [OUT ...]` writes that file first, from what
`experiments.advice.rehearse` trained.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.report.advice.decision import MARGIN, advise, best_at
from benchmarks.report.advice.model import Estimator
from benchmarks.report.advice.places import Place, places
from benchmarks.report.advice.reference import ELSEWHERE, REFERENCE, experience
from benchmarks.report.data.names import AS_IN_PAPER
from experiments.advice.rehearse import ALL, CONTROL, FUSION

COMMON = (
    CONTROL,
    "oversampling",
    "undersampling",
    "weighted-cross-entropy",
    "focal",
    "under-bagging",
    "logit-adjustment",
)
"""What many a user would try, and nothing else."""
GROUPED = "/grouped"
"""Ends the name of a set that was run again with groups."""


def gather(outs: Iterable[Path]) -> pd.DataFrame:
    """Return the cells below some folders of `rehearse.py` as records; a run with groups is a part of its set."""
    rows = []
    for out in outs:
        for path in sorted(out.glob("scores/*/*.npz")):
            name, (method, seed) = path.parent.name, path.stem.rsplit("_", 1)
            read = np.load(path)
            row: dict[str, object] = {"status": "done", "comparison": AS_IN_PAPER, "dataset": _named(name, out)}
            row |= {"protocol": ALL[name][1], "level": float(ALL[name][2]), "label": method, "seed": int(seed)}
            row |= {"counts": json.dumps(read["counts"].tolist()), "balanced_accuracy": float(read["own"])}
            rows.append(row | {"held_out": float(read["held_out"])})
    return pd.DataFrame(rows)


def _named(name: str, out: Path) -> str:
    return f"elsewhere/{name}" + (GROUPED if out.name == GROUPED[1:] else "")


def score(
    records: pd.DataFrame, methods: Collection[str] = (), without: Collection[str] = (), seeds: int = 3
) -> pd.DataFrame:
    """Return, per set, the points lost by the advice and by simpler rules, means over all choices of so many seeds.

    Args:
        records: as `gather` returns them.
        methods: that the user ran, all by default.
        without: methods that the user did not run.
        seeds: that the advice is made from.
    """
    sets = places(records, "accuracy")
    held = places(records.assign(balanced_accuracy=records["held_out"]), "accuracy")
    estimator = Estimator([*experience("accuracy", (REFERENCE,)), *sets])
    rows = {}
    for own, truth in zip(sets, held, strict=True):
        names = [n for n in own.complete if n not in without and (not methods or n in methods)]
        rows[own.dataset.removeprefix("elsewhere/")] = _lost(own, truth.values.loc[names], estimator, seeds)
    return pd.DataFrame(rows).transpose().infer_objects()


def _lost(own: Place, held: pd.DataFrame, estimator: Estimator, size: int) -> dict[str, object]:
    truth, lost = held.mean(axis="columns"), []
    for seeds in itertools.combinations(held.columns, min(size, held.shape[1])):
        seen = Place(own.dataset, own.protocol, own.level, own.counts, own.values.loc[held.index, list(seeds)])
        advice = advise([seen], estimator, CONTROL)
        assert advice is not None
        label = advice.choice.label
        picks = {
            "advice": label,
            "best mean": str(seen.values.mean(axis="columns").idxmax()),
            "other datasets alone": best_at(estimator.posterior([seen], False, draw=False), [0], held.index),
            f"always {FUSION}": FUSION,
            f"always {CONTROL}": CONTROL,
        }
        row = {rule: truth.max() - truth.get(pick, np.nan) for rule, pick in picks.items()}
        chance = {"said within": advice.choice.within, "was within": float(row["advice"] <= MARGIN)}
        lost.append(row | {"expected": advice.choice.shortfall} | chance)
    means = pd.DataFrame(lost).mean().to_dict()
    return means | {"luck": _luck(held), "advised": label, "best": truth.idxmax(), "of it": truth.max()}


def _luck(held: pd.DataFrame) -> float:
    """Return by how much the best lies above what the other seeds' held-out accuracies call best."""
    if held.shape[1] < 2:
        return float("nan")
    other = [held.at[held.drop(columns=seed).mean(axis=1).idxmax(), seed] for seed in held.columns]
    return float(held.mean(axis=1).max() - pd.Series(other, dtype=float).mean())


def report(records: pd.DataFrame) -> str:
    """Return the scores as text: set by set, then means and worst for what a user may have run."""
    asked: dict[str, dict[str, Collection[str]]] = {
        "all": {},
        f"all but {FUSION}": {"without": (FUSION,)},
        "common": {"methods": COMMON},
    }
    whole, rows = score(records), []
    for name, chosen in asked.items():
        for seeds in (1, 2, 3):
            table = whole if not chosen and seeds == 3 else score(records, seeds=seeds, **chosen)
            numbers = table[~table.index.str.endswith(GROUPED)].select_dtypes("number")  # a set counts once
            worst = {f"worst {rule}": numbers[rule].max() for rule in ("advice", "best mean")}
            rows.append({"methods": name, "seeds": seeds} | numbers.mean().to_dict() | worst)
    return "\n\n".join(
        table.round(2).to_string() for table in (whole, pd.DataFrame(rows).set_index(["methods", "seeds"]))
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        found = gather(map(Path, sys.argv[1:])).sort_values(["dataset", "label", "seed"])
        ELSEWHERE.parent.mkdir(parents=True, exist_ok=True)
        found.to_csv(ELSEWHERE, index=False, compression={"method": "gzip", "mtime": 0}, lineterminator="\n")
    print(report(pd.read_csv(ELSEWHERE)))  # noqa: T201 - this is its output
