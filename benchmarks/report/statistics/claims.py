"""The paper's claims beside what was measured."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from benchmarks.report.data.names import AS_IN_PAPER, COMMON, PROPOSED, dataset_title, harder_first, level_name
from benchmarks.report.tables.render import escape_markdown

PAPER = "Liu et al., Neural Computing and Applications 33, 14179-14197 (2021), doi 10.1007/s00521-021-06066-8"
MEAN, MARGIN, EXTREME, FEW = 0.985, 0.0232, 0.04, 0.99
RULES = [
    f"Accuracy on the class-balanced test set, seeds averaged first; `{PROPOSED}` as in the paper, the common methods "
    f"({', '.join(COMMON)}) on the single-scale network.",
    "A margin is the proposed method's accuracy less the mean accuracy of the five common methods, in points; only "
    "levels at which all six were measured count, and those left out are named.",
    "Verdicts: the mean holds from 98.5 % (which is about 99 %), the margins from 2.32 and 4.0 points, the last from "
    "99 %. The extreme ratio is the largest one that the data supports.",
    "Cells: the finished cells (seed x level x method) behind the number.",
]


@dataclass(frozen=True)
class Claim:
    """One claim on one dataset: what the paper says, what was measured, over how many cells, and the verdict."""

    claim: str
    stated: str
    where: str
    measured: str
    cells: int
    verdict: str


def claims(table: pd.DataFrame) -> list[Claim]:
    """Hold the paper's claims against the points (see `benchmarks.report.data.points.points`)."""
    part = table[table["comparison"].eq(AS_IN_PAPER)]
    ratios = part[part["protocol"].isin(["step", "long-tail"])]
    result = []
    for claim in (_mean, _margin, _extreme):
        names = list(dict.fromkeys(zip(ratios["dataset"], ratios["protocol"], strict=True)))
        blocks = [ratios[ratios["dataset"].eq(d) & ratios["protocol"].eq(p)] for d, p in names]
        result += [claim([b], f"{dataset_title(d)} ({p})") for (d, p), b in zip(names, blocks, strict=True)]
        if len(blocks) != 1:
            result.append(claim(blocks, "all datasets"))
    few = part[part["protocol"].eq("few")]
    return result + [_few(few[few["dataset"].eq(d)], dataset_title(d)) for d in few["dataset"].astype(str).unique()]


def markdown(rows: list[Claim]) -> str:
    """Write the claims as a Markdown table with its rules."""
    lines = [
        "# The paper's claims beside what was measured",
        "",
        f"Paper: {PAPER}.",
        "",
        "| claim | stated | where | measured | cells | verdict |",
        "| --- | --- | --- | --- | ---: | --- |",
    ]
    cells = ([r.claim, r.stated, r.where, r.measured, str(r.cells), r.verdict] for r in rows)
    lines += ["| " + " | ".join(map(escape_markdown, row)) + " |" for row in cells]
    return "\n".join([*lines, "", *(f"- {rule}" for rule in RULES), ""])


def _mean(blocks: list[pd.DataFrame], where: str) -> Claim:
    name, stated = f"mean accuracy of {PROPOSED}", "about 99 %"
    rows = pd.concat([_of(block, [PROPOSED]) for block in blocks]) if blocks else pd.DataFrame()
    if rows.empty:
        return Claim(name, stated, where, "n/a", 0, f"not measurable (no finished cell of {PROPOSED})")
    missing = [text for block in blocks for text in _missing(block, [PROPOSED])]
    mean = float(rows["accuracy"].mean())
    return Claim(name, stated, where, f"{mean * 100:.2f} %", _cells(rows), _verdict(mean >= MEAN, missing))


def _margin(blocks: list[pd.DataFrame], where: str) -> Claim:
    name = "margin over the mean of the common methods, all ratios"
    return _difference(name, "2.32 points", MARGIN, blocks, where)


def _extreme(blocks: list[pd.DataFrame], where: str) -> Claim:
    name = "margin over the mean of the common methods, extreme ratio"
    tops = [block[block["level"].eq(block["level"].max())] for block in blocks]
    at = ", ".join(sorted({level_name("step", float(top["level"].max())) for top in tops}))
    return _difference(name, "4.0 points", EXTREME, tops, f"{where}, {at}" if at else where)


def _difference(name: str, stated: str, target: float, blocks: list[pd.DataFrame], where: str) -> Claim:
    wanted = [PROPOSED, *COMMON]
    missing = [text for block in blocks for text in _missing(block, wanted)]
    whole = [block[block["level"].isin(_complete(block, wanted))] for block in blocks]
    rows = pd.concat([_of(block, wanted) for block in whole]) if whole else pd.DataFrame()
    if rows.empty:
        why = "; ".join(missing) or "no records with a ratio"
        return Claim(name, stated, where, "n/a", 0, f"not measurable ({why})")
    values = rows.pivot(index=["dataset", "protocol", "level"], columns="label", values="accuracy")
    margin = float((values[PROPOSED] - values[list(COMMON)].mean(axis="columns")).mean())
    return Claim(name, stated, where, f"{margin * 100:+.2f} points", _cells(rows), _verdict(margin >= target, missing))


def _few(block: pd.DataFrame, where: str) -> Claim:
    name, stated = f"accuracy of {PROPOSED} with only several minority images", "> 99 %"
    rows = _of(block, [PROPOSED]).sort_values("level", ascending=not harder_first("few"))
    if rows.empty:
        return Claim(name, stated, where, "n/a", 0, f"not measurable (no finished cell of {PROPOSED})")
    pairs = zip(rows["accuracy"].tolist(), rows["level"].tolist(), strict=True)
    each = ", ".join(f"{accuracy * 100:.2f} % at {level:g}" for accuracy, level in pairs)
    mean = float(rows["accuracy"].mean())
    missing = _missing(block, [PROPOSED])
    measured = f"{mean * 100:.2f} % ({each} minority images)"
    return Claim(name, stated, where, measured, _cells(rows), _verdict(mean > FEW, missing))


def _of(block: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    return block[block["label"].isin(labels) & block["accuracy"].notna()]


def _complete(block: pd.DataFrame, labels: list[str]) -> list[float]:
    counts = _of(block, labels).groupby("level")["label"].nunique()
    return [float(level) for level in counts.index[counts.eq(len(labels))]]


def _missing(block: pd.DataFrame, labels: list[str]) -> list[str]:
    """Say which of these methods lack which level."""
    found = _of(block, labels)
    texts = []
    for level in sorted(block["level"].unique()):
        absent = [name for name in labels if name not in set(found.loc[found["level"].eq(level), "label"])]
        if absent:
            dataset, protocol = block["dataset"].iloc[0], block["protocol"].iloc[0]
            names = ", ".join(absent) if len(absent) < len(labels) else "any of the methods"
            texts.append(f"{dataset_title(dataset)} {level_name(protocol, float(level))} lacks {names}")
    return texts


def _cells(rows: pd.DataFrame) -> int:
    return int(rows["accuracy_n"].sum())


def _verdict(holds: bool, missing: list[str]) -> str:
    left_out = f"; left out: {'; '.join(missing)}" if missing else ""
    return ("holds" if holds else "does not hold") + left_out
