"""What a referee found wrong with an earlier comparison, measured again: `python -m experiments.referee [RECORDS]`.

From the table of records that comes with the suite, and from the splits of the datasets that are available here.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import stats
from tabulate import tabulate

import datasets
from benchmarks.grid import plan, presets, rows
from benchmarks.grid.cells import Cell
from benchmarks.report.advice.reference import REFERENCE
from benchmarks.report.data.names import AS_IN_PAPER
from benchmarks.running.prepare import Prepared, prepare
from datasets.development import development_rows

OURS, CONTROL, PLAIN = "multiscale-two-stage-adjusted", "multiscale-logit-adjustment", "cross-entropy"
SAME_PRIOR = "logit-adjustment"
"""Balanced softmax by another name."""
CACHE = datasets.cache_root()
STEPS, EXTREME, NEAR = 600, 80, 20
TWO_CLASSES = ("dagm/1", "elpv", "magnetic_tile/defects", "textures")
Row = tuple[str, str]


def read(path: Path, protocols: Collection[str] = ("step",)) -> pd.DataFrame:
    """Return the finished cells of some protocols, a row each.

    Returns:
        The columns of the records, and `points` (balanced accuracy, %) and `collapsed` (one class is predicted).
    """
    frame = pd.read_csv(path)
    kept = frame[(frame["status"] == "done") & frame["protocol"].isin(protocols)].copy()
    kept["points"] = 100 * kept["balanced_accuracy"]
    kept["collapsed"] = kept["confusion"].map(lambda text: (np.sum(json.loads(text), axis=0) > 0).sum() == 1)
    return kept


def parts(cells: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the cells of the step protocol, as in the paper: by defaults, by other backbones, and tuned ones, too.

    Networks from scratch, which have no backbone and budgets of their own, are in none.
    """
    asked = cells[(cells["protocol"] == "step") & cells["comparison"].str.startswith(AS_IN_PAPER)]
    asked = asked[asked["backbone"].notna()]
    shared = asked["backbone"] == asked["backbone"].value_counts().idxmax()
    return asked[shared & asked["trials"].eq(0)], asked[~shared], asked[shared]


def lead(untuned: pd.DataFrame, rival: str, **where: object) -> Iterator[str]:
    """Yield by how much ours is ahead of a rival, paired by seed, at each number of steps."""
    for steps, group in _where(untuned, **where).groupby("budget"):
        table = group.pivot_table(index=["dataset", "ratio", "seed"], columns="method", values="points")
        if {OURS, rival} <= set(table):
            gap = (table[OURS] - table[rival]).dropna()
            yield f"{gap.mean():+.1f} {_interval(gap)} at {steps} steps ({len(gap)} pairs)"


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
    """Yield what other numbers of steps do to the methods that are best at the least, of those that take steps."""
    for (dataset, ratio), group in untuned[untuned.steps > 0].groupby(["dataset", "ratio"]):
        table = group.pivot_table(index="method", columns="budget", values="points").dropna()
        if table.shape[1] > 1:
            best = table.nlargest(5, table.columns[0])
            yield f"{dataset}, IR {ratio:.0f}: the five best at {table.columns[0]} steps", _by_steps(best.mean())


def order(untuned: pd.DataFrame, others: pd.DataFrame) -> Iterator[Row]:
    """Yield how alike methods are ordered under other steps and another backbone, by the same folds of two classes.

    Of methods on the shared features; the others were run for fewer folds.
    """
    learnt = untuned[(untuned.steps > 0) & untuned["head"].eq("pooled")]
    steps = learnt.pivot_table(index=["dataset", "ratio", "seed", "method"], columns="budget", values="points")
    for first, second in itertools.combinations(steps, 2):
        yield f"methods' order at {first} and at {second} steps", _tau(steps[[first, second]])
    keys = ["dataset", "ratio", "seed", "method"]
    for name, group in others.groupby("backbone"):
        both = group.merge(untuned[untuned.budget == STEPS], on=keys, suffixes=("", "_main")).set_index(keys)
        yield f"methods' order with the shared backbone and with {name}", _tau(both[["points_main", "points"]])


def _tau(pairs: pd.DataFrame) -> str:
    pairs = pairs.dropna()
    means = pairs[pairs.index.get_level_values("dataset").isin(TWO_CLASSES)].groupby(level="method").mean()
    return f"Kendall's tau {stats.kendalltau(*means.to_numpy().T).statistic:.2f} of {len(means)} methods"


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
        both["gain"] = both.points - both.points_default
        yield f"all {both.method.nunique()} methods, default and tuned by {trials:.0f} trials", _gained(both)
        for dataset, group in both.groupby("dataset"):
            yield f"... on {dataset}", _gained(group)
        for method, group in both.groupby("method"):
            before, after = group.points_default.mean(), group.points.mean()
            interval = _interval(group.set_index(["dataset", "seed"]).gain)
            shown = f"{before:.1f} to {after:.1f} ({group.gain.mean():+.1f} {interval}, {len(group)} pairs)"
            yield f"{method}, default and tuned by {trials:.0f} trials", shown


def _gained(both: pd.DataFrame) -> str:
    gains = both.groupby("method").gain.mean()
    return f"{gains.mean():+.1f} on average, {gains.median():+.1f} at the median, {(gains > 0).sum()} above 0"


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
    sizes = sorted({len(each.test) // len(index.class_names) for each in splits})
    numbers = (
        f"{cell.data.settings.folds}, {len(seeds)}, {'-'.join(map(str, sizes[:: len(sizes) - 1 or 1]))}, {len(tested)}"
    )
    yield f"{name}: folds, seeds, tested images of each class in one, in all", numbers
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


def _interval(gap: pd.Series) -> str:
    """Return the 95 % interval over the sources of images, the folds where there is one; levels are averaged."""
    sources = gap.index.get_level_values("dataset").str.partition("/").get_level_values(0)
    units = gap.groupby(sources).mean() if len(sources.unique()) > 1 else gap.groupby(level="seed").mean()
    low, high = stats.t.interval(0.95, len(units) - 1, units.mean(), stats.sem(units))
    return f"[{low:+.1f}, {high:+.1f}]"


def _where(frame: pd.DataFrame, **equal: object) -> pd.DataFrame:
    for column, value in equal.items():
        frame = frame[frame[column] == value]
    return frame


def _by_steps(means: pd.Series) -> str:
    return ", ".join(f"{value:.1f} at {steps}" for steps, value in means.items())


def main() -> None:
    """Print the table."""
    untuned, others, frame = parts(read(Path(sys.argv[1]) if sys.argv[1:] else REFERENCE))
    found = [
        *speed(untuned),
        *budget(untuned),
        *order(untuned, others),
        *control(untuned),
        *tuning(frame),
        *images(frame),
    ]
    print(tabulate(found, headers=("what", "measured"), tablefmt="github"))  # noqa: T201 - this is its output


if __name__ == "__main__":
    main()
