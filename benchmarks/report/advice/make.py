"""Advice for everything in a report, and its score."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pandas as pd

from benchmarks.report.advice.decision import Advice, advise
from benchmarks.report.advice.model import Estimator
from benchmarks.report.advice.places import Place, places
from benchmarks.report.advice.reference import experience
from benchmarks.report.advice.regret import POLICIES, over_levels, regret
from benchmarks.report.data.names import AS_IN_PAPER, dataset_title, level_name, number
from benchmarks.report.data.variants import without_variants
from benchmarks.report.statistics.decimals import beside
from datasets.neighbours import IN_A_ROW

LOST = ("hindsight", "lower", "upper")
"""Columns of the score that are no rule's: the best in hindsight, and between what the advice loses."""


@dataclass
class Advised:
    """All advice of a report.

    Attributes:
        advice: one a dataset and protocol.
        regret: the score on seeds left out, see `benchmarks.report.advice.regret.regret`.
    """

    advice: list[Advice] = field(default_factory=list)
    regret: pd.DataFrame = field(default_factory=pd.DataFrame)

    def scored(self, advice: Advice) -> pd.DataFrame:
        """Return the score of one dataset and protocol; empty where it has none."""
        table = self.regret
        if table.empty:
            return table
        at = table.index.get_level_values
        return table[(at("dataset") == advice.dataset) & (at("protocol") == advice.protocol)]


def make(frame: pd.DataFrame, metric: str, control: str, score: bool = True) -> Advised:
    """Advise on every dataset and protocol of the records; variants of a method are neither advised nor its rivals.

    Args:
        frame: the records, see `benchmarks.report.COLUMNS`.
        metric: one of `benchmarks.report.METRICS`.
        control: the method that others are compared with.
        score: whether to score the advice on seeds left out, too.
    """
    frame = without_variants(frame[frame["comparison"].eq(AS_IN_PAPER)])
    mine = places(frame, metric)
    datasets = {place.dataset for place in mine}
    others = [*mine, *(place for place in experience(metric) if place.dataset not in datasets)]
    estimator = Estimator(others)
    groups: dict[tuple[str, str], list[Place]] = {}
    for place in mine:
        groups.setdefault((place.dataset, place.protocol), []).append(place)
    result = Advised()
    for (dataset, protocol), group in groups.items():
        at = frame["dataset"].eq(dataset) & frame["protocol"].eq(protocol)
        cost = frame[at].groupby("label").agg(steps=("steps", "median"), seconds=("seconds_fit", "median"))
        found = advise(group, estimator, control, cost, tables=len(groups))
        result.advice += [replace(found, in_a_row=_in_a_row(frame["notes"][at]))] if found else []
    if score:
        result.regret = regret(mine, estimator, control)
    return result


def _in_a_row(notes: Iterable[list[str]]) -> str:
    """Return what was noted of files in a row, of some records of one dataset."""
    return next((note for each in notes for note in each if IN_A_ROW in note), "")


def regret_csv(table: pd.DataFrame) -> str:
    """Write the scores as CSV, as shown: nothing says how much chance there is in one level's."""
    points = {name: table[name].map(beside(float("nan")).text) for name in (*POLICIES, *LOST) if name in table}
    shown = table.assign(seeds=table["seeds"].map(number), **points)
    return shown.rename(index=number, level="level").to_csv(lineterminator="\n")


def regret_markdown(table: pd.DataFrame, control: str) -> str:
    """Write the scores as a Markdown table, mean and worst below."""
    if table.empty:
        return "# What the advice loses\n\nNothing to score: that takes a dataset with two seeds and two methods.\n"
    one, mean = beside(float("nan")), over_levels(table)
    heads = ["where", *POLICIES.values(), "best in hindsight", "loses at least", "at most"]
    heads = [control if head == POLICIES["control"] else head for head in heads]
    columns = [*POLICIES, *LOST]
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(columns)]
    for (dataset, protocol, level), *values in table[columns].itertuples():
        name = f"{dataset_title(str(dataset))}, {protocol}, {level_name(str(protocol), float(level))}"
        lines.append(f"| {name} | " + " | ".join(map(one.text, values)) + " |")
    lines.append("| **mean** | " + " | ".join(map(mean.text, table[columns].mean())) + " |")
    worst = " | ".join(one.text(table[column].max()) for column in columns[-2:])
    lines.append("| **worst** |" + " |" * (len(columns) - 2) + f" {worst} |")
    seeds = " or ".join(str(int(n)) for n in sorted(table["seeds"].unique()))
    about = (
        f"Points on the seeds left out; each rule chose a method from {seeds} seeds, and the advice from other "
        "datasets too, never from this one's. *At most*: against the best method of the very seeds that score "
        "it, whose luck is in it. *At least*: against the method that all seeds but the scoring one call best; "
        "negative where the advice knew better. Methods that lack a seed at some level take no part."
    )
    return "\n".join(["# What the advice loses", "", about, "", *lines, ""])
