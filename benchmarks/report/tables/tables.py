"""Tables as data: which cells, which are best, what is missing. `render` writes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.report.data.loading import Collection
from benchmarks.report.data.names import METRICS, Metric, comparison_title, level_name, slug
from benchmarks.report.data.points import comparable, levels, skipped, skipped_methods
from benchmarks.report.data.words import place_title
from benchmarks.report.statistics.decimals import of_points
from benchmarks.report.tables.model import BEST, RULE, Entry, Groups, Table
from benchmarks.report.tables.published import with_published


def dataset_tables(table: pd.DataFrame, collection: Collection, metric: str) -> list[Table]:
    """Make the table method x level of every comparison, dataset and protocol, in the paper's layout."""
    result = []
    for (comparison, dataset, protocol), part in table.groupby(["comparison", "dataset", "protocol"], sort=False):
        reasons = skipped(collection.grids, str(dataset), str(protocol))
        made = dataset_table(part, (str(comparison), str(dataset), str(protocol)), reasons, metric)
        _mark_skipped(
            made, sorted({*levels(part), *reasons}), skipped_methods(collection.grids, str(dataset), str(protocol))
        )
        result.append(with_published(made, part, metric))
    return result


def summary_tables(table: pd.DataFrame, metric: str) -> list[Table]:
    """Make one table method x dataset a comparison: means over the levels of each dataset and protocol."""
    result = []
    for comparison, part in comparable(table).groupby("comparison", sort=False):
        names = list(dict.fromkeys(zip(part["dataset"], part["protocol"], strict=True)))
        means = pd.DataFrame({name: level_average(_pivot(_only(part, *name), metric)) for name in names})
        heads = [place_title(dataset, protocol) for dataset, protocol in names]
        caption = f"{METRICS[metric].label}, mean over the levels of each dataset; {comparison_title(str(comparison))}"
        columns = [*heads, "Average", "Rank", "Fit (s)", "Steps"]
        groups = grouped(part, _summary_entries(part, means, of_points(part, metric)))
        note = f"n/a: the method lacks a level of that dataset. {BEST}"
        result.append(Table(file_name("summary", str(comparison), metric), caption, columns, groups, [note]))
    return result


def level_average(values: pd.DataFrame) -> pd.Series:
    """Return each row's mean over the levels at which anything was measured; NaN where one of them is missing."""
    measured = values.dropna(axis="columns", how="all")
    if measured.shape[1] == 0:
        return pd.Series(np.nan, index=values.index)
    return measured.mean(axis="columns", skipna=False)


def shared_levels(values: pd.DataFrame) -> pd.DataFrame:
    """Keep the levels that at least half as many methods have as have the level that most have."""
    held = values.notna().sum()
    return values.loc[:, held.ge(held.max() / 2) & held.gt(0)]


def average_ranks(values: pd.DataFrame, metric: Metric) -> pd.Series:
    """Return each complete row's mean rank (1 is best; ties share) among the complete rows; NaN for the others."""
    complete = values.dropna(axis="columns", how="all").dropna()
    ranks = (-metric.sign * complete).rank(method="average").mean(axis="columns")
    return ranks.reindex(values.index)


def marks(values: pd.Series, eligible: pd.Series, metric: Metric) -> dict[str, str]:
    """Name the best and the second of a column; methods whose values are shown alike are ties and share a mark.

    A mean over fewer seeds is not compared with whole ones, unless no method has all its seeds.
    """
    candidates = values[eligible] if (eligible & values.notna()).any() else values
    ordered = candidates.dropna().sort_values(ascending=metric.sign < 0)
    names = dict(zip(dict.fromkeys(map(metric.text, ordered)), ("best", "second"), strict=False))
    return {str(label): names.get(metric.text(value), "") for label, value in candidates.items()}


def top(table: Table, most: int, control: str) -> Table:
    """Keep the best methods by their rank, and the control; a table without ranks stays whole."""
    if "Rank" not in table.columns:
        return table
    place = table.columns.index("Rank")
    order = sorted(table.rows, key=lambda row: _rank(row[2][place]))
    kept = {label for _, label, _ in order[:most]} | {control}
    if len(kept | {label for _, label, _ in table.rows}) == len(kept):
        return table
    groups = [(family, [row for row in rows if row[0] in kept]) for family, rows in table.groups]
    note = f"The best {most} of {len(table.rows)} methods by their rank, and the control."
    return replace(table, groups=[group for group in groups if group[1]], notes=[*table.notes, note])


def _rank(entry: Entry) -> float:
    try:
        return float(entry.mean)
    except ValueError:
        return float("inf")


def dataset_table(part: pd.DataFrame, key: tuple[str, str, str], reasons: dict[float, str], metric: str) -> Table:
    """Make the table method x level of one (comparison, dataset, protocol); `reasons` says why levels were skipped."""
    comparison, dataset, protocol = key
    axis = sorted({*levels(part), *reasons})
    values = _pivot(part, metric).reindex(columns=axis)
    columns = [level_name(protocol, level) for level in axis] + ["Average", "Rank", "Fit (s)", "Steps"]
    shown = of_points(part, metric)
    by_level = {level: _level_entries(part, level, level in reasons, metric, shown) for level in axis}
    averaged = _pivot(comparable(part), metric).reindex(values.index)
    tail = _tail_entries(part, level_average(averaged), average_ranks(averaged, shown), shown)
    entries = {label: [by_level[level][label] for level in axis] + tail[label] for label in values.index}
    caption = f"{METRICS[metric].label} on {place_title(dataset, protocol)}; {comparison_title(comparison)}"
    notes = [RULE] + [f"{level_name(protocol, level)} skipped: {reason}" for level, reason in sorted(reasons.items())]
    name = file_name(slug(dataset, protocol), comparison, metric)
    return Table(name, caption, columns, grouped(part, entries), notes)


def _mark_skipped(made: Table, axis: list[float], partly: dict[float, tuple[set[str], str]]) -> None:
    """Say which methods are skipped at a level that others have, and why."""
    for place, level in enumerate(axis):
        labels, reason = partly.get(level, (set(), ""))
        for _, label, entries in made.rows:
            if label in labels:
                entries[place] = Entry("skipped")
        made.notes += [f"{level_name('few', level)}: {reason}; not in averages and ranks"] if labels else []


def file_name(stem: str, comparison: str, metric: str) -> str:
    """Name a table's files; as in the paper and accuracy go without saying."""
    return slug(stem, "" if comparison == "as-in-paper" else comparison, "" if metric == "accuracy" else metric)


def _only(part: pd.DataFrame, dataset: str, protocol: str) -> pd.DataFrame:
    return part[part["dataset"].eq(dataset) & part["protocol"].eq(protocol)]


def _pivot(part: pd.DataFrame, metric: str) -> pd.DataFrame:
    return part.pivot(index="label", columns="level", values=metric)


def _level_entries(part: pd.DataFrame, level: float, is_skipped: bool, metric: str, shown: Metric) -> dict[str, Entry]:
    rows = part[part["level"].eq(level)].set_index("label")
    whole = rows[f"{metric}_n"].ge(rows["asked"])
    best = marks(rows[metric], whole, shown)
    entries = dict.fromkeys(part["label"], Entry("skipped" if is_skipped else "n/a"))
    for label, row in rows.iterrows():
        entries[str(label)] = entry_of(row, metric, best.get(str(label), ""), shown)
    return entries


def entry_of(row: pd.Series, metric: str, mark: str, shown: Metric) -> Entry:
    """Write one mean with what a reader must know of it: over how many seeds, how many failed."""
    n, asked, failed = int(row[f"{metric}_n"]), int(row["asked"]), int(row["failed"])
    remark = f"{n}/{asked}" + (f", {failed} failed" if failed else "") if n < asked else ""
    if n == 0:
        # every seed is done and none has a value: the metric is not defined there, and nothing is missing
        return Entry("failed" if failed else "n/a", remark=remark if row["done"] < asked else "")
    sd = row[f"{metric}_sd"]
    return Entry(shown.text(row[metric]), "" if np.isnan(sd) else shown.text(sd), remark, mark)


def _tail_entries(part: pd.DataFrame, average: pd.Series, rank: pd.Series, metric: Metric) -> dict[str, list[Entry]]:
    """Average, average rank and cost of every method."""
    cost = part.groupby("label")[["seconds", "steps"]].median()
    best = marks(average, average.notna(), metric)
    least = marks(rank, rank.notna(), Metric("rank", 1.0, "", 1, higher_is_better=False))
    return {
        str(label): [
            Entry(metric.text(average[label]), mark=best.get(str(label), "")),
            Entry(_plain(rank[label], 1), mark=least.get(str(label), "")),
            Entry(_plain(cost.loc[label, "seconds"], 1)),
            Entry(_plain(cost.loc[label, "steps"], 0)),
        ]
        for label in average.index
    }


def _summary_entries(part: pd.DataFrame, means: pd.DataFrame, metric: Metric) -> dict[str, list[Entry]]:
    tail = _tail_entries(part, level_average(means), average_ranks(means, metric), metric)
    best = {column: marks(means[column], means[column].notna(), metric) for column in means.columns}
    return {
        str(label): [
            Entry(metric.text(means.loc[label, column]), mark=best[column].get(str(label), ""))
            for column in means.columns
        ]
        + tail[str(label)]
        for label in means.index
    }


def grouped(part: pd.DataFrame, entries: dict[str, list[Entry]]) -> Groups:
    """Group rows by family; `part` comes sorted by family and name."""
    labels: dict[str, list[str]] = {}
    for family, label in dict.fromkeys(zip(part["family"], part["label"], strict=True)):
        labels.setdefault(str(family), []).append(str(label))
    return [(family, [(label, entries[label]) for label in names]) for family, names in labels.items()]


def _plain(value: float, decimals: int) -> str:
    return "n/a" if np.isnan(value) else f"{value:.{decimals}f}"
