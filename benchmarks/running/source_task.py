"""The dataset that a cell transfers from, and what is learnt from it once for all cells that have it in common."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

import datasets
from benchmarks.grid import rows as grid_rows
from benchmarks.grid.cells import DataSpec
from benchmarks.running import learnt
from benchmarks.running.prepare import Prepared, prepare
from methods.training.context import Context, Learn, State
from methods.training.data import TrainSet
from methods.training.settings import BackboneSettings

FORMAT = 1
"""Raise it when the same key would stand for other weights."""
QUIET = logging.Logger("source task")
QUIET.addHandler(logging.NullHandler())


@dataclass(frozen=True)
class SourceTask:
    """The first of some datasets that is not the target: its balanced task, prepared as the target is.

    Attributes:
        data: the target.
        backbone: that reads both.
        seed: of the cell.
        cache: folder of the cache.
        device: where to train.
    """

    data: DataSpec
    backbone: BackboneSettings
    seed: int
    cache: Path
    device: torch.device

    def load(self, names: tuple[str, ...]) -> TrainSet:
        """Return the training set."""
        prepared, rows, _ = self._open(names)
        return prepared.train_set(rows)

    def learnt(self, names: tuple[str, ...], context: Context, learn: Learn) -> State:
        """Return what is learnt from it (`Context.shared`), from the cache where another cell has learnt it.

        Neither the target nor its fold, level or method are part of the key, and all draws derive from the key.
        """
        prepared, rows, name = self._open(names)
        key = [
            FORMAT,
            [name, prepared.identity, datasets.index_hash(rows), self.seed],
            [each.text for each in (self.backbone, context.network, context.optimizer, context.augmentation)],
            [context.budget.text, self.device.type, torch.__version__],
        ]
        digest = hashlib.blake2b(json.dumps(key).encode(), digest_size=12).hexdigest()
        own = replace(context, seed=f"source task/{digest}", log=QUIET)
        path = self.cache / "learnt" / f"{name.partition(':')[0].replace('/', '-')}-{digest}.safetensors"
        return learnt.once(path, lambda: learn(prepared.train_set(rows), own))

    def _open(self, names: tuple[str, ...]) -> tuple[Prepared, np.ndarray, str]:
        spec = grid_rows.source_dataset(self.data, names)
        if spec is None:
            raise datasets.UserError(
                f"source={list(names)}: none of them can be loaded any more; run the same command again"
            )
        prepared = prepare(spec, self.backbone, self.cache, str(self.device))
        return prepared, grid_rows.source_task_rows(spec, prepared.imageset.index, self.seed), spec.name
