"""Threshold or features: how much of a method's shortfall a threshold alone would make up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.report.advice.decision import MARGIN, Advice
from benchmarks.report.data.names import AS_IN_PAPER, COMPARISONS, METRICS, Metric, family_order, level_name, slug
from benchmarks.report.data.words import place_title
from benchmarks.report.rescore.records import read_scores, shares
from benchmarks.report.rescore.scores import thresholds
from benchmarks.report.statistics.decimals import typical
from benchmarks.report.statistics.intervals import interval
from benchmarks.report.tables.model import Entry, Table
from benchmarks.report.tables.tables import grouped

COLUMNS = {"own": "Own threshold", "moved": "Moved by the prior", "best": "Best possible", "auroc": "AUROC"}


def split(frame: pd.DataFrame, problems: list[str] | None = None) -> pd.DataFrame:
    """Judge the cells of the hardest level of every dataset and protocol at other thresholds.

    `problems` is told of scores that cannot be used.

    Returns:
        One row a cell with scores: `dataset`, `protocol`, `level`, `label`, `family`, `seed`, and what
        `benchmarks.report.rescore.scores.thresholds` returns, in points but for `auroc` and `shift`.
    """
    done = frame[frame["status"].eq("done") & frame["comparison"].eq(AS_IN_PAPER)]
    rows = []
    for (_, protocol), part in done.groupby(["dataset", "protocol"], sort=False):
        hardest = part["level"].min() if protocol == "few" else part["level"].max()
        for cell in part[part["level"].eq(hardest)].to_dict("records"):
            counts = list(cell["counts"])
            scores = read_scores(cell, problems)
            if scores is None or len(np.unique(scores[1])) < len(counts):
                continue
            found = thresholds(*scores, shares(counts))
            found = {name: value * 100 if name in ("own", "moved", "best") else value for name, value in found.items()}
            rows.append({name: cell[name] for name in KEYS} | found | {"classes": len(counts)})
    return pd.DataFrame(rows, columns=[*KEYS, *COLUMNS, "shift", "classes"])


KEYS = ("dataset", "protocol", "level", "label", "family", "seed")


def sentence(found: pd.DataFrame, advice: Advice) -> str:
    """Say whether moving the control's threshold would do as well as the advised method; nothing without scores."""
    here = found[found["dataset"].eq(advice.dataset) & found["protocol"].eq(advice.protocol)]
    table = here.pivot_table(index="label", columns="seed", values="own")
    moved = here.pivot_table(index="label", columns="seed", values="moved")
    label, control = advice.choice.label, advice.control
    if label == control or label not in table.index or control not in table.index:
        return ""
    means = here.groupby("label")[[*COLUMNS, "shift"]].mean()
    gap = interval((moved.loc[[control]] - table.loc[label]).dropna(axis=1))
    text, auroc = _shown(here, "own").text, _shown(here, "auroc").text
    at = level_name(advice.protocol, float(here["level"].iloc[0]))
    two = bool(here["classes"].eq(2).all())
    whose = "its log odds of the minority" if two else "each class's score"
    how = "" if two else "up to "
    told = (
        f"Threshold or features, at {at}: {control} has {text(means['own'][control])} at its own threshold, "
        f"{text(means['moved'][control])} with {whose} moved by {how}"
        f"{means['shift'][control]:+.1f} (the training prior), {text(means['best'][control])} at the best "
        f"possible one, which nobody knows beforehand; {label} has {text(means['own'][label])}. AUROC "
        f"{auroc(means['auroc'][control])} and {auroc(means['auroc'][label])}."
    )
    if gap.known and gap.low > -MARGIN:
        return f"{told} Moving the threshold of {control} alone would do."
    return told


def _shown(part: pd.DataFrame, column: str) -> Metric:
    """Return a metric with the decimals that means over seeds carry; points become stored units."""
    seeds = part.groupby("label")[column].agg(["std", "count"])
    if column == "auroc":
        return typical(METRICS["roc_auc"], seeds["std"], seeds["count"])
    return replace(typical(METRICS["balanced_accuracy"], seeds["std"] / 100, seeds["count"]), scale=1.0)


def split_tables(found: pd.DataFrame) -> list[Table]:
    """Make a table method x (own, moved, best possible threshold, AUROC) per dataset and protocol."""
    return [_table(part) for _, part in found.groupby(["dataset", "protocol"], sort=False)]


def _table(part: pd.DataFrame) -> Table:
    first = part.iloc[0]
    part = part.assign(order=part["family"].map(family_order)).sort_values(["order", "label"], kind="stable")
    means = part.groupby("label", sort=False)[list(COLUMNS)].mean()
    # one way of writing for the three accuracies, which stand beside one another
    shown = {name: _shown(part, "auroc" if name == "auroc" else "own") for name in COLUMNS}
    entries = {str(label): [Entry(shown[name].text(row[name])) for name in COLUMNS] for label, row in means.iterrows()}
    where = f"{place_title(first['dataset'], first['protocol'])}, {level_name(first['protocol'], first['level'])}"
    return Table(
        slug("threshold", str(first["dataset"]), str(first["protocol"])),
        f"Threshold or features: balanced accuracy (%) on {where}; {COMPARISONS[AS_IN_PAPER]}",
        list(COLUMNS.values()),
        grouped(part, entries),
        [
            "Means over seeds. Moved by the prior: each class's score lowered by the log of its share of the training "
            "images, which is too much where the method balances already. Best possible: the thresholds (one a "
            "class) that are best for these very test images, optimistic. AUROC (of several classes the mean over "
            "pairs) needs no threshold."
        ],
    )
