"""How many decimals a number carries: one rule for tables, sentences and the page.

The last decimal of a metric stands for a tenth of a point. Where chance moves a value by more than a point to either
side, by its 95 % interval, that decimal is noise and is not written; nor where nothing says how much chance there is.
All entries of a table are written alike, by the middle one of their intervals.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.report.data.names import METRICS, Metric
from benchmarks.report.statistics.intervals import half_width

WIDE = 0.02
"""Width of an interval in stored units, a point to either side, from which on the last decimal is noise."""


def carried(metric: Metric, width: float) -> Metric:
    """Return a metric with the decimals of a value whose 95 % interval is so wide, in stored units; NaN is wide."""
    return metric if width < WIDE else replace(metric, decimals=max(0, metric.decimals - 1))


def beside(wide: float) -> Metric:
    """Return how points are written whose 95 % interval is so many points wide; NaN is wide."""
    return replace(carried(METRICS["accuracy"], wide / METRICS["accuracy"].scale), scale=1.0)


def signed(value: float, metric: Metric) -> str:
    """Write a difference of stored values with its sign, as a metric is shown; what rounds to nothing is +0."""
    return f"{round(value * metric.scale, metric.decimals) + 0.0:+.{metric.decimals}f}"


def typical(metric: Metric, sd: pd.Series, n: pd.Series, datasets: int = 1) -> Metric:
    """Return a metric with the decimals of means over seeds, all written alike.

    Args:
        metric: what the means are of.
        sd: standard deviation over seeds of each mean, stored units.
        n: seeds of each mean.
        datasets: over so many of them these means are averaged.
    """
    widths = 2 * half_width(sd.to_numpy(float), n.to_numpy(float))
    return carried(metric, _middle(widths) / np.sqrt(datasets))


def of_points(part: pd.DataFrame, metric: str, datasets: int = 1) -> Metric:
    """Return a metric with the decimals that points carry (`benchmarks.report.data.points`).

    Of one seed each, only the test images are known to leave something to chance.
    """
    if part[f"{metric}_n"].gt(1).any() or "tested" not in part:
        return typical(METRICS[metric], part[f"{metric}_sd"], part[f"{metric}_n"], datasets)
    return of_images(METRICS[metric], part["accuracy"], part["tested"])


def of_images(metric: Metric, accuracy: pd.Series, tested: pd.Series) -> Metric:
    """Return a metric with the decimals of single cells, by the luck of so many test images (Wald's interval)."""
    share, images = accuracy.to_numpy(float), tested.to_numpy(float)
    return carried(metric, _middle(2 * 1.96 * np.sqrt(share * (1 - share) / np.maximum(images, 1))))


def _middle(widths: np.ndarray) -> float:
    known = widths[np.isfinite(widths)]
    return float(np.median(known)) if len(known) else float("nan")
