"""The paper's claims beside what was measured, where they apply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.report.data.names import (
    AS_IN_PAPER,
    COMMON,
    METRICS,
    OWN,
    PROPOSED,
    READINGS,
    Metric,
    dataset_title,
    escape_markdown,
    level_name,
    number,
)
from benchmarks.report.data.origin import image_sets
from benchmarks.report.statistics.decimals import carried, signed
from benchmarks.report.statistics.images import Cell, TestImages
from benchmarks.report.statistics.intervals import MIN_DATASETS, Interval, interval

PAPER = "Liu et al., Neural Computing and Applications 33, 14179-14197 (2021), doi 10.1007/s00521-021-06066-8"
MEAN, MARGIN, EXTREME, FEW = 0.985, 0.0232, 0.04, 0.99
ALL = "all datasets"
RULES = [
    f"Accuracy on the class-balanced test set, levels averaged within a seed; `{PROPOSED}` as in the paper, "
    f"beside it what this suite makes of it and the control of that ({', '.join(READINGS[1:])}), the common "
    f"methods ({', '.join(COMMON)}) on the shared network; seeds and levels at which one is missing are left "
    "out and named.",
    "A margin is the proposed method's accuracy less the mean accuracy of the five common methods on the same "
    "seed and level, in points, as in the paper; beside it stands the margin over the best of them (at each "
    "level and for each seed the one that is best on the other seeds: a best picked on the seed that judges it would "
    "flatter; of one seed it is picked so) and over their median (on each level and seed).",
    f"Intervals are 95 %, Student's: over the datasets' means where {ALL} are named and there are at least "
    f"{MIN_DATASETS}, else over the seeds, and then about these datasets only. Levels of one dataset share "
    "images and are no observations of their own, nor are its protocols and parts, averaged within a "
    "seed. Decimals stand only where an interval is less than two points wide. Where seeds share test images, the "
    "covariance of their scores through these (from the scores of single images) is added to the variance of the "
    "mean; where no scores are kept, it is not known. Training images that seeds share are not counted.",
    "Holds: the whole interval reaches the number (98.5 % for about 99 %); does not hold: none of it does; "
    "else it cannot be told. The extreme ratio is the largest one that the data supports. One claim at a time: "
    "the verdicts are not corrected for how many there are.",
]


@dataclass(frozen=True)
class Claim:
    """One claim on one dataset: what the paper says, what was measured, over how many cells, and the verdict.

    `images` says whether seeds share test images, where the interval is over seeds.
    """

    claim: str
    stated: str
    where: str
    measured: str
    cells: int
    verdict: str
    images: str = ""


def claims(frame: pd.DataFrame) -> list[Claim]:
    """Hold the paper's claims against the records (see `benchmarks.report.COLUMNS`).

    Returns:
        Nothing where the proposed method was not run, or on a user's own images only.
    """
    part = frame[frame["comparison"].eq(AS_IN_PAPER) & ~frame["dataset"].str.startswith(OWN)]
    images = TestImages()
    return [claim for method in READINGS for claim in _of(method, part[part["label"].isin([method, *COMMON])], images)]


def _of(method: str, part: pd.DataFrame, images: TestImages) -> list[Claim]:
    """Hold the claims against one reading of the proposed method."""
    ratios, few = part[part["protocol"].isin(["step", "long-tail"])], part[part["protocol"].eq("few")]
    blocks = _blocks(method, ratios, images)
    result: list[Claim] = []
    for claim in (_mean, _margin, _extreme):
        result += [claim({name: block}, name) for name, block in blocks.items()]
        result += [claim(blocks, ALL)] if len(_sets(blocks)) > 1 else []
    return result + [_few({name: block}, name) for name, block in _blocks(method, few, images).items()]


def markdown(rows: list[Claim]) -> str:
    """Write the claims as a Markdown table with its rules."""
    lines = ["# The paper's claims beside what was measured", "", f"Paper: {PAPER}.", ""]
    if not rows:
        return "\n".join([*lines, f"None applies: {PROPOSED} was not run on data that the claims are about.", ""])
    heads = ["claim", "stated", "where", "measured", "cells", "verdict", "test images"]
    lines += ["| " + " | ".join(heads) + " |", "| --- | --- | --- | --- | ---: | --- | --- |"]
    cells = ([r.claim, r.stated, r.where, r.measured, str(r.cells), r.verdict, r.images] for r in rows)
    lines += ["| " + " | ".join(map(escape_markdown, row)) + " |" for row in cells]
    return "\n".join([*lines, "", *(f"- {rule}" for rule in RULES), ""])


@dataclass(frozen=True)
class _Block:
    """The accuracies of one dataset and protocol: index (level, seed), a column a method; NaN where missing.

    `method` is the one that the claims are held against; `cells` are the files of the accuracies.
    """

    method: str
    dataset: str
    protocol: str
    values: pd.DataFrame
    cells: dict[tuple[float, int, str], Cell]
    images: TestImages

    def complete(self, labels: list[str]) -> pd.DataFrame:
        """Keep the rows at which all of these methods were measured."""
        return self.values.reindex(columns=labels).dropna()

    def missing(self, labels: list[str]) -> list[str]:
        """Say which of these methods lack which level."""
        texts = []
        known = self.values.reindex(columns=labels)
        for level, rows in known.groupby(level="level"):
            absent = [name for name in labels if rows[name].isna().any()]
            if absent:
                names = ", ".join(absent) if len(absent) < len(labels) else "all of the methods"
                place = f"{dataset_title(self.dataset)} {level_name(self.protocol, float(str(level)))}"
                texts.append(f"{place} lacks seeds of {names}")
        return texts


def _blocks(method: str, part: pd.DataFrame, images: TestImages) -> dict[str, _Block]:
    """Lay out every dataset and protocol in which the method has a result."""
    result = {}
    for (dataset, protocol), rows in part.groupby(["dataset", "protocol"], sort=False):
        values = rows.pivot_table(index=["level", "seed"], columns="label", values="accuracy", aggfunc="first")
        if method in values:
            keys = zip(rows["level"], rows["seed"], rows["label"], strict=True)
            files = zip(rows["folder"], rows["id"], rows["scores_digest"], strict=True)
            cells = dict(zip(keys, files, strict=True))
            name = f"{dataset_title(str(dataset))} ({protocol})"
            result[name] = _Block(method, str(dataset), str(protocol), values, cells, images)
    return result


def _mean(blocks: dict[str, _Block], where: str) -> Claim:
    method = _method(blocks)
    found, images = _interval(blocks, {name: block.complete([method]) for name, block in blocks.items()}, _alone)
    missing = [text for block in blocks.values() for text in block.missing([method])]
    cells = sum(len(block.complete([method])) for block in blocks.values())
    verdict = _with_left_out(found.verdict(MEAN), missing)
    return Claim(f"mean accuracy of {method}", "about 99 %", where, _percent(found), cells, verdict, images)


def _margin(blocks: dict[str, _Block], where: str) -> Claim:
    return _difference("all ratios", "2.32 points", MARGIN, blocks, where)


def _extreme(blocks: dict[str, _Block], where: str) -> Claim:
    tops = {}
    for name, block in blocks.items():
        level = block.values.index.get_level_values("level")
        tops[name] = replace(block, values=block.values[level == level.max()])
    levels = {float(top.values.index.get_level_values("level").max()) for top in tops.values()}
    at = ", ".join(f"IR {number(level)}" for level in sorted(levels))
    return _difference("extreme ratio", "4.0 points", EXTREME, tops, f"{where}, {at}")


def _difference(which: str, stated: str, target: float, blocks: dict[str, _Block], where: str) -> Claim:
    method = _method(blocks)
    claim, wanted = f"margin of {method} over the mean of the common methods, {which}", [method, *COMMON]
    missing = [text for block in blocks.values() for text in block.missing(wanted)]
    whole = {name: rows for name, block in blocks.items() if len(rows := block.complete(wanted))}
    cells = sum(rows.size for rows in whole.values())
    if not whole:
        return Claim(claim, stated, where, "n/a", 0, f"not measurable ({'; '.join(missing)})")
    found, images = _interval(blocks, whole, _over_mean)
    others = [
        f"{_points(_interval(blocks, whole, other)[0])} over their {word}"
        for word, other in {"best": _over_best, "median": _over_median}.items()
    ]
    measured = f"{_points(found)}; {', '.join(others)}"
    return Claim(claim, stated, where, measured, cells, _with_left_out(found.verdict(target), missing), images)


def _alone(rows: pd.DataFrame) -> pd.DataFrame:
    """Weigh the accuracies of one method (the first column) alone."""
    return pd.DataFrame(1.0, rows.index, rows.columns)


def _over_mean(rows: pd.DataFrame) -> pd.DataFrame:
    """Weigh accuracies so that they add to the first column's less the mean of the others."""
    return pd.DataFrame(-1 / (rows.shape[1] - 1), rows.index, rows.columns).assign(**{rows.columns[0]: 1.0})


def _over_best(rows: pd.DataFrame) -> pd.DataFrame:
    """Weigh accuracies so that they add to the first column's less the one that is best on the other seeds."""
    others = rows.iloc[:, 1:]
    level = others.groupby(level="level")
    size = level.transform("size").to_numpy()[:, None]
    left = level.transform("sum").to_numpy() - np.where(size > 1, others.to_numpy(), 0.0)
    return _over_one(rows, left.argmax(axis=1))


def _over_median(rows: pd.DataFrame) -> pd.DataFrame:
    """Weigh accuracies so that they add to the first column's less the median one of the others (an odd number)."""
    return _over_one(rows, rows.iloc[:, 1:].to_numpy().argsort(axis=1, kind="stable")[:, (rows.shape[1] - 1) // 2])


def _over_one(rows: pd.DataFrame, places: np.ndarray) -> pd.DataFrame:
    weights = np.zeros(rows.shape)
    weights[:, 0], weights[np.arange(len(rows)), 1 + places] = 1.0, -1.0
    return pd.DataFrame(weights, rows.index, rows.columns)


def _few(blocks: dict[str, _Block], where: str) -> Claim:
    method = _method(blocks)
    claim, stated = f"accuracy of {method} with only several minority images", "> 99 %"
    ((_, block),) = blocks.items()
    whole = block.complete([method])
    rows = whole[method]
    found, images = _interval(blocks, {where: whole}, _alone)
    by_level = rows.groupby(level="level").mean().sort_index(ascending=False)
    shown = _shown(found)
    each = ", ".join(f"{shown.text(mean)} % at {number(float(str(level)))}" for level, mean in by_level.items())
    measured = f"{_percent(found)} ({each} minority images)"
    verdict = _with_left_out(found.verdict(FEW), block.missing([method]))
    return Claim(claim, stated, where, measured, len(rows), verdict, images)


def _method(blocks: dict[str, _Block]) -> str:
    """Return the method that all blocks are about."""
    return next(iter(blocks.values())).method


def _by_seed(weights: pd.DataFrame) -> pd.DataFrame:
    """Weigh the levels of every seed that has them all alike; of every seed, where none has."""
    levels = weights.groupby(level="seed").size()
    whole = levels[levels.eq(weights.index.unique("level").size)]
    seed = weights.index.get_level_values("seed")
    kept = seed.isin((whole if len(whole) else levels).index)
    return weights[kept].div(levels.reindex(seed[kept]).to_numpy(), axis="index")


def _interval(
    blocks: dict[str, _Block], whole: dict[str, pd.DataFrame], weigh: Callable[[pd.DataFrame], pd.DataFrame]
) -> tuple[Interval, str]:
    """Return the interval of weighed accuracies, and whether seeds share test images, where it is over seeds."""
    scores, shared = {}, []
    whole = {name: rows for name, rows in whole.items() if len(rows)}
    sets = _sets({name: blocks[name] for name in whole})
    for images, names in sets.items():
        weights = {name: _by_seed(weigh(whole[name])) for name in names}
        parts = {name: (whole[name] * each).dropna().sum(axis=1) for name, each in weights.items()}
        values = pd.DataFrame({name: part.groupby(level="seed").sum() for name, part in parts.items()})
        # a seed is one observation of all parts, where any has them all
        values = values.dropna() if len(values.dropna()) else values
        scores[images] = values.mean(axis=1)
        if len(sets) < MIN_DATASETS:  # else whatever varies below a dataset varies its mean, too
            first = blocks[names[0]].images
            shared.append(first.shared(_terms(blocks, weights, values)))
    return interval(pd.DataFrame(scores).T, shared), "; ".join(dict.fromkeys(one.case for one in shared))


def _sets(blocks: dict[str, _Block]) -> dict[str, list[str]]:
    """Group the names of blocks by the images behind them: parts and protocols of one set are one dataset."""
    known = image_sets(block.dataset for block in blocks.values())
    result: dict[str, list[str]] = {}
    for name, block in blocks.items():
        result.setdefault(known[block.dataset], []).append(name)
    return result


def _terms(
    blocks: dict[str, _Block], weights: dict[str, pd.DataFrame], values: pd.DataFrame
) -> dict[int, list[tuple[Cell, float]]]:
    """Weigh the cells of all parts of one set of images so that they add to each seed's score; seeds x parts."""
    terms: dict[int, list[tuple[Cell, float]]] = {}
    for name, rows in weights.items():
        keys: list[Any] = list(rows.index)
        for (level, seed), row in zip(keys, rows.to_numpy(), strict=True):
            if seed in values.index:
                parts = int(values.loc[seed].notna().sum())
                pairs = zip(rows, row, strict=True)
                used = [(blocks[name].cells[level, seed, str(x)], weight / parts) for x, weight in pairs if weight]
                terms.setdefault(seed, []).extend(used)
    return terms


def _percent(found: Interval) -> str:
    text = _shown(found).text
    bounds = f" [{text(found.low)}, {text(found.high)}]{found.remark}" if found.known else ""
    return f"{text(found.mean)} %{bounds}"


def _points(found: Interval) -> str:
    mean, low, high = (signed(value, _shown(found)) for value in (found.mean, found.low, found.high))
    return f"{mean} points" + (f" [{low}, {high}]{found.remark}" if found.known else "")


def _shown(found: Interval) -> Metric:
    return carried(METRICS["accuracy"], found.high - found.low)


def _with_left_out(verdict: str, missing: list[str]) -> str:
    return verdict + (f"; left out: {'; '.join(missing)}" if missing else "")
