"""What a referee found wrong with an earlier comparison, measured again: `python -m experiments.referee RESULTS`.

From the records of one results folder, and from the splits of the datasets that are available here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tabulate import tabulate

import benchmarks
import datasets
from benchmarks.grid import plan, presets, rows
from benchmarks.grid.cells import Cell
from benchmarks.running.prepare import Prepared, prepare
from datasets.development import development_rows

OURS, CONTROL, PLAIN = "multiscale-two-stage-adjusted", "multiscale-logit-adjustment", "cross-entropy"
SAME_PRIOR = "logit-adjustment"
"""Balanced softmax by another name."""
CACHE = datasets.cache_root()
STEPS, EXTREME, NEAR = 600, 80, 20
Row = tuple[str, str]


def read(folder: Path) -> pd.DataFrame:
    """Return the finished cells of the step protocol, a row each, accuracy in points."""
    frame = benchmarks.load(folder)
    frame = frame[
        (frame.status == "done") & (frame.protocol == "step") & frame.comparison.str.startswith("as-in-paper")
    ]
    named = frame.backbone.value_counts().idxmax()
    points = frame[frame.backbone == named].copy()
    points["points"] = 100 * points.balanced_accuracy
    points["collapsed"] = points.confusion.map(lambda rows: (np.sum(rows, axis=0) > 0).sum() == 1)
    return points


def lead(untuned: pd.DataFrame, rival: str, **where: object) -> Iterator[str]:
    """Yield by how much ours is ahead of a rival, paired by seed, at each number of steps."""
    for steps, group in _where(untuned, **where).groupby("budget"):
        table = group.pivot_table(index=["dataset", "ratio", "seed"], columns="method", values="points")
        if {OURS, rival} <= set(table):
            gap = (table[OURS] - table[rival]).dropna()
            yield f"{gap.mean():+.1f} at {steps} steps ({len(gap)} pairs)"


def speed(untuned: pd.DataFrame) -> Iterator[Row]:
    """Yield whether the lead on dagm/1 is one in training speed."""
    yield "over balanced softmax, dagm/1, IR 80", ", ".join(lead(untuned, SAME_PRIOR, dataset="dagm/1", ratio=EXTREME))
    yield "over its control, dagm/1, IR 80", ", ".join(lead(untuned, CONTROL, dataset="dagm/1", ratio=EXTREME))
    rare = untuned[(untuned.dataset == "dagm/1") & (untuned.ratio >= 40) & (untuned.budget == STEPS)]
    yield "dagm/1 at IR 40 and 80, cells that predict one class", f"{100 * rare.collapsed.mean():.0f} %"
    plain = _where(untuned, dataset="dagm/1", method=PLAIN).groupby(["ratio", "budget"]).points.mean()
    for ratio in sorted({ratio for ratio, steps in plain.index if steps != STEPS}):
        yield f"cross-entropy on dagm/1, IR {ratio:.0f}", _by_steps(plain[ratio])


def budget(untuned: pd.DataFrame) -> Iterator[Row]:
    """Yield what other numbers of steps do to the methods that are best at the least."""
    for (dataset, ratio), group in untuned.groupby(["dataset", "ratio"]):
        table = group.pivot_table(index="method", columns="budget", values="points").dropna()
        if table.shape[1] > 1:
            best = table.nlargest(5, table.columns[0])
            yield f"{dataset}, IR {ratio:.0f}: the five best at {table.columns[0]} steps", _by_steps(best.mean())


def control(untuned: pd.DataFrame) -> Iterator[Row]:
    """Yield what the stages add to the same loss and network."""
    same = untuned[untuned.budget == STEPS]
    yield "ours over its control, all points", ", ".join(lead(same, CONTROL))
    yield "ours over its control, IR 80", ", ".join(lead(same, CONTROL, ratio=EXTREME))


def tuning(frame: pd.DataFrame) -> Iterator[Row]:
    """Yield what tuning gives each method, by equal trials."""
    keys = ["dataset", "ratio", "seed", "method"]
    for trials, tuned in frame[frame.trials > 0].groupby("trials"):
        both = tuned.merge(frame[(frame.trials == 0) & (frame.budget == STEPS)], on=keys, suffixes=("", "_default"))
        for method, group in both.groupby("method"):
            gain = group.points - group.points_default
            before, after = group.points_default.mean(), group.points.mean()
            shown = f"{before:.1f} to {after:.1f} ({gain.mean():+.1f}, {len(gain)} pairs)"
            yield f"{method}, default and tuned by {trials:.0f} trials", shown


def images(frame: pd.DataFrame) -> Iterator[Row]:
    """Yield, per dataset, its tested images: how many, which served for choosing, who their neighbours are."""
    asked = {"methods": (PLAIN,), "ratios": (EXTREME // 8,)}
    preset = presets.load("thorough").model_copy(update=asked)
    for cell in plan.build(preset, frame.dataset.unique().tolist(), cache=CACHE).cells:
        if cell.seed == 0:
            seeds = sorted(frame[frame.dataset == cell.dataset].seed.unique().tolist())
            yield from _of_dataset(cell, seeds)


def _of_dataset(cell: Cell, seeds: list[int]) -> Iterator[Row]:
    prepared = prepare(cell.data, cell.settings.backbone, CACHE, "cpu")
    index = prepared.imageset.index
    splits = [rows.split(cell.data, index, seed) for seed in seeds]
    tested = np.unique(np.concatenate([each.test for each in splits]))
    served = int(development_rows(index)[tested].sum())
    name = cell.dataset
    yield (
        f"{name}: folds, tested images of each class in one, in all",
        (f"{len(seeds)}, {len(splits[0].test) // len(index.class_names)}, {len(tested)}"),
    )
    yield f"{name}: tested images that served for choosing", f"{served} of {len(tested)}"
    if name == "elpv":
        near, tests = np.concatenate([_near(prepared, each) for each in splits]), sum(len(s.test) for s in splits)
        yield (
            f"elpv: tested cells whose nearest trainable one is within {NEAR} files",
            f"{100 * near.mean():.0f} % of {tests}",
        )


def _near(prepared: Prepared, parts: datasets.Split) -> np.ndarray:
    """Say of each tested image whether its nearest image of the train pool, by pooled features, is a near file."""
    pooled = [
        torch.cat([x.float().mean((1, 2)) for x in prepared.images(part).levels], 1)
        for part in (parts.train, parts.test)
    ]
    mean, std = pooled[0].mean(0), pooled[0].std(0)
    train, test = ((part - mean) / std for part in pooled)
    nearest = parts.train[torch.cdist(test, train).argmin(1).numpy()]
    return np.asarray(np.abs(nearest - parts.test) <= NEAR)


def _where(frame: pd.DataFrame, **equal: object) -> pd.DataFrame:
    for column, value in equal.items():
        frame = frame[frame[column] == value]
    return frame


def _by_steps(means: pd.Series) -> str:
    return ", ".join(f"{value:.1f} at {steps}" for steps, value in means.items())


def main() -> None:
    """Print the table."""
    frame = read(Path(sys.argv[1]))
    untuned = frame[frame.trials == 0]
    found = [*speed(untuned), *budget(untuned), *control(untuned), *tuning(frame), *images(frame)]
    print(tabulate(found, headers=("what", "measured"), tablefmt="github"))  # noqa: T201 - this is its output


if __name__ == "__main__":
    main()
