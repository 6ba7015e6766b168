"""How far results move on another machine: `python -m experiments.again [RECORDS OTHER]`.

By default the reference and the same cells as they were trained before it, on machines with another processor (Intel
Xeon) and the same packages (again.csv.gz: each cell's accuracy). One machine gives the same bits again; another
processor may add in another order, and training carries that on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from scipy.stats import kendalltau
from tabulate import tabulate

from benchmarks.report.advice.reference import REFERENCE

OTHER = Path(__file__).with_name("again.csv.gz")
CASE = ["comparison", "dataset", "protocol", "level"]
COLUMNS = ["status", "trials", "steps", "label", "balanced_accuracy"]


def both(path: Path, other: Path) -> pd.DataFrame:
    """Return the cells that both tables hold, accuracy in points, untuned."""
    cells = pd.read_csv(path, usecols=["id", *CASE, *COLUMNS])
    cells = cells[(cells["status"] == "done") & (cells["trials"] == 0)]
    found = cells.merge(pd.read_csv(other, usecols=["id", "balanced_accuracy"]), on="id", suffixes=("", "_other"))
    here, there = (100 * found[name] for name in ("balanced_accuracy", "balanced_accuracy_other"))
    return found.assign(here=here, there=there, apart=(here - there).abs())


def compare(found: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield what differs, from cells to means."""
    for name, cells in (("take gradient steps", found[found["steps"] > 0]), ("take none", found[found["steps"] == 0])):
        moved = cells["apart"] > 0
        yield f"cells of methods that {name}", f"{len(cells)}, {100 * moved.mean():.0f} % with another accuracy"
        yield (
            "... points apart where they are: median, 95 of 100, most",
            ", ".join(f"{value:.1f}" for value in cells["apart"][moved].quantile([0.5, 0.95, 1.0])),
        )
    means = found.groupby([*CASE, "label"])[["here", "there"]].mean()
    apart = (means["here"] - means["there"]).abs()
    shown = ", ".join(f"{value:.1f}" for value in apart.quantile([0.5, 0.95, 1.0]))
    yield f"means over folds ({len(means)}), points apart: median, 95 of 100, most", shown
    overall = means.loc["as-in-paper"].groupby(level=["label", "protocol"]).mean().xs("step", level="protocol")
    most = (overall["here"] - overall["there"]).abs()
    yield f"means of methods ({len(overall)}) over all ratios: most", f"{most.max():.1f} ({most.idxmax()})"
    yield "order of these methods, Kendall's tau", f"{kendalltau(overall['here'], overall['there']).statistic:.2f}"


if __name__ == "__main__":
    paths = [Path(text) for text in sys.argv[1:3]] or [REFERENCE, OTHER]
    print(tabulate(list(compare(both(*paths))), ("what", "measured"), tablefmt="github"))  # noqa: T201 - this is its output
