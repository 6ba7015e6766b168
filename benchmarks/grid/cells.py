"""Cells: the points of the grid, and what they are called."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import methods
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

    @property
    def id(self) -> str:
        """Name of the cell's files: readable, and unique by a hash of everything that decides the outcome."""
        specification = self.model_dump(mode="json", exclude={"label", "family", "comparison"})
        text = json.dumps(specification, sort_keys=True)
        digest = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
        point = f"{self.level.protocol}_{self.level.short}_s{self.seed}"
        return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{self.dataset[-40:]}_{point}_{self.method}_{digest}").strip("-.")

    def asked(self) -> AskedCell:
        """Return what is kept of the cell beside the records of its run."""
        names = ("dataset", "level", "seed", "method", "label", "family", "comparison")
        own = {name: getattr(self, name) for name in names}
        backbone = self.settings.backbone
        transferred = "" if backbone.weights == "none" else backbone.name
        return AskedCell(id=self.id, budget=self.settings.budget.steps, backbone=transferred, **own)


def label(name: str, method: methods.Method) -> str:
    """Return the display name: the method's, and the parameters that are not the default."""
    changed = method.model_dump(exclude_defaults=True)
    shown = {k: " or ".join(map(str, v)) or "none" if isinstance(v, tuple) else v for k, v in changed.items()}
    return f"{name} ({', '.join(f'{k}={v}' for k, v in shown.items())})" if shown else name
