"""How well maps point at the outlined defect."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.report.data.names import comparison_title, level_name, slug
from benchmarks.report.data.words import place_title
from benchmarks.report.tables.model import Entry, Table

NOTES = (
    "Grad-CAM of the defect class at the last maps before pooling, of all outlined test images, recognised or not; an "
    "ensemble's map is the mean of its members'. Mean over the images of all seeds, ± standard deviation over seeds.",
    "Energy: share of the map's sum that lies inside the outline. A map that is all zero has none: n/a, left out of "
    "the mean, and counted behind it.",
    "Pointing game: how often the map's maximum lies inside the outline. Equal maxima count by their share inside; a "
    "map that is all zero is a miss.",
    "Mask area: share of the image inside the outline, which a uniform map would score on both.",
)


def energy(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the share of each map's sum inside its mask.

    Args:
        maps: (N, H, W) not negative.
        masks: (N, H, W) bool.

    Returns:
        (N,) in [0, 1]; NaN where a map is all zero.
    """
    total = maps.sum((1, 2), dtype=np.float64)
    inside = np.where(masks, maps, 0).sum((1, 2), dtype=np.float64)
    share: np.ndarray = np.divide(inside, total, out=np.full(len(maps), np.nan), where=total > 0)
    return share


def pointing(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return whether each map's maximum lies inside its mask, 1 or 0.

    Args:
        maps: (N, H, W) not negative.
        masks: (N, H, W) bool.

    Returns:
        (N,) in [0, 1]: with equal maxima, the share of them inside; 0 where a map is all zero.
    """
    highest = (maps == maps.max((1, 2), keepdims=True)) & (maps > 0)
    count = highest.sum((1, 2))
    share: np.ndarray = (highest & masks).sum((1, 2)) / np.maximum(count, 1)
    return share


def area(masks: np.ndarray) -> np.ndarray:
    """Return the share of each image inside its mask, (N,)."""
    share: np.ndarray = masks.mean((1, 2))
    return share


def score_table(frame: pd.DataFrame, left_out: dict[str, str]) -> Table:
    """Make the table method x level of one comparison, dataset and protocol.

    Args:
        frame: one row an image, with the columns comparison, dataset, protocol, level, seed, family, label, energy,
            pointing, area.
        left_out: methods without maps, with the reason.
    """
    comparison, dataset, protocol = (str(frame[key].iloc[0]) for key in ("comparison", "dataset", "protocol"))
    levels = sorted(frame["level"].unique())
    heads = [f"{level_name(protocol, x)} {name}" for x in levels for name in ("energy", "pointing")]
    groups: dict[str, list[tuple[str, list[Entry]]]] = {}
    for (family, label), rows in frame.groupby(["family", "label"], sort=False):
        cells = [rows[rows["level"].eq(level)] for level in levels]
        entries = [entry(part, name) for part in cells for name in ("energy", "pointing")]
        number = max(len(part) for part in cells)
        groups.setdefault(str(family), []).append((str(label), [*entries, entry(rows, "area"), Entry(str(number))]))
    notes = [*NOTES, *(f"Left out: {label}: {reason}." for label, reason in left_out.items())]
    return Table(
        slug(dataset, protocol, "" if comparison == "as-in-paper" else comparison, "scores"),
        f"Where methods look on {place_title(dataset, protocol)}, in %; {comparison_title(comparison)}",
        [*heads, "Mask area", "Images"],
        list(groups.items()),
        notes,
    )


def entry(rows: pd.DataFrame, name: str) -> Entry:
    """Write the mean of one column in percent, its deviation over seeds, and how many images have no value."""
    values = rows[name]
    if not values.notna().any():
        return Entry("n/a")
    by_seed = values.groupby(rows["seed"]).mean()
    deviation = f"{100 * by_seed.std():.1f}" if name != "area" and by_seed.notna().sum() > 1 else ""
    missing = int(values.isna().sum())
    return Entry(f"{100 * values.mean():.1f}", deviation, f"{missing} n/a" if missing else "")
