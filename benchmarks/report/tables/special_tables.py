"""Tables beside the main ones: the ablation, the shot groups of long tails, what tuning chose."""

from __future__ import annotations

import json

import pandas as pd

import methods
from benchmarks.report.data.loading import Collection
from benchmarks.report.data.names import (
    AS_IN_PAPER,
    METRICS,
    PROPOSED,
    comparison_title,
    family_order,
    level_name,
    number,
    slug,
)
from benchmarks.report.data.points import skipped
from benchmarks.report.data.variants import FAMILY
from benchmarks.report.data.variants import RULE as VARIANTS_RULE
from benchmarks.report.data.words import dataset_name, place_title
from benchmarks.report.statistics.decimals import of_points
from benchmarks.report.tables.model import RULE, Entry, Table
from benchmarks.report.tables.tables import dataset_table, entry_of, file_name, grouped, marks

SCALES = {"single": "single-scale network", "multi": "multi-scale network"}
TRANSFERS = {"scratch": "from scratch", "one-stage": "one-stage transfer", "two-stage": "two-stage transfer"}
SHOTS = {"All": "accuracy", "Many (> 100)": "many", "Medium (20-100)": "medium", "Few (< 20)": "few"}
SHOTS_RULE = "n/a: no class has so many training images."
TUNED_RULE = "One value a seed, in the order of the seeds; n/a: failed or not done."


def ablation_tables(table: pd.DataFrame, collection: Collection, metric: str) -> list[Table]:
    """Make {single, multi-scale} x {from scratch, one-stage, two-stage transfer} x level, where it was measured."""
    result = []
    paper = table[table["comparison"].eq(AS_IN_PAPER)]
    for (dataset, protocol), part in paper.groupby(["dataset", "protocol"], sort=False):
        names = _ablated()
        mine = part[part["label"].isin(names)]
        if mine.loc[~mine["label"].isin([PROPOSED]), metric].notna().any():
            result.append(_ablation_table(mine, names, (str(dataset), str(protocol)), collection, metric))
    return result


def variant_tables(table: pd.DataFrame, collection: Collection, metric: str, control: str) -> list[Table]:
    """Make one table of variants x level per comparison, dataset and protocol, below the control and the proposed."""
    result = []
    for (comparison, dataset, protocol), part in table.groupby(["comparison", "dataset", "protocol"], sort=False):
        if not part["family"].eq(FAMILY).any():
            continue
        mine = part[part["family"].eq(FAMILY) | part["label"].isin([control, PROPOSED])]
        reasons = skipped(collection.grids, str(dataset), str(protocol))
        made = dataset_table(mine, (str(comparison), str(dataset), str(protocol)), reasons, metric)
        place = made.columns.index("Rank")
        made.columns.pop(place)
        for *_, entries in made.rows:
            entries.pop(place)
        made.caption = f"Variants of one method: {made.caption}"
        made.notes.append(VARIANTS_RULE)
        made.name = file_name(slug("variants", str(dataset), str(protocol)), str(comparison), metric)
        result.append(made)
    return result


def shot_tables(table: pd.DataFrame) -> list[Table]:
    """Make one table method x (all, many, medium, few) per long-tailed dataset and ratio."""
    tailed = table[table["protocol"].eq("long-tail") & table["done"].gt(0)]
    return [
        _shot_table(part, str(comparison), str(dataset), float(level))  # type: ignore[arg-type]
        for (comparison, dataset, level), part in tailed.groupby(["comparison", "dataset", "level"], sort=False)
    ]


def tuned_tables(frame: pd.DataFrame) -> list[Table]:
    """Make one table (method and parameter) x level per dataset and protocol, of the values that tuning chose."""
    tuned = frame[frame["trials"].gt(0)]
    return [
        _tuned_table(part, str(comparison), str(dataset), str(protocol))
        for (comparison, dataset, protocol), part in tuned.groupby(["comparison", "dataset", "protocol"], sort=False)
    ]


def _ablated() -> dict[str, tuple[str, str]]:
    """Return the methods of the ablation, in its order, with their network and transfer."""
    pairs = {f"{scale}scale-{transfer}": (scale, transfer) for scale in SCALES for transfer in TRANSFERS}
    return {methods.canonical(name): pair for name, pair in pairs.items()}


def _ablation_table(
    part: pd.DataFrame, names: dict[str, tuple[str, str]], key: tuple[str, str], collection: Collection, metric: str
) -> Table:
    dataset, protocol = key
    order = list(names)
    part = part.assign(
        order=part["label"].map(order.index), family=part["label"].map(lambda label: SCALES[names[label][0]])
    ).sort_values("order", kind="stable")
    made = dataset_table(part, (AS_IN_PAPER, dataset, protocol), skipped(collection.grids, dataset, protocol), metric)
    made.groups = [
        (family, [(f"{TRANSFERS[names[label][1]]} ({label})", entries) for label, entries in rows])
        for family, rows in made.groups
    ]
    made.caption = f"{METRICS[metric].label} on {place_title(dataset, protocol)}: network and transfer taken apart"
    made.name = file_name(slug("ablation", dataset, protocol), AS_IN_PAPER, metric)
    return made


def _shot_table(part: pd.DataFrame, comparison: str, dataset: str, level: float) -> Table:
    rows = part.set_index("label")
    shown = {name: of_points(rows, name) for name in SHOTS.values()}
    best = {name: marks(rows[name], rows[f"{name}_n"].ge(rows["asked"]), shown[name]) for name in SHOTS.values()}
    entries = {
        str(label): [entry_of(row, name, best[name].get(str(label), ""), shown[name]) for name in SHOTS.values()]
        for label, row in rows.iterrows()
    }
    caption = (
        "Accuracy (%) and mean recall (%) of the classes with many, medium and few training images: "
        f"{dataset_name(dataset)}, long tail, IR {number(level)}; {comparison_title(comparison)}"
    )
    name = file_name(slug("shots", dataset, f"IR{number(level)}"), comparison, "")
    return Table(name, caption, list(SHOTS), grouped(part, entries), [RULE.split(" Average and")[0], SHOTS_RULE])


def _tuned_table(part: pd.DataFrame, comparison: str, dataset: str, protocol: str) -> Table:
    chosen = part["chosen"].map(lambda text: json.loads(text or "{}"))
    part = part.assign(chosen=chosen, order=part["family"].map(family_order)).sort_values(["order", "label", "seed"])
    at = sorted(part["level"].unique())
    groups = []
    for family, members in part.groupby("family", sort=False):
        rows = []
        for label, cells in members.groupby("label", sort=False):
            by_level = [cells.loc[cells["level"].eq(level), "chosen"] for level in at]
            for parameter in dict.fromkeys(name for values in cells["chosen"] for name in values):
                entries = [Entry(" / ".join(_value(values.get(parameter)) for values in each)) for each in by_level]
                rows.append((f"{label}: {parameter}", entries))
        groups.append((str(family), rows))
    trials = " or ".join(map(str, sorted(part["trials"].unique())))
    where = f"{place_title(dataset, protocol)}; {comparison_title(comparison)}"
    return Table(
        file_name(slug("tuned", dataset, protocol), comparison, ""),
        f"Values chosen in {trials} trials of tuning on {where}",
        [level_name(protocol, level) for level in at],
        groups,
        [TUNED_RULE],
    )


def _value(value: object) -> str:
    return "n/a" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
