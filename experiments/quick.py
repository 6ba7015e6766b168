"""Judge a quick run by a thorough one: `python -m experiments.quick [RECORDS THOROUGH]`.

By default a run of the preset `default` on what comes with packages, kept in quick.csv.gz (its folder's records.csv.gz,
the columns needed here), by the reference.
Where both have a dataset: Kendall's tau between the methods' mean accuracies, and what the quick run's advice loses by
the thorough run's means, against the best there (picked after the fact, its luck included).
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
from scipy.stats import kendalltau
from tabulate import tabulate

from benchmarks.report.advice.decision import best_at, by_level
from benchmarks.report.advice.model import Estimator, measured_everywhere
from benchmarks.report.advice.places import Place, places
from benchmarks.report.advice.reference import NEEDED, REFERENCE, experience
from benchmarks.report.data.points import comparable

LEVEL = ["dataset", "ratio"]


def read(path: Path) -> pd.DataFrame:
    """Return the finished cells of the step protocol as the comparison has them, of a file of records."""
    frame = comparable(pd.read_csv(path, usecols=[*NEEDED, "ratio", "balanced_accuracy"]))
    done = (frame["status"] == "done") & (frame["protocol"] == "step") & (frame["comparison"] == "as-in-paper")
    return frame[done]


def judge(quick: pd.DataFrame, thorough: pd.DataFrame, estimator: Estimator) -> pd.DataFrame:
    """Return, by dataset and level, tau and the points lost by what the quick run says."""
    truth = thorough.pivot_table(index=LEVEL, columns="label", values="balanced_accuracy") * 100
    rows = []
    for name, mine in _by_dataset(places(quick, "accuracy")).items():
        known: pd.DataFrame = truth.loc[[name]].droplevel("dataset")
        allowed = measured_everywhere(mine).intersection(known.dropna(axis="columns").columns)
        mine = [replace(place, values=place.values.loc[allowed]) for place in mine]
        found = estimator.posterior(mine, draw=False)
        picks, whole = by_level(found, allowed), best_at(found, range(len(mine)), allowed)
        for place, label in zip(mine, picks, strict=True):
            at, seen = known.loc[place.level].loc[allowed], place.values.mean(axis="columns")
            rows.append(
                {
                    "dataset": name,
                    "IR": place.level,
                    "methods": len(allowed),
                    "tau": kendalltau(seen, at).statistic,
                    "advised": label,
                    "lost": at.max() - at[label],
                    "by one method for all levels": at.max() - at[whole],
                    "by the best mean": at.max() - at[str(seen.idxmax())],
                    "by cross-entropy": at.max() - at["cross-entropy"],
                }
            )
    return pd.DataFrame(rows)


def _by_dataset(found: list[Place]) -> dict[str, list[Place]]:
    groups: dict[str, list[Place]] = {}
    for place in found:
        if not place.balanced:
            groups.setdefault(place.dataset, []).append(place)
    return groups


if __name__ == "__main__":
    judged, by = (read(Path(path)) for path in sys.argv[1:3] or (Path(__file__).with_name("quick.csv.gz"), REFERENCE))
    table = judge(judged, by, Estimator(experience("accuracy")))
    print(tabulate(table.to_dict("list"), headers="keys", showindex=False, floatfmt=".2f"))  # noqa: T201 - this is its output
    print(table.mean(numeric_only=True).round(2).to_string())  # noqa: T201
