"""What changed between two runs: `python -m benchmarks.report --compare A B`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.report.data.loading import collect
from benchmarks.report.data.names import METRICS, Metric, dataset_title, escape_markdown, metric_named
from benchmarks.report.statistics.decimals import carried, signed
from benchmarks.report.statistics.images import Cell, Shared, TestImages
from benchmarks.report.statistics.intervals import interval
from datasets import UserError
from datasets.hints import counted

POINT = ["comparison", "dataset", "protocol", "label"]
FILE = ["folder", "id", "scores_digest"]
RULE = (
    "Second run less first, on the levels and seeds that both have, levels averaged within a seed; 95 % "
    "interval, Student's over seeds. Changed: the interval excludes 0 after correction for the number of rows "
    "(Bonferroni). Test images that seeds share: {images}."
)

LOST = (
    "What it loses: against the method that is best on the other seeds of the second run, on the seed left out (a best "
    "picked on the seed that judges it would flatter; of one seed it is picked so); less than 0 where the choice of "
    "the first run is the better one. Where both runs test the same images, they share the luck of these."
)


def compare(first: Path, second: Path, metric: str = "accuracy") -> str:
    """Say what changed between two results folders, as Markdown.

    Raises:
        UserError: a folder has no records, the metric is unknown, or the runs have no cell in common.
    """
    shown = metric_named(metric)
    frames = [collect([folder]).frame for folder in (first, second)]
    key = [*POINT, "level", "seed"]
    done = [frame[frame["status"].eq("done")].drop_duplicates(key).set_index(key) for frame in frames]
    old, new = (frame[metric] for frame in done)
    both = pd.DataFrame({"old": old, "new": new}).dropna()
    if both.empty:
        raise UserError(
            f"{first} and {second} have no finished cell in common; compare runs of the same datasets, levels and seeds"
        )
    same = int((both["old"] == both["new"]).sum())
    lines = [
        "# What changed",
        "",
        f"{shown.title}: {counted(len(both), 'cell')} in both, {same} of them equal to the last digit; "
        f"{len(old) - len(both)} only in the first, {len(new) - len(both)} only in the second.",
        "",
    ]
    both = both.join(done[0][FILE].add_prefix("old_")).join(done[1][FILE].add_prefix("new_"))
    both["change"] = both["new"] - both["old"]
    parts, images = list(both.groupby(level=POINT, sort=False)), TestImages(metric)
    made = [_row(name, part, len(parts), images, shown) for name, part in parts]  # type: ignore[arg-type]
    rows = sorted((row for row, _ in made), key=lambda row: -abs(row[0]))
    cases = "; ".join(dict.fromkeys(case for _, case in made if case)) or "no matter, nothing changed"
    unit = f" ({shown.points})" if shown.points else ""
    lines += [f"| where | method | change{unit} | cells | |", "| --- | --- | ---: | ---: | --- |"]
    lines += ["| " + " | ".join(row[1:]) + " |" for row in rows]
    return "\n".join([*lines, "", RULE.format(images=cases), "", *_agreement(frames, metric)])


def _agreement(frames: Sequence[pd.DataFrame], metric: str) -> list[str]:
    """Say whether the two runs rank their methods alike, and what the first one's choice loses in the second."""
    first, second = (_scores(frame, metric) for frame in frames)
    points: list[Any] = [list(dict.fromkeys(key[:-1] for key in scores.index)) for scores in (first, second)]
    places = [point for point in points[0] if point in set(points[1])]
    rows = []
    for point in places:
        seeds = second.loc[point]
        means = pd.DataFrame({"old": first.loc[point].mean(), "new": seeds.mean()}).dropna()
        if len(means) < 2:
            continue
        where = escape_markdown(f"{dataset_title(point[1])}, {point[2]} {point[3]:g}, {point[0]}")
        best = str(means["old"].idxmax())
        tau = stats.kendalltau(means["old"], means["new"]).statistic
        lost = _lost(seeds[list(means.index)], best)
        rows.append((where, len(means), float(tau), escape_markdown(best), lost))
    if not rows:
        return []
    table = pd.DataFrame(rows, columns=["where", "methods", "tau", "chosen", "lost"])
    head = ["where", "methods", "Kendall's tau", "best mean of the first", "what it loses in the second"]
    lines = ["## Do they rank alike?", "", "| " + " | ".join(head) + " |", "| --- | ---: | ---: | --- | ---: |"]
    lines += [f"| {r.where} | {r.methods} | {r.tau:.2f} | {r.chosen} | {r.lost:.1f} |" for r in table.itertuples()]
    return [*lines, f"| **mean** | | {table['tau'].mean():.2f} | | {table['lost'].mean():.1f} |", "", LOST, ""]


def _scores(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return results in shown units, more being better: points x seeds down, methods across."""
    done = frame[frame["status"].eq("done")]
    scores = done.pivot_table(
        index=["comparison", "dataset", "protocol", "level", "seed"], columns="label", values=metric, sort=False
    )
    return scores * METRICS[metric].scale * METRICS[metric].sign


def _lost(scores: pd.DataFrame, chosen: str) -> float:
    """Return what a method loses, on each seed, against the one that is best on the other seeds; seeds x methods."""
    lost = []
    for place in range(len(scores)):
        others = scores.drop(index=scores.index[place]) if len(scores) > 1 else scores
        judged = scores.iloc[place]
        lost.append(judged[str(others.mean().idxmax())] - judged[chosen])
    return float(np.nanmean(lost))


def _row(
    name: tuple[str, ...], part: pd.DataFrame, rows: int, images: TestImages, metric: Metric
) -> tuple[tuple[float, str, str, str, str, str], str]:
    """Return one row, and whether its seeds share test images, where anything changed."""
    comparison, dataset, protocol, label = map(str, name)
    changes = pd.DataFrame([part["change"].groupby(level="seed").mean()])
    shared = images.shared(_terms(part)) if part["change"].any() else Shared(case="")
    found, corrected = interval(changes, [shared]), interval(changes, [shared], rows)
    written = carried(metric, found.high - found.low)
    low, high = signed(found.low, written), signed(found.high, written)
    bounds = f" [{low}, {high}]{found.remark}" if found.known else ""
    where = escape_markdown(f"{dataset_title(dataset)}, {protocol}, {comparison}")
    told = corrected.unit == "seeds" and (corrected.low > 0 or corrected.high < 0)
    shown = f"{signed(found.mean, written)}{bounds}"
    return (found.mean, where, escape_markdown(label), shown, str(len(part)), "changed" if told else ""), shared.case


def _terms(part: pd.DataFrame) -> dict[int, list[tuple[Cell, float]]]:
    """Weigh the cells of both runs so that they add to each seed's change."""
    terms: dict[int, list[tuple[Cell, float]]] = {}
    for seed, cells in part.groupby(level="seed"):
        for run, sign in (("new", 1), ("old", -1)):
            files = zip(*(cells[f"{run}_{name}"] for name in FILE), strict=True)
            terms.setdefault(int(str(seed)), []).extend((file, sign / len(cells)) for file in files)
    return terms
