"""What a method is given besides its training data."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from methods.training.data import TrainSet
from methods.training.settings import Augmentation, BackboneSettings, Budget, NetworkSettings, Optimizer

LOG = logging.getLogger("methods")

State = dict[str, torch.Tensor]
"""Weights by name."""
Learn = Callable[[TrainSet, "Context"], State]
"""What is learnt from another dataset's training set, in a context of its own."""


@dataclass
class Meter:
    """Counts what a method really spends."""

    steps: int = 0
    samples: int = 0


@dataclass(frozen=True)
class Context:
    """What all methods of one comparison share.

    Attributes:
        seed: identity of the cell but for its method, so that methods start from the same weights and batches.
        device: where to train.
        budget: gradient steps and batch size.
        optimizer: optimiser and schedule.
        augmentation: random changes of training images.
        network: the layers on top of the backbone.
        backbone: the backbone inside the network; None where the data are its feature maps already.
        source_data: returns the balanced training set of another dataset, in the form of this one's data: of the
            first of the names given that is not this one.
        shared: returns what is learnt from that training set once for all cells: given the names, the context that it
            is learnt in and how. What is learnt may depend on these and on nothing else: the seed is replaced by one
            that the cells have in common. None: nothing is shared.
        meter: counts the steps taken.
        log: where to say what a reader of the record should know.
    """

    seed: str
    device: torch.device
    budget: Budget
    optimizer: Optimizer = field(default_factory=Optimizer)
    augmentation: Augmentation = field(default_factory=Augmentation)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    backbone: BackboneSettings | None = None
    source_data: Callable[[tuple[str, ...]], TrainSet] | None = None
    shared: Callable[[tuple[str, ...], Context, Learn], State] | None = None
    meter: Meter = field(default_factory=Meter)
    log: logging.Logger = LOG

    def derive(self, *purpose: object) -> int:
        """Return a 63-bit seed for one purpose."""
        text = "/".join([self.seed, *map(str, purpose)])
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1

    def generator(self, *purpose: object) -> torch.Generator:
        """Return a generator on the CPU for one purpose."""
        return torch.Generator().manual_seed(self.derive(*purpose))

    def rng(self, *purpose: object) -> np.random.Generator:
        """Return a NumPy generator for one purpose."""
        return np.random.default_rng(self.derive(*purpose))

    @contextlib.contextmanager
    def seeded(self, *purpose: object) -> Iterator[None]:
        """Seed torch's global generators inside the block, for initial weights and dropout, and restore them after."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(self.derive(*purpose))
            yield

    def member(self, k: int, members: int) -> Context:
        """Return the context of member k of an ensemble: its share of the steps, and a seed of its own.

        Raises:
            ValueError: the budget has fewer steps than members.
        """
        steps = self.budget.steps * (k + 1) // members - self.budget.steps * k // members
        if steps < 1:
            raise ValueError(f"{members} members cannot share {self.budget.steps} steps; raise budget.steps")
        return replace(self, seed=f"{self.seed}/member{k}", budget=self.budget.model_copy(update={"steps": steps}))
