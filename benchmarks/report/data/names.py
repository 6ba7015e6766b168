"""The words and units of the report: families and their order, metrics, protocols, comparisons."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from datasets import Level, UserError
from methods.families import FAMILIES

PROPOSED = "multiscale-two-stage"
READINGS = (PROPOSED, "multiscale-two-stage-adjusted", "multiscale-logit-adjustment")
"""The paper's method by its abstract, what this suite makes of it, and the control of that: its loss without stages."""
FUSION = "few-defect-fusion"
"""This suite's own method for few minority images."""
COMMON = ("oversampling", "undersampling", "weighted-cross-entropy", "focal", "under-bagging")
"""The common methods that the paper's margins are taken over."""

AS_IN_PAPER = "as-in-paper"
EQUAL_FOOTING = "equal-footing"
BETWEEN = ", "
"""Between a comparison's name and the steps or backbone that set it apart."""
COMPARISONS = {
    AS_IN_PAPER: "as in the paper: common methods on the shared network",
    EQUAL_FOOTING: "equal footing: every method on the multi-scale network, no source task",
}


PROPER = ("Brier", "G-", "Matthews", "ROC")
"""How titles begin that keep their capital inside a sentence."""


@dataclass(frozen=True)
class Metric:
    """How a metric is shown: `scale` times the stored value, in `unit`, with so many decimals."""

    title: str
    scale: float = 100.0
    unit: str = "%"
    decimals: int = 1
    higher_is_better: bool = True

    @property
    def label(self) -> str:
        """Title with unit, for an axis or a heading."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def words(self) -> str:
        """Title inside a sentence: ROC-AUC, but accuracy."""
        return self.title if self.title.startswith(PROPER) else self.title[0].lower() + self.title[1:]

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.higher_is_better else -1

    @property
    def points(self) -> str:
        """What a difference of two values is counted in."""
        return "points" if self.unit == "%" else ""

    def text(self, value: float | None) -> str:
        """Write a stored value: scaled, rounded here and nowhere before, n/a where there is none."""
        if value is None or math.isnan(value):
            return "n/a"
        return f"{round(value * self.scale, self.decimals) + 0.0:.{self.decimals}f}"


METRICS = {
    "accuracy": Metric("Accuracy"),
    "balanced_accuracy": Metric("Balanced accuracy"),
    "macro_f1": Metric("Macro F1"),
    "g_mean": Metric("G-mean"),
    "mcc": Metric("Matthews correlation", 1.0, "", 3),
    "roc_auc": Metric("ROC-AUC", 1.0, "", 3),
    "average_precision": Metric("Average precision", 1.0, "", 3),
    "ece": Metric("Expected calibration error", higher_is_better=False),
    "deployed_accuracy": Metric("Accuracy where used"),
    "expected_cost": Metric("Expected cost per image", 1.0, "", 4, higher_is_better=False),
    "deployed_precision": Metric("Precision where used"),
    "recall_at_1": Metric("Recall at 1 % false alarms"),
    "recall_at_5": Metric("Recall at 5 % false alarms"),
    "brier": Metric("Brier score where used", 1.0, "", 4, higher_is_better=False),
    "deployed_ece": Metric("Calibration error where used", higher_is_better=False),
    "many": Metric("Recall of classes with many images"),
    "medium": Metric("Recall of classes with an in-between number of images"),
    "few": Metric("Recall of classes with few images"),
}
"""Metrics by their column of `load()`; `many`, `medium`, `few` group classes by training images (>100, 20-100, <20)."""


def metric_named(name: str) -> Metric:
    """Return a metric by name.

    Raises:
        UserError: there is none of that name.
    """
    if name not in METRICS:
        raise UserError(f"--metric {name}: no such metric; choose from {', '.join(METRICS)}")
    return METRICS[name]


def family_order(family: str) -> int:
    """Return a family's place in tables; families of plug-ins come last."""
    return FAMILIES.index(family) if family in FAMILIES else len(FAMILIES)


def number(value: float) -> str:
    """Write a ratio or a count without needless decimals: 10.0 as 10, 12.5 as 12.5."""
    return f"{value:g}"


def level_tick(protocol: str, level: float) -> str:
    """Write a level at an axis that names the protocol's quantity."""
    return "natural" if protocol != "few" and level <= 0 else number(level)


def level_name(protocol: str, level: float) -> str:
    """Name one point of a protocol's axis: `IR 10`, `5 minority images`, `natural`."""
    return Level.at(protocol, level).name


def level_axis(protocol: str) -> str:
    """Name a protocol's axis."""
    return "Training images of the minority class" if protocol == "few" else "Imbalance ratio (IR)"


def harder_first(protocol: str) -> bool:
    """Say whether a smaller level is the harder one, as it is where minority images are counted."""
    return protocol == "few"


def slug(*parts: str) -> str:
    """Join names to a file name that is safe everywhere: `dagm/1`, `step` gives `dagm-1-step`."""
    return "-".join(re.sub(r"[^A-Za-z0-9]+", "-", part).strip("-") for part in parts if part)


def escape_markdown(text: str) -> str:
    """Keep a name from breaking a table or from being read as markup."""
    special = {"|": "\\|", "*": "\\*", "_": "\\_", "<": "&lt;", ">": "&gt;", "`": "\\`", "[": "\\[", "\n": " "}
    return "".join(special.get(character, character) for character in text)


def safe_in_csv(text: str) -> str:
    """Keep a spreadsheet from running a text as a formula; a number stays a number."""
    formula = text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r")
    return f"'{text}" if formula and not re.fullmatch(r"[+-]?\d+(\.\d+)?", text) else text


def footing(comparison: str) -> list[str]:
    """Say that methods stand on equal footing, and with which steps or backbone, where they do."""
    base, *others = comparison.split(BETWEEN)
    return ["equal footing"] * (base == EQUAL_FOOTING) + others


def comparison_title(comparison: str) -> str:
    """Return a comparison in words, with its steps or backbone where most cells have others."""
    base, *others = comparison.split(BETWEEN)
    return "; ".join([COMPARISONS.get(base, base), *others])


def variant(budget: int, backbone: str, main: tuple[int, str]) -> str:
    """Return what a comparison's name ends with where steps or backbone are not the main ones.

    Args:
        budget: gradient steps.
        backbone: name; empty where nothing is transferred, which goes with any.
        main: steps and backbone of most cells.
    """
    others = [f"{budget} steps"] * (budget != main[0]) + [backbone] * (backbone not in ("", main[1]))
    return "".join(BETWEEN + other for other in others)


OWN = ("folder:", "grouped:", "table:")
"""How names of a user's own images begin."""


def dataset_title(dataset: str) -> str:
    """Shorten a dataset's name for headings: a folder of the user's own images loses its leading path."""
    if dataset.startswith(OWN[:2]):
        kind, _, path = dataset.partition(":")
        return f"{kind}:" + path.rstrip("/").rsplit("/", 1)[-1]
    return dataset
