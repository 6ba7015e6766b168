"""The statistics as `statistics.md`."""

from __future__ import annotations

import pandas as pd
from tabulate import tabulate

from benchmarks.report.data.names import comparison_title, escape_markdown
from benchmarks.report.data.origin import image_sets
from benchmarks.report.statistics.decimals import carried, signed
from benchmarks.report.statistics.intervals import MIN_DATASETS
from benchmarks.report.statistics.tests import CAVEAT, MIN_BLOCKS, Analysis
from datasets.hints import counted


def markdown(analyses: dict[str, Analysis]) -> str:
    """Write the analyses of all comparisons."""
    parts = ["# Statistics", ""]
    for comparison, analysis in analyses.items():
        parts += [f"## {comparison_title(comparison).capitalize()}", "", *_section(analysis), ""]
    return "\n".join(parts)


def _section(analysis: Analysis) -> list[str]:
    blocks, methods = analysis.values.shape
    lines = [
        f"{analysis.metric.title}; seeds averaged first; {blocks} blocks (dataset x protocol x level), "
        f"{counted(methods, 'method')}."
    ]
    if analysis.left_out:
        lines += [
            "",
            "Left out, because values are missing: " + "; ".join(map(escape_markdown, analysis.left_out)) + ".",
        ]
    if analysis.verdict:
        lines += ["", analysis.verdict]
    if analysis.friedman:
        lines += ["", friedman_sentence(analysis), "", f"*{CAVEAT}*"]
    if len(analysis.ranks):
        lines += ["", "### Mean ranks (1 is best)", "", *_ranks(analysis)]
    if not analysis.against_control.empty:
        lines += ["", f"### Against {analysis.control}", "", *_control(analysis)]
    elif len(analysis.ranks):
        lines += ["", f"The control {analysis.control} is not among the complete methods: nothing is compared with it."]
    return lines


def _ranks(analysis: Analysis) -> list[str]:
    bounds = analysis.rank_intervals
    rows = [[escape_markdown(str(label)), f"{rank:.1f}"] for label, rank in analysis.ranks.items()]
    if bounds.empty:
        return [_table(rows, ["method", "mean rank"])]
    for row, label in zip(rows, analysis.ranks.index, strict=True):
        row.append(f"[{bounds['low'][label]:.1f}, {bounds['high'][label]:.1f}]")
    datasets = len(set(image_sets(analysis.values.index.get_level_values("dataset")).values()))
    note = f"Intervals: bootstrap over the {datasets} datasets, each with all its levels; of few, they are too narrow."
    return [_table(rows, ["method", "mean rank", "95 % interval"]), "", note]


def friedman_sentence(analysis: Analysis) -> str:
    """Say what Friedman's test and Nemenyi's critical difference give."""
    test, (blocks, methods) = analysis.friedman, analysis.values.shape
    return (
        f"Friedman: chi2 = {test['chi2']:.1f} with {methods - 1} degrees of freedom, {p_equals(test['p'])} "
        f"(without tie correction {test['chi2_plain']:.1f}; Iman-Davenport F = {test['iman_davenport']:.1f} with "
        f"{methods - 1} and {(methods - 1) * (blocks - 1)}). Nemenyi: mean ranks differ at the level of 5 % "
        f"from {analysis.critical_difference:.1f} on."
    )


def p_equals(p: float) -> str:
    """Write a p-value for running text: `p = 0.012`, `p < 0.0001`."""
    return f"p {p_text(p)}" if p < 1e-4 else f"p = {p_text(p)}"


def p_text(p: float) -> str:
    """Write a p-value with three digits; tiny ones as a bound."""
    return "< 0.0001" if p < 1e-4 else f"{p:.3g}"


def control_rows(analysis: Analysis) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of the comparison with the control, as text; no rows where there is none."""
    table, metric = analysis.against_control, analysis.metric
    if table.empty:
        return [], []
    rows = pd.DataFrame({"method": table.index})
    shown = [carried(metric, width) for width in table["high"] - table["low"]]
    rows["difference"] = [signed(value, each) for value, each in zip(table["difference"], shown, strict=True)]
    rows["wins / losses"] = [f"{wins} / {losses}" for wins, losses in zip(table["wins"], table["losses"], strict=True)]
    if table["low"].notna().all():
        bounds = zip(table["low"], table["high"], shown, strict=True)
        interval = [f"[{signed(low, each)}, {signed(high, each)}]" for low, high, each in bounds]
        rows.insert(2, "95 % interval", interval)
    if "p" in table:
        rows["p"], rows["p (Holm)"] = table["p"].map(p_text).tolist(), table["p_holm"].map(p_text).tolist()
    return list(rows.columns), rows.to_numpy().tolist()


def _control(analysis: Analysis) -> list[str]:
    heads, rows = control_rows(analysis)
    unit = f" in {analysis.metric.points}" if analysis.metric.points else ""
    return [
        f"Mean difference over datasets{unit}, levels averaged first, parts of one set of images as one "
        f"dataset (positive is better); wins and losses are of datasets; interval: Student's over "
        f"datasets, from {MIN_DATASETS} on, not corrected for the number of methods, so the first rows, picked "
        "after the fact, flatter; p: Wilcoxon signed-rank over datasets, zeros split, corrected by Holm, from "
        f"{MIN_BLOCKS} datasets on.",
        "",
        _table([[escape_markdown(label), *rest] for label, *rest in rows], heads),
    ]


def _table(rows: list[list[str]], headers: list[str]) -> str:
    return str(tabulate(rows, headers=headers, tablefmt="pipe", disable_numparse=True))
