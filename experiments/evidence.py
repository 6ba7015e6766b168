"""Where the README's numbers come from: `python -m experiments.evidence [RECORDS]` prints evidence.md.

From the table of records that comes with the suite (results/reference/records.csv.gz); nothing is trained, and it takes
seconds. A case is a dataset at one ratio; its folds are averaged first. A source of images is a dataset, both sets of
tiles being one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import pandas as pd
from scipy import stats
from tabulate import tabulate

from benchmarks.report.advice.reference import REFERENCE
from benchmarks.report.data.names import AS_IN_PAPER, EQUAL_FOOTING
from experiments import referee

FUSION, PLAIN, BY_ABSTRACT = "few-defect-fusion", "cross-entropy", "multiscale-two-stage"
OURS, CONTROL = referee.OURS, referee.CONTROL
COMMON = ("oversampling", "undersampling", "weighted-cross-entropy", "focal", "under-bagging")
"""The paper's; their mean is what it compares with."""
SHOWN = (
    *(FUSION, PLAIN, *COMMON, "logit-adjustment", "smote", "label-aware-smoothing", "linear-probe-balanced", "padim"),
    *(BY_ABSTRACT, OURS, CONTROL),
)
"""Rows of the README's table."""
CASE = ["dataset", "ratio"]
MILD = 5
"""Ratios up to this are mild."""
Table = pd.DataFrame
Rows = TypeVar("Rows", pd.Series, pd.DataFrame)


def read(path: Path) -> Table:
    """Return the finished cells, accuracy in points; see `experiments.referee.read`."""
    return referee.read(path, ("step", "few"))


def by_fold(cells: Table) -> Table:
    """Lay out cells: a row a case and fold, a column a method."""
    return cells.pivot_table(index=[*CASE, "seed"], columns="label", values="points")


def source(dataset: str) -> str:
    """Name the photographs behind a dataset."""
    return dataset.partition("/")[0]


def over_sources(values: pd.Series) -> tuple[float, float]:
    """Return the 95 % interval of a mean, the sources of images being the units (Student)."""
    units = values.groupby(values.index.get_level_values("dataset").map(source)).mean()
    low, high = stats.t.interval(0.95, len(units) - 1, units.mean(), stats.sem(units))
    return float(low), float(high)


def over_folds(values: pd.Series) -> tuple[float, float]:
    """Return the 95 % interval of the mean over cases, the datasets taken as given (Welch and Satterthwaite)."""
    share = values.groupby(level=CASE).mean().groupby(level="dataset").size()
    folds = values.groupby(level=["dataset", "seed"]).mean().groupby(level="dataset")
    parts = (share / share.sum()) ** 2 * folds.var() / folds.size()
    freedom = parts.sum() ** 2 / (parts**2 / (folds.size() - 1)).sum()
    mean, half = values.groupby(level=CASE).mean().mean(), stats.t.ppf(0.975, freedom) * np.sqrt(parts.sum())
    return float(mean - half), float(mean + half)


def of_others(case: Table) -> tuple[str, float]:
    """Return the method that most folds' other folds call best, and what is reached by always taking theirs."""
    picks = [str(case.drop(index=seed).mean().idxmax()) for seed in case.index]
    reached = [case.at[seed, label] for seed, label in zip(case.index, picks, strict=True)]
    return max(picks, key=picks.count), float(pd.Series(reached, dtype=float).mean())


def cases(table: Table, level: str = "IR") -> Table:
    """Return, per case, what fusion has, what it gains over cross-entropy, and how far it is from the best."""
    rows = []
    for place, group in table.groupby(level=["dataset", "ratio"]):
        dataset, value = cast("tuple[str, float]", place)
        case = group.droplevel(["dataset", "ratio"]).dropna(axis="columns")
        means, (rival, other) = case.mean(), of_others(case.drop(columns=FUSION))
        gain = case[FUSION] - case.get(PLAIN, np.nan)
        half = stats.t.ppf(0.975, len(gain) - 1) * stats.sem(gain)
        rows.append(
            {
                "dataset": dataset,
                level: f"{value:g}",
                FUSION: means[FUSION],
                PLAIN: means.get(PLAIN, np.nan),
                "gain": gain.mean(),
                "95 % over folds": f"{gain.mean() - half:.0f} to {gain.mean() + half:.0f}" if half == half else "",
                "best of all": means.idxmax(),
                "it has": means.max(),
                "behind it": means.max() - means[FUSION],
                "rival the other folds call best": rival,
                "behind that": other - means[FUSION],
            }
        )
    return pd.DataFrame(rows)


def counts(found: Table) -> Iterator[str]:
    """Count the cases in which fusion is the best, or within a point of it."""
    best, rival = found["behind it"], found["behind that"]
    yield (
        f"{FUSION} is the best in {(best == 0).sum()} of {len(found)} cases, within a point of the best in "
        f"{(best <= 1).sum()} and within {best.max():.1f} in all (the best's luck included); of the rival that the "
        f"other folds call best it is within a point in {(rival <= 1).sum()} and within {rival.max():.1f} in all."
    )


def gains(table: Table) -> Iterator[str]:
    """Say what fusion gains over cross-entropy on average."""
    for name, part in (
        ("all cases", table),
        (f"two classes, ratios up to {MILD}", _ratios(_two(table), 0, MILD)),
        ("the extreme ratio", _ratios(table, referee.EXTREME, referee.EXTREME)),
    ):
        yield f"{name}: {_difference(part[FUSION] - part[PLAIN])}"


def claims(table: Table) -> Table:
    """Return what the paper claims of its method, for it, what this suite makes of it, and the control."""
    common, rows = table[list(COMMON)].mean(axis="columns", skipna=False), []
    for label in (BY_ABSTRACT, OURS, CONTROL, PLAIN, FUSION):
        means = table[label].groupby(level=CASE).mean()
        margin = (table[label] - common).dropna()
        plain = (table[label] - table[PLAIN]).groupby(level=CASE).mean()
        rows.append(
            {
                "method": label,
                "mean of all cases": f"{means.mean():.1f}",
                "at best": f"{means.max():.1f} ({_named(means.idxmax())})",
                "ahead of cross-entropy in": f"{(plain > 0).sum()} of {len(plain)}",
                "over the common methods": _difference(margin),
                f"at IR {referee.EXTREME}": _difference(_ratios(margin, referee.EXTREME, referee.EXTREME)),
            }
        )
    return pd.DataFrame(rows)


def per_dataset(table: Table) -> Table:
    """Return the convolutional methods' means on each dataset by ratio, and their margin over the common methods."""
    common, rows = table[list(COMMON)].mean(axis="columns", skipna=False), []
    for label in (BY_ABSTRACT, OURS, CONTROL):
        for dataset, group in table[label].groupby(level="dataset"):
            margin = (group - common).dropna()
            levels = group.groupby(level="ratio").mean()
            shown = ", ".join(f"{value:.1f} at {ratio:g}" for ratio, value in levels.items())
            low, high = over_folds(margin)
            rows.append((label, dataset, shown, f"{margin.mean():+.1f} ({low:.0f} to {high:.0f})"))
    return pd.DataFrame(rows, columns=["method", "dataset", "by IR", "over the common methods (95 % over folds)"])


def same_network(cells: Table) -> Table:
    """Return means with the multi-scale network for all, and the same folds without it."""
    main = default(cells)
    # the proposed methods bring the network with them
    alike = by_fold(pd.concat([cells[cells["comparison"] == EQUAL_FOOTING], main[main["family"] == "proposed"]]))
    alike["common methods"] = alike[list(COMMON)].mean(axis="columns", skipna=False)
    pooled = by_fold(main).reindex(alike.index)
    alike["common methods, pooled features"] = pooled[list(COMMON)].mean(axis="columns", skipna=False)
    names = ["common methods, pooled features", "common methods", PLAIN, BY_ABSTRACT, OURS, CONTROL]
    return _wide(alike.dropna(subset="common methods")[names])


def budgets(cells: Table) -> Table:
    """Return means over the datasets with two classes by number of steps, over the folds that have them all."""
    untuned = referee.parts(cells)[0]
    untuned = untuned[untuned.dataset.isin(referee.TWO_CLASSES)]
    table = untuned.pivot_table(index=["label", *CASE, "seed"], columns="budget", values="points").dropna()
    means = table.groupby(level="label").mean()
    return means.assign(folds=table.groupby(level="label").size()).reset_index()


def few(cells: Table) -> Table:
    """Lay out the cells that are counted by minority images, whose number stands for the ratio."""
    part = cells[(cells.protocol == "few") & cells.comparison.eq(AS_IN_PAPER)]
    return by_fold(part.assign(ratio=part.level))


def by_number(table: Table) -> Iterator[str]:
    """Say what fusion gains over cross-entropy by the number of minority images."""
    for number, part in table[[FUSION, PLAIN]].dropna().groupby(level="ratio"):
        means = ", ".join(f"{label} {mean:.1f}" for label, mean in part.mean().items())
        yield f"minority images {number:g}: {means}, {_difference(part[FUSION] - part[PLAIN])}"


def scratch(cells: Table) -> Table:
    """Return the small networks that learn from scratch, by number of steps; AUROC beside the accuracy (%)."""
    own = cells[cells.label.str.endswith("-scratch")]
    groups = own.groupby(["label", *CASE, "budget"])
    table = groups["points"].agg(["count", "mean", "min", "max"]).rename(columns={"count": "folds"})
    return table.assign(AUROC=groups["roc_auc"].mean().round(2).astype(str)).reset_index()


def readme_table(table: Table) -> str:
    """Return the README's table: mean and standard deviation over folds, IR 10 and 80 of the sets with two classes."""
    part = _two(table)
    cells = part[part.index.get_level_values("ratio").isin((10, referee.EXTREME))].groupby(level=CASE)
    mean, sd = cells.mean(), cells.std()
    heads = list(map(_named, mean.index))
    lines = ["| Method | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    for label in SHOWN:
        numbers = [f"{at:.0f} ± {spread:.0f}" for at, spread in zip(mean[label], sd[label], strict=True)]
        lines.append(f"| {label} | " + " | ".join(numbers) + " |")
    return "\n".join(lines)


def seconds(cells: Table) -> Table:
    """Return the seconds of a training, medians; they depend on the machine, and on what else it did."""
    table = default(cells).pivot_table(index="dataset", columns="label", values="seconds_fit", aggfunc="median")
    return pd.DataFrame({"dataset": table.index, FUSION: table[FUSION].array, PLAIN: table[PLAIN].array})


def default(cells: Table) -> Table:
    """Return the cells of the comparison as in the paper: the shared backbone and budget, nothing tuned."""
    return cells[(cells.protocol == "step") & cells.comparison.eq(AS_IN_PAPER) & cells.trials.eq(0)]


def _two(table: Table) -> Table:
    return table[table.index.get_level_values("dataset").isin(referee.TWO_CLASSES)]


def _ratios(table: Rows, low: float, high: float) -> Rows:
    at = table.index.get_level_values("ratio")
    return table[(at >= low) & (at <= high)]


def _named(case: object) -> str:
    """Name a case: `elpv IR 10`."""
    dataset, ratio = cast("tuple[str, float]", case)
    return f"{dataset} IR {ratio:g}"


def _difference(values: pd.Series) -> str:
    values = values.dropna()
    folds, sources = over_folds(values), over_sources(values)
    mean = values.groupby(level=CASE).mean().mean()
    over = f"over folds {folds[0]:.1f} to {folds[1]:.1f}, over sources {sources[0]:.0f} to {sources[1]:.0f}"
    return f"{mean:+.1f} (95 % {over})"


def _wide(table: Table) -> Table:
    means = table.groupby(level=CASE).mean().transpose()
    means.columns = pd.Index(map(_named, means.columns))
    return means.rename_axis("method").reset_index()


def _markdown(table: Table) -> str:
    shown = table.map(lambda value: f"{value:.1f}" if isinstance(value, float) else str(value)).replace("nan", "")
    return tabulate(shown.to_dict("list"), headers="keys", tablefmt="github", disable_numparse=True)


def report(cells: Table) -> str:
    """Return the page."""
    main = default(cells)
    table = by_fold(main)
    found, by_few = cases(table), cases(few(cells), "minority images")
    untuned, others, tuned = referee.parts(cells)
    rows = [*referee.order(untuned, others), *referee.tuning(tuned)]
    parts: Sequence[tuple[str, Iterable[str]]] = (
        ("By case", [_markdown(found), *counts(found), *gains(table)]),
        ("The paper's claims", [_markdown(claims(table)), _markdown(per_dataset(table))]),
        ("Counted by minority images", [_markdown(by_few), *counts(by_few), *by_number(few(cells))]),
        ("The same network for all", [_markdown(same_network(cells))]),
        ("Steps", [_markdown(budgets(cells))]),
        ("Order of methods, and tuning", [tabulate(rows, ("what", "measured"), tablefmt="github")]),
        ("From scratch", [_markdown(scratch(cells))]),
        ("Seconds of a training", [_markdown(seconds(cells))]),
        ("The README's table", [readme_table(table)]),
    )
    text = [f"## {head}\n\n" + "\n\n".join(each) for head, each in parts]
    return "\n\n".join(["# Where the README's numbers come from", (__doc__ or "").split("\n\n", 1)[1].strip(), *text])


if __name__ == "__main__":
    print(report(read(Path(sys.argv[1]) if sys.argv[1:] else REFERENCE)))  # noqa: T201 - this is its output
