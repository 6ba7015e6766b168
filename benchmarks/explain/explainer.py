"""One call of the command line: cell after cell, then the files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from benchmarks.commands.terminal import say
from benchmarks.explain.cams import Unexplainable
from benchmarks.explain.seen import Seen, see, where
from benchmarks.explain.view import View, look
from benchmarks.explain.write import hardest, write_all
from benchmarks.grid.cells import Cell
from benchmarks.running.planning import Plan
from datasets import UserError


@dataclass
class Explainer:
    """Explains the cells of a plan.

    Attributes:
        plan: grid and results folder.
        console: where to say what happens.
        number: of images in the panels.
        cache: folder of decoded images and maps.
        device: where to train.
        left_out: methods that cannot be explained, with the reason.
        failed: cells whose training failed, with the error.
    """

    plan: Plan
    console: Console
    number: int
    cache: Path
    device: str
    left_out: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def run(self) -> int:
        """Train, explain, write. Returns 0, or 1 if a training failed.

        Raises:
            UserError: the data cannot be used, or nothing could be explained.
        """
        cells = self.plan.grid.cells
        views = {cell.seed: look(cell.data, cell.seed, self.number, self.cache) for cell in cells[:1]}
        drawn = hardest(cells)
        seen = []
        for place, cell in enumerate(cells, 1):
            if cell.seed not in views:
                views[cell.seed] = look(cell.data, cell.seed, self.number, self.cache)
            one = self._see(cell, views[cell.seed], cell.id in drawn)
            if one is not None:
                self._say(f"{place}/{len(cells)} {cell.label}, {where(cell)}, seed {cell.seed}{self._compare(one)}")
                seen.append(one)
        missing = {**self.left_out, **self.failed}
        for name, reason in missing.items():
            self._say(f"left out: {name}: {reason}")
        if not seen:
            raise UserError("nothing to show: " + "; ".join(f"{name}: {why}" for name, why in missing.items()))
        if not len(next(iter(views.values())).marked):
            self._say(f"scores: n/a, {cells[0].dataset} has no masks of its defects")
        files = write_all(seen, views, missing, self.plan.store.root / "explain")
        self._say(f"{len(files)} files in {self.plan.store.root / 'explain'}")
        return 1 if self.failed else 0

    def _see(self, cell: Cell, view: View, with_features: bool) -> Seen | None:
        if cell.label in self.left_out:
            return None
        try:
            return see(cell, view, self.cache, torch.device(self.device), with_features)
        except Unexplainable as reason:
            self.left_out[cell.label] = str(reason)
        except UserError:
            raise
        except Exception as error:  # one method's fault must not end the others' explanations
            self.failed[f"{cell.label}, {where(cell)}, seed {cell.seed}"] = f"{type(error).__name__}: {error}"
        return None

    def _compare(self, one: Seen) -> str:
        """Say whether the results folder has this cell's record, and whether these are its logits."""
        record = self.plan.known.get(one.cell.id)
        if record is None or record.status != "done":
            return ""
        try:
            known = self.plan.store.read_scores(one.cell.id)["logits"]
        except UserError:
            return ""
        same = known.shape == one.logits.shape and bool((known == one.logits).all())
        return ": the logits of its record" if same else f": NOT the logits of its record ({_gap(known, one.logits)})"

    def _say(self, text: str) -> None:
        say(self.console, text)


def _gap(known: np.ndarray, found: np.ndarray) -> str:
    if known.shape != found.shape:
        return "another shape"
    return f"they differ by up to {np.abs(known - found).max():.2g}; other versions, machine or device?"
