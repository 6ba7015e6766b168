"""Cells: the points of the grid, and what they are called."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import asdict
from typing import Any

from pydantic_core import to_jsonable_python

from benchmarks.grid.presets import Comparison, DatasetSettings
from benchmarks.records.asked import AskedCell
from datasets import Level
from methods.training.settings import Augmentation, BackboneSettings, Budget, NetworkSettings, Optimizer, Settings


class DataSpec(Settings):
    """A dataset as a run uses it."""

    name: str
    size: int
    settings: DatasetSettings


class Training(Settings):
    """What is the same for all methods of one comparison."""

    budget: Budget
    optimizer: Optimizer
    augmentation: Augmentation
    backbone: BackboneSettings


class Cell(Settings):
    """One point of the grid."""

    dataset: str
    data: DataSpec
    level: Level
    seed: int
    method: str
    label: str
    family: str
    parameters: dict[str, Any]
    network: NetworkSettings
    comparison: Comparison
    settings: Training
    tune: int = 0

    @property
    def identity(self) -> str:
        """What the draw of data, initial weights and batches derives from: all but method and settings."""
        return f"{self.dataset}/{self.level.protocol}/{self.level.ratio}/{self.level.minority}/{self.seed}"

    @functools.cached_property
    def id(self) -> str:
        """Name of the cell's files: readable, and unique by a hash of everything that decides the outcome."""
        digest = hashlib.blake2b(self.specification.encode(), digest_size=6).hexdigest()
        point = f"{self.level.protocol}_{self.level.short}_s{self.seed}"
        return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{self.dataset[-40:]}_{point}_{self.method}_{digest}").strip("-.")

    @property
    def specification(self) -> str:
        """Everything that decides the outcome, as JSON with sorted keys: all but label, family and comparison.

        Put together from the parts' own texts: cells share these, and a grid has a hundred thousand.
        """
        parts = {
            "data": self.data.text,
            "dataset": json.dumps(self.dataset),
            "level": _level_text(self.level),
            "method": json.dumps(self.method),
            "network": self.network.text,
            "parameters": json.dumps(to_jsonable_python(self.parameters), sort_keys=True),
            "seed": str(self.seed),
            "settings": self.settings.text,
            "tune": str(self.tune),
        }
        return "{" + ", ".join(f'"{name}": {text}' for name, text in parts.items()) + "}"

    def asked(self) -> AskedCell:
        """Return what is kept of the cell beside the records of its run."""
        names = ("dataset", "level", "seed", "method", "label", "family", "comparison")
        own = {name: getattr(self, name) for name in names}
        backbone = self.settings.backbone
        transferred = "" if backbone.weights == "none" else backbone.name
        return AskedCell(id=self.id, budget=self.settings.budget.steps, backbone=transferred, **own)


@functools.cache
def _level_text(level: Level) -> str:
    return json.dumps(asdict(level), sort_keys=True)
