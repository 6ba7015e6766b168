"""Ranks over blocks (dataset x protocol x level), seeds averaged first; differences to the control over datasets.

Follows Demsar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7 (2006).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.report.data.names import METRICS, Metric, dataset_title, level_name, level_tick
from benchmarks.report.data.origin import image_sets
from benchmarks.report.statistics.intervals import MIN_DATASETS, interval
from datasets.hints import counted

MIN_BLOCKS = 5
ALPHA = 0.05
CAVEAT = (
    "The ratios of one dataset share images and subsets (each is contained in the next), so their blocks are "
    "correlated and the p-values are smaller than independent datasets would give: read them as a guide."
)


@dataclass
class Analysis:
    """What the tests say about one comparison.

    Attributes:
        values: blocks x methods, seeds averaged, nothing missing.
        left_out: methods and blocks left out because something was missing.
        ranks: mean rank of each method, best first (1 is best).
        rank_intervals: `low` and `high` of each mean rank, 95 %, by bootstrap over datasets; empty with fewer than
            three.
        friedman: `chi2` (tie-corrected, scipy's), `p`, `chi2_plain` (without the correction), `iman_davenport` (F).
        critical_difference: Nemenyi's, at the level of 5 %; None with too few blocks.
        nemenyi: p-values of all pairs; None with too few blocks.
        against_control: per method: difference to the control over datasets with its 95 % interval, wins, losses, and
            the
            Wilcoxon p-value, raw and after Holm; best difference first.
        verdict: why there is no test, or nothing.
    """

    metric: Metric
    control: str
    values: pd.DataFrame
    left_out: list[str] = field(default_factory=list)
    ranks: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
    rank_intervals: pd.DataFrame = field(default_factory=pd.DataFrame)
    friedman: dict[str, float] = field(default_factory=dict)
    critical_difference: float | None = None
    nemenyi: pd.DataFrame | None = None
    against_control: pd.DataFrame = field(default_factory=pd.DataFrame)
    verdict: str = ""


def analyse(table: pd.DataFrame, metric: str, control: str) -> Analysis:
    """Test the methods of one comparison; `table` holds its points."""
    values, left_out = block_matrix(table, metric)
    result = Analysis(METRICS[metric], control, values, left_out)
    blocks, methods = values.shape
    if blocks == 0 or methods < 2:
        common = counted(blocks, "common block")
        result.verdict = f"No test: {counted(methods, 'method')} on {common}, nothing to compare."
        return result
    result.ranks = mean_ranks(values, result.metric).sort_values(kind="stable")
    result.rank_intervals = rank_intervals(values, result.metric)
    if blocks < MIN_BLOCKS:
        result.verdict = (
            f"No test and no diagram: there {'is' if blocks == 1 else 'are'} {counted(blocks, 'block')} "
            "(dataset x protocol x level) and "
            f"{MIN_BLOCKS} are needed to say anything; add datasets or ratios."
        )
    elif methods > 2:
        result.friedman = friedman(values, result.metric)
        result.critical_difference = critical_difference(methods, blocks)
        import scikit_posthocs  # here, not above: with seaborn and pyplot it takes a second to import

        result.nemenyi = scikit_posthocs.posthoc_nemenyi_friedman(values)
    result.against_control = compare_with(values, control, result.metric)
    return result


def block_matrix(table: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, list[str]]:
    """Return blocks x methods without gaps, and what was left out to get there.

    While anything is missing, the block or method with the largest share of gaps goes (a method, if equal).
    """
    index = ["dataset", "protocol", "level"]
    values = table.pivot(index=index, columns="label", values=metric)
    values = values.dropna(how="all").dropna(how="all", axis="columns")
    left_out = [f"{label} (no result)" for label in sorted(set(table["label"]) - set(values.columns))]
    blocks: dict[tuple[str, str, str], list[float]] = {}
    while values.isna().to_numpy().any():
        of_method, of_block = values.isna().mean(), values.isna().mean(axis="columns")
        if of_method.max() >= of_block.max():
            label = str(of_method.idxmax())
            left_out.append(f"{label} (lacks {int(values[label].isna().sum())} of {len(values)} blocks)")
            values = values.drop(columns=label)
        else:
            place = int(of_block.to_numpy().argmax())
            gaps = int(values.iloc[place].isna().sum())
            dataset, protocol, level = values.index[place]
            blocks.setdefault((dataset, protocol, f"{gaps} of {values.shape[1]} methods"), []).append(level)
            values = values.drop(index=values.index[[place]])
    return values, left_out + [_left_out(*key, levels) for key, levels in blocks.items()]


def _left_out(dataset: str, protocol: str, gaps: str, levels: list[float]) -> str:
    if len(levels) == 1:
        return f"{block_name((dataset, protocol, levels[0]))} (lacks {gaps})"
    at = ", ".join(level_tick(protocol, level) for level in sorted(levels))
    return f"{dataset_title(dataset)} {protocol} at {at} (each lacks {gaps})"


def block_name(block: Any) -> str:
    """Name a block: dataset, protocol and level."""
    dataset, protocol, level = block
    return f"{dataset_title(dataset)} {protocol} {level_name(protocol, level)}"


def mean_ranks(values: pd.DataFrame, metric: Metric) -> pd.Series:
    """Return the mean rank of each column; 1 is best, ties share their ranks."""
    return (-metric.sign * values).rank(axis="columns", method="average").mean()


def rank_intervals(values: pd.DataFrame, metric: Metric, draws: int = 2000) -> pd.DataFrame:
    """Return 95 % intervals of the mean ranks by bootstrap: whole datasets are drawn, with all their levels.

    Args:
        values: blocks x methods, with the index level `dataset`.
        metric: what is ranked.
        draws: how many samples of datasets.

    Returns:
        Indexed by method: `low`, `high`; empty with fewer than three datasets.
    """
    ranks = _by_images((-metric.sign * values).rank(axis="columns", method="average"))
    sums, counts = ranks.sum(), ranks.size().to_numpy(float)
    if len(sums) < MIN_DATASETS:
        return pd.DataFrame()
    rng = np.random.default_rng(20210512)
    times = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), draws)
    means = (times @ sums.to_numpy(float)) / (times @ counts)[:, None]
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return pd.DataFrame({"low": low, "high": high}, index=values.columns)


def friedman(values: pd.DataFrame, metric: Metric) -> dict[str, float]:
    """Test whether all columns are equivalent.

    Returns:
        `chi2` and `p` with scipy's tie correction; `chi2_plain` and `iman_davenport` by Demsar's formulas.
    """
    n, k = values.shape
    ranks = mean_ranks(values, metric)
    plain = 12 * n / (k * (k + 1)) * (float((ranks**2).sum()) - k * (k + 1) ** 2 / 4)
    if values.nunique(axis="columns").eq(1).all():
        return {"chi2": 0.0, "p": 1.0, "chi2_plain": 0.0, "iman_davenport": 0.0}
    test = stats.friedmanchisquare(*values.to_numpy().T)
    rest = n * (k - 1) - plain
    ratio = (n - 1) * plain / rest if rest > 1e-9 else float("inf")
    return {"chi2": float(test.statistic), "p": float(test.pvalue), "chi2_plain": plain, "iman_davenport": ratio}


def critical_difference(methods: int, blocks: int) -> float:
    """Return Nemenyi's critical difference of mean ranks at the level of 5 %."""
    q = float(stats.studentized_range.ppf(1 - ALPHA, methods, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * blocks)))


def compare_with(values: pd.DataFrame, control: str, metric: Metric) -> pd.DataFrame:
    """Compare every method with the control, datasets first; empty where the control is not among them.

    Args:
        values: blocks x methods; blocks that share images (by the index level `dataset`) are averaged, any others
            stand for themselves.
        control: the method compared with.
        metric: what is compared.

    Returns:
        Indexed by method: `difference` (mean over datasets, stored units, positive is better), `wins`, `losses` (of
        datasets), `low`, `high` (95 % interval, Student's over datasets; NaN with fewer than three), and with at
        least five datasets `p` (Wilcoxon over datasets) and `p_holm`.
    """
    if control not in values:
        return pd.DataFrame()
    differences = metric.sign * values.drop(columns=control).sub(values[control], axis="index")
    if "dataset" in differences.index.names:
        differences = _by_images(differences).mean()
    bounds = {label: interval(differences[[label]]) for label in differences}
    enough = len(differences) >= MIN_DATASETS
    result = pd.DataFrame({"difference": differences.mean()})
    result["low"] = [bounds[label].low if enough else np.nan for label in differences]
    result["high"] = [bounds[label].high if enough else np.nan for label in differences]
    result["wins"], result["losses"] = differences.gt(0).sum(), differences.lt(0).sum()
    if len(differences) >= MIN_BLOCKS:
        result["p"] = [wilcoxon(differences[label].to_numpy()) for label in differences]
        result["p_holm"] = holm(result["p"].to_numpy())
    return result.sort_values("difference", ascending=False, kind="stable")


def _by_images(values: pd.DataFrame) -> Any:
    """Group blocks by their images: the parts of one set are no datasets of their own."""
    names = values.index.get_level_values("dataset")
    return values.groupby(names.map(image_sets(names)), sort=False)


def wilcoxon(differences: np.ndarray) -> float:
    """Return the two-sided p-value of the signed-rank test; zeros are split evenly, as Demsar does."""
    if not np.any(differences):
        return 1.0
    return float(stats.wilcoxon(differences, zero_method="zsplit").pvalue)


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p-values for the number of tests (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty_like(steps)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted
