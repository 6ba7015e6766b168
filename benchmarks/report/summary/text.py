"""The summary in words, as paragraphs that `summary.md` and the page share."""

from __future__ import annotations

import re
from collections.abc import Collection as Collection_
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from benchmarks.report.advice.make import Advised
from benchmarks.report.advice.wording import RULES, headline, scored_text, sentences, where
from benchmarks.report.data.loading import Collection
from benchmarks.report.data.names import AS_IN_PAPER, dataset_title, escape_markdown, level_name
from benchmarks.report.data.points import skipped, skipped_methods
from benchmarks.report.data.words import listed
from benchmarks.report.figures.draw import picture
from benchmarks.report.rescore.split import sentence as split_sentence
from benchmarks.report.statistics.tests import Analysis
from benchmarks.report.summary.health import Health, sentence
from datasets.hints import counted

NUMBERS = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?")
NAMED = 8
"""So many methods are named one by one before "and n more"."""


@dataclass(frozen=True)
class Paragraph:
    """A heading and its sentences; `advice` is what to do, in a few words."""

    heading: str
    sentences: list[str]
    advice: str = ""
    picture: str = ""
    """Name of its figure in the folder of figures, without ending; empty where none is drawn."""


def paragraphs(
    advised: Advised,
    metric: str,
    found: Sequence[Health] = (),
    drawn: Collection_[str] = (),
    found_split: pd.DataFrame | None = None,
) -> list[Paragraph]:
    """Write one paragraph per dataset and protocol; `drawn` are the names of the figures that are there."""
    known = {(each.dataset, each.protocol): each for each in found if each.comparison == AS_IN_PAPER}
    result = []
    for each in advised.advice:
        told = sentences(each, metric, scored_text(advised.scored(each), each.control))
        cells = known.get((each.dataset, each.protocol))
        told += [sentence(cells, each.choice.label)] if cells else []
        threshold = "" if found_split is None else split_sentence(found_split, each)
        told += [threshold] if threshold else []
        name = picture(each)
        result.append(Paragraph(where(each), told, headline(each), name if name in drawn else ""))
    return result


def overall(analysis: Analysis | None) -> list[str]:
    """Say in one or two sentences what holds over all datasets."""
    if analysis is None or len(analysis.ranks) < 2:
        return []
    best = str(analysis.ranks.index[0])
    blocks = len(analysis.values)
    bounds = analysis.rank_intervals
    span = (
        ""
        if bounds.empty
        else f", 95 % {bounds['low'][best]:.1f} to {bounds['high'][best]:.1f} over datasets, not corrected for the pick"
    )
    text = [
        f"Over all {blocks} blocks (dataset, protocol, level; second to datasets, since levels share images), "
        f"{best} has the best mean rank "
        f"({analysis.ranks.iloc[0]:.1f} of {len(analysis.ranks)}{span}; 1 is best)."
    ]
    if analysis.critical_difference is not None and analysis.friedman["p"] < 0.05:
        near = analysis.ranks[analysis.ranks <= analysis.ranks.iloc[0] + analysis.critical_difference].index[1:]
        names = listed(list(map(str, near)), NAMED) if len(near) else "none of the others"
        text.append(f"By rank alone, not distinguishable from it (Nemenyi): {names}.")
    elif analysis.verdict:
        text.append(analysis.verdict)
    return text


def missing(table: pd.DataFrame, collection: Collection) -> list[str]:
    """Say what is not there: failed cells, cells without a record, levels the data cannot support, remarks."""
    texts = list(collection.problems)
    failed = collection.frame[collection.frame["status"].eq("failed")]
    for (label, error), group in failed.groupby(["label", "error"], sort=False):
        where = listed(sorted({dataset_title(name) for name in group["dataset"]}), NAMED)
        texts.append(f"{counted(len(group), 'failed cell')} of {label} on {where}: {error}")
    absent = (table["asked"] - table["done"] - table["failed"]).clip(lower=0)
    if absent.sum():
        gaps = absent.groupby(table["dataset"]).sum()
        where = ", ".join(f"{dataset_title(str(name))} {int(count)}" for name, count in gaps[gaps > 0].items())
        texts.append(f"No record yet of {counted(int(absent.sum()), 'cell')} asked for ({where})")
    for dataset, protocol in dict.fromkeys(zip(table["dataset"], table["protocol"], strict=True)):
        for level, reason in sorted(skipped(collection.grids, dataset, protocol).items()):
            texts.append(f"{dataset_title(dataset)}, {protocol}: {level_name(protocol, level)} skipped: {reason}")
        for level, (_, reason) in sorted(skipped_methods(collection.grids, dataset, protocol).items()):
            texts.append(f"{dataset_title(dataset)}, {protocol}: {level_name(protocol, level)}: {reason}")
    absent_data = sorted({name for grid in collection.grids for name in grid.missing})
    texts += [f"Not available where it ran: {listed(absent_data, NAMED)}"] if absent_data else []
    notes = collection.frame[["dataset", "notes"]].explode("notes").dropna().drop_duplicates()
    alike: dict[tuple[str, str], list[str]] = {}
    for dataset, note in zip(notes["dataset"], notes["notes"], strict=True):
        alike.setdefault((str(dataset), NUMBERS.sub("", str(note))), []).append(str(note))
    return texts + [f"{dataset_title(dataset)}: {told[0]}{_more(told)}" for (dataset, _), told in alike.items()]


def _more(told: list[str]) -> str:
    return f" (and {len(told) - 1} more with other numbers)" if len(told) > 1 else ""


def markdown(parts: Sequence[Paragraph], about_all: Sequence[str], gaps: Sequence[str], scored: str = "") -> str:
    """Write the summary as Markdown: what to do first, then why, then what is missing."""
    lines = ["# What to use", ""]
    lines += [f"- {escape_markdown(part.heading)}: **{escape_markdown(part.advice)}**" for part in parts]
    if not parts:
        reason = "that takes at least two methods with results at the same levels"
        lines += [f"No advice: {reason}. What was measured is in the tables."]
    lines += ["", *map(escape_markdown, [scored] if scored else []), ""]
    for part in parts:
        lines += [f"## {escape_markdown(part.heading)}", "", f"**{escape_markdown(part.advice)}**", ""]
        lines += [f"![{escape_markdown(part.heading)}](figures/{part.picture}.png)", ""] if part.picture else []
        lines += [f"{escape_markdown(sentence)}\n" for sentence in part.sentences]
    lines += ["## Over all datasets", "", *map(escape_markdown, about_all), ""] if about_all else []
    lines += [
        "## What is missing, and remarks",
        "",
        *([f"- {escape_markdown(gap)}" for gap in gaps] or ["Nothing: every cell asked for is done."]),
        "",
    ]
    lines += ["## Rules", "", *(f"- {rule}" for rule in RULES), ""] if parts else []
    return "\n".join(lines)
