"""What a mean hides: cells that predict one class, the worst seed, seeds near chance, how much one image weighs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.report.data.names import METRICS, Metric, comparison_title, family_order, level_name, slug
from benchmarks.report.data.words import place_title
from benchmarks.report.statistics.decimals import of_images
from benchmarks.report.tables.model import Entry, Table
from benchmarks.report.tables.tables import file_name, grouped

FLOOR = 0.10
"""A seed within so much of chance, in balanced accuracy, is below the floor."""


@dataclass(frozen=True)
class Health:
    """What is known of the cells of one comparison, dataset and protocol.

    Attributes:
        cells: one row a finished cell: `label`, `family`, `level`, `seed`, `value` (balanced accuracy), `collapsed`,
            `low`.
        classes: how many.
        images: test images per class, fewest and most over all cells.
    """

    comparison: str
    dataset: str
    protocol: str
    cells: pd.DataFrame
    classes: int
    images: tuple[int, int]

    @property
    def one_image(self) -> float:
        """Points of balanced accuracy that one image of the smallest test class makes."""
        return 100 / self.classes / max(1, self.images[0])

    @property
    def shown(self) -> Metric:
        """Balanced accuracy with the decimals that one cell carries."""
        share, images = self.cells["value"], pd.Series(self.classes * self.images[0], index=self.cells.index)
        return of_images(METRICS["balanced_accuracy"], share, images)

    @property
    def floor(self) -> float:
        """The balanced accuracy below which a seed is counted, 0 to 1."""
        return 1 / self.classes + FLOOR


def health(frame: pd.DataFrame) -> list[Health]:
    """Look at every finished cell's predictions."""
    done = frame[frame["status"].eq("done") & frame["confusion"].notna()]
    result = []
    for (comparison, dataset, protocol), part in done.groupby(["comparison", "dataset", "protocol"], sort=False):
        tested = np.array([(counts.sum(axis=1)[counts.sum(axis=1) > 0]).min() for counts in part["confusion"]])
        most = max(int(counts.sum(axis=1).max()) for counts in part["confusion"])
        classes = max(len(counts) for counts in part["confusion"])
        cells = part[["label", "family", "level", "seed"]].assign(
            value=part["balanced_accuracy"],
            collapsed=[int((counts.sum(axis=0) > 0).sum()) == 1 for counts in part["confusion"]],
        )
        cells["low"] = cells["value"] < 1 / classes + FLOOR
        images = (int(tested.min()), most)
        result.append(Health(str(comparison), str(dataset), str(protocol), cells, classes, images))
    return result


def sentence(found: Health, label: str) -> str:
    """Say what the means of one method, and of all, hide."""
    cells = found.cells
    own = cells[cells["label"].eq(label)]
    worst = own.sort_values("value", kind="stable").iloc[0]
    fewest, most = found.images
    images = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    return (
        f"Tested on {images} images a class, one of which is {found.one_image:.1f} points of balanced accuracy. "
        f"The worst of {len(own)} cells of {label}: {found.shown.text(worst['value'])} (seed {worst['seed']}, "
        f"{level_name(found.protocol, float(worst['level']))}); {int(own['low'].sum())} of them below "
        f"{found.floor * 100:.0f} (chance and {FLOOR * 100:.0f} points), {int(own['collapsed'].sum())} with one "
        f"class predicted; over all methods {int(cells['low'].sum())} and {int(cells['collapsed'].sum())} of "
        f"{len(cells)}."
    )


def reliability_tables(found: list[Health]) -> list[Table]:
    """Make a table method x (cells, one class predicted, below the floor, worst seed) of each."""
    return [_table(each) for each in found]


def _table(found: Health) -> Table:
    cells = found.cells.assign(order=found.cells["family"].map(family_order)).sort_values(["order", "label"])
    entries = {}
    for label, own in cells.groupby("label", sort=False):
        worst = own.sort_values("value", kind="stable").iloc[0]
        entries[str(label)] = [
            Entry(str(len(own))),
            Entry(str(int(own["collapsed"].sum()))),
            Entry(str(int(own["low"].sum()))),
            Entry(found.shown.text(worst["value"]), remark=f"{level_name(found.protocol, float(worst['level']))}"),
        ]
    where = f"{place_title(found.dataset, found.protocol)}; {comparison_title(found.comparison)}"
    low = f"Below {found.floor * 100:.0f} %"
    return Table(
        file_name(slug("reliability", found.dataset, found.protocol), found.comparison, ""),
        f"What the means hide: balanced accuracy (%) on {where}",
        ["Cells", "One class predicted", low, "Worst seed"],
        grouped(cells, entries),
        [
            f"Test images a class: {found.images[0]} to {found.images[1]}; one of them is {found.one_image:.1f} "
            f"points. The floor is chance and {FLOOR * 100:.0f} points. Cells: finished ones, over all levels "
            "and seeds."
        ],
    )
