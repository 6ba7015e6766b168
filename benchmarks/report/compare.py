"""What changed between two runs: `python -m benchmarks.report --compare A B`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats

from benchmarks.report.data.loading import collect
from benchmarks.report.data.names import METRICS, dataset_title, metric_named
from benchmarks.report.statistics.intervals import Interval, interval
from benchmarks.report.tables.render import escape_markdown
from datasets import UserError
from datasets.hints import counted

POINT = ["comparison", "dataset", "protocol", "label"]
RULE = (
    "Second run less first, on the levels and seeds that both have, levels averaged within a seed; 95 % "
    "interval, Student's over seeds. Changed: the interval excludes 0 after correction for the number of rows "
    "(Bonferroni)."
)


def compare(first: Path, second: Path, metric: str = "accuracy") -> str:
    """Say what changed between two results folders, as Markdown.

    Raises:
        UserError: a folder has no records, the metric is unknown, or the runs have no cell in common.
    """
    shown = metric_named(metric)
    frames = [collect([folder]).frame for folder in (first, second)]
    key = [*POINT, "level", "seed"]
    old, new = (frame[frame["status"].eq("done")].drop_duplicates(key).set_index(key)[metric] for frame in frames)
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
    changes = (both["new"] - both["old"]) * shown.scale
    parts = list(changes.groupby(level=POINT, sort=False))
    rows = [_row(name, part, len(parts)) for name, part in parts]  # type: ignore[arg-type]
    rows.sort(key=lambda row: -abs(row[0]))
    unit = f" ({shown.points})" if shown.points else ""
    lines += [f"| where | method | change{unit} | cells | |", "| --- | --- | ---: | ---: | --- |"]
    lines += ["| " + " | ".join(row[1:]) + " |" for row in rows]
    return "\n".join([*lines, "", RULE, "", *_agreement(frames, metric)])


def _agreement(frames: Sequence[pd.DataFrame], metric: str) -> list[str]:
    """Say whether the two runs rank their methods alike, and what the first one's choice loses in the second."""
    old, new = (_means(frame, metric) for frame in frames)
    places: list[Any] = list(old.columns.intersection(new.columns))
    rows = []
    for point in places:
        means = pd.DataFrame({"old": old[point], "new": new[point]}).dropna()
        if len(means) < 2:
            continue
        where = escape_markdown(f"{dataset_title(point[1])}, {point[2]} {point[3]:g}, {point[0]}")
        best = int(means["old"].argmax())
        tau = stats.kendalltau(means["old"], means["new"]).statistic
        lost = means["new"].max() - means["new"].iloc[best]
        rows.append((where, len(means), float(tau), escape_markdown(str(means.index[best])), float(lost)))
    if not rows:
        return []
    table = pd.DataFrame(rows, columns=["where", "methods", "tau", "chosen", "lost"])
    head = ["where", "methods", "Kendall's tau", "best mean of the first", "what it loses in the second"]
    lines = ["## Do they rank alike?", "", "| " + " | ".join(head) + " |", "| --- | ---: | ---: | --- | ---: |"]
    lines += [f"| {r.where} | {r.methods} | {r.tau:.2f} | {r.chosen} | {r.lost:.1f} |" for r in table.itertuples()]
    return [*lines, f"| **mean** | | {table['tau'].mean():.2f} | | {table['lost'].mean():.1f} |", ""]


def _means(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return each method's mean over seeds, methods down, levels across, in shown units, more being better."""
    done = frame[frame["status"].eq("done")]
    means = done.groupby(["comparison", "dataset", "protocol", "level", "label"])[metric].mean().unstack("label").T
    return means * METRICS[metric].scale * METRICS[metric].sign


def _row(name: tuple[str, ...], part: pd.Series, rows: int) -> tuple[float, str, str, str, str, str]:
    comparison, dataset, protocol, label = map(str, name)
    by_seed = part.groupby(level="seed").mean()
    found = interval(pd.DataFrame([by_seed.to_numpy()]))
    bounds = f" [{found.low:+.2f}, {found.high:+.2f}]" if found.known else ""
    where = escape_markdown(f"{dataset_title(dataset)}, {protocol}, {comparison}")
    changed = "changed" if _excludes_zero(found, by_seed, rows) else ""
    return found.mean, where, escape_markdown(label), f"{found.mean:+.2f}{bounds}", str(len(part)), changed


def _excludes_zero(found: Interval, by_seed: pd.Series, rows: int) -> bool:
    """Say whether a change is told from chance, corrected for the number of rows."""
    if not found.known or found.mean == 0:
        return False
    if by_seed.nunique() == 1:
        return True
    return float(stats.ttest_1samp(by_seed.to_numpy(float), 0.0).pvalue) * rows < 0.05
