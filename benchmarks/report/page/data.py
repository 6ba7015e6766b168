"""What the page's table and curves are drawn from, as JSON that is safe inside HTML."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from scipy import stats

from benchmarks.report.data.loading import Collection
from benchmarks.report.data.names import FUSION, METRICS, PROPOSED, comparison_title, dataset_title, family_order
from benchmarks.report.data.points import skipped
from benchmarks.report.data.words import dataset_name, method_title, protocol_title
from benchmarks.report.figures.style import FUSION_LOOK, PALETTE
from benchmarks.report.statistics.decimals import of_points
from datasets import PROTOCOLS

DIGITS = 8
T95_UP_TO = 50


def page_data(table: pd.DataFrame, collection: Collection, metric: str, control: str) -> str:
    """Pack the points into JSON: names once, each point as a list of indices and numbers.

    `<` and the two line ends that JavaScript once refused are escaped, so that no text of a record can end the script.
    """
    axes = {name: list(dict.fromkeys(table[name])) for name in ("comparison", "dataset", "protocol", "label", "family")}
    axes["family"].sort(key=family_order)
    axes["protocol"].sort(key=PROTOCOLS.index)
    data = {
        "metric": metric,
        "control": control,
        "proposed": PROPOSED,
        "metrics": {name: _metric(place, name) for place, name in enumerate(_shown(table))},
        "comparisons": [[name, comparison_title(name)] for name in axes["comparison"]],
        "datasets": _titles(axes["dataset"]),
        "dataset_titles": dict(zip(_titles(axes["dataset"]), map(dataset_name, axes["dataset"]), strict=True)),
        "protocols": axes["protocol"],
        "protocol_titles": {name: protocol_title(name) for name in axes["protocol"]},
        "labels": axes["label"],
        "titles": {name: method_title(name) for name in axes["label"]},
        "families": axes["family"],
        "colours": PALETTE,
        "own": {FUSION: [FUSION_LOOK[0], "x"]},
        "t95": [0.0, *(round(float(stats.t.ppf(0.975, n - 1)), 6) for n in range(2, T95_UP_TO + 1))],
        "skipped": _skipped(table, collection),
        "decimals": _decimals(table, axes),
        "rows": _rows(table, axes),
    }
    return escape_json(json.dumps(data, separators=(",", ":"), allow_nan=False))


def escape_json(text: str) -> str:
    """Escape JSON so that it can stand inside a script element."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _titles(datasets: list[str]) -> list[str]:
    """Shorten folder names, unless two of them would become one."""
    short = [dataset_title(name) for name in datasets]
    return short if len(set(short)) == len(short) else datasets


def _metric(place: int, name: str) -> dict[str, Any]:
    shown = METRICS[name]
    return {
        "index": place,
        "title": shown.title,
        "unit": shown.unit,
        "scale": shown.scale,
        "decimals": shown.decimals,
        "higher": shown.higher_is_better,
    }


def _decimals(table: pd.DataFrame, axes: dict[str, list[str]]) -> dict[str, list[int]]:
    """Return how many decimals each metric carries, by the places of comparison, dataset and protocol."""
    key = ["comparison", "dataset", "protocol"]
    return {
        " ".join(str(axes[str(name)].index(str(value))) for name, value in part[key].iloc[0].items()): [
            of_points(part, metric).decimals for metric in _shown(table)
        ]
        for _, part in table.groupby(key, sort=False)
    }


def _skipped(table: pd.DataFrame, collection: Collection) -> dict[str, str]:
    pairs = dict.fromkeys(zip(table["dataset"], table["protocol"], strict=True))
    names = list(dict.fromkeys(table["dataset"]))
    titles = dict(zip(names, _titles(names), strict=True))
    return {
        json.dumps([titles[dataset], protocol, _number(level)], separators=(",", ":")): reason
        for dataset, protocol in pairs
        for level, reason in skipped(collection.grids, dataset, protocol).items()
    }


def _rows(table: pd.DataFrame, axes: dict[str, list[str]]) -> list[list[Any]]:
    places = {name: {value: i for i, value in enumerate(values)} for name, values in axes.items()}
    columns: list[list[Any]] = [
        table[name].map(places[name]).tolist() for name in ("comparison", "dataset", "protocol")
    ]
    columns.append([_number(level) for level in table["level"]])
    columns += [table[name].map(places[name]).tolist() for name in ("label", "family")]
    columns += [table[name].tolist() for name in ("done", "asked", "failed")]
    columns += [[_number(value, 3) for value in table[name]] for name in ("seconds", "steps")]
    columns.append(_values(table))
    return [list(row) for row in zip(*columns, strict=True)]


def _shown(table: pd.DataFrame) -> list[str]:
    """Name the metrics that the points have."""
    return [name for name in METRICS if name in table]


def _values(table: pd.DataFrame) -> list[list[Any]]:
    """For each point, each metric as [mean, sd] or [mean, sd, n] where n is not the number of done seeds, or 0."""
    per_metric = []
    for name in _shown(table):
        parts: Sequence[list[Any]] = [table[column].tolist() for column in (name, f"{name}_sd", f"{name}_n", "done")]
        per_metric.append([_value(*numbers) for numbers in zip(*parts, strict=True)])
    return [list(values) for values in zip(*per_metric, strict=True)]


def _value(mean: float, sd: float, n: float, done: int) -> list[Any] | int:
    if math.isnan(mean):
        return 0
    shown = [_number(mean), _number(sd)]
    return shown if n == done else [*shown, int(n)]


def _number(value: float, digits: int = DIGITS) -> float | int | None:
    """Shorten a number for the page; missing ones become null."""
    if math.isnan(value):
        return None
    rounded = round(float(value), digits)
    return int(rounded) if rounded == int(rounded) else rounded
