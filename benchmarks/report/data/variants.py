"""Variants: ablations and copies of one method, which stand in a table of their own and take no place in a ranking.

A method counts once. Were its ablations and tuned copies ranked beside it, every other method's rank would say how
many copies somebody ran.
"""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

import pandas as pd

from benchmarks.report.data.names import FUSION, READINGS

FAMILY = "variants"
ABLATIONS = ("*scale-*-stage*", "*scale-scratch", "*-no-source")
LIBRARY = "imblearn:"
"""Classifiers of imbalanced-learn as they come; the suite's own entries stand for them."""
RULE = (
    "Variants are the ablations of the proposed method, imbalanced-learn's classifiers as they come, and a method "
    "with other than its default parameters, or tuned, whose default stands beside it. They are neither ranked nor "
    "advised, unless fewer than two other methods are there."
)


def variants(labels: pd.Series, families: pd.Series) -> set[str]:
    """Return the labels that are variants of one another or of another; none where fewer than two others remain.

    Args:
        labels: of any rows.
        families: of the same rows.
    """
    pairs = set(zip(labels, families, strict=True))
    known = {str(label) for label, _ in pairs}
    found = {str(label) for label, family in pairs if _is_variant(str(label), str(family), known)}
    return found if len(known - found) > 1 else set()


def set_apart(table: pd.DataFrame) -> pd.DataFrame:
    """Give variants a family of their own, last of all, comparison by comparison."""
    family = table["family"].copy()
    for _, part in table.groupby("comparison", sort=False):
        family[part.index[part["label"].isin(variants(part["label"], part["family"]))]] = FAMILY
    order = family.eq(FAMILY).to_numpy().argsort(kind="stable")
    return table.assign(family=family).iloc[order].reset_index(drop=True)


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Drop the points that `set_apart` has set apart."""
    return table[table["family"].ne(FAMILY)]


def without_variants(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop the rows of variants from a frame with the columns `label` and `family`."""
    return frame[~frame["label"].isin(variants(frame["label"], frame["family"]))]


def _is_variant(label: str, family: str, known: Collection[str]) -> bool:
    base = label.split(" (", 1)[0]
    if label.startswith(LIBRARY) or (base != label and base in known):
        return True
    kept = base in (*READINGS, FUSION)
    return family == "proposed" and not kept and any(fnmatchcase(base, pattern) for pattern in ABLATIONS)
