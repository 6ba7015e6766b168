"""Which images a step trains on. All draws of a stage are made beforehand on the CPU, from a generator.

So the same images are drawn on every device, and a training step neither draws nor waits.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

ClassProbabilities = Callable[[Tensor, float], Tensor | None]
"""(counts, progress) -> (C,) probabilities, (K, C) for K streams that share the batch, or None: every image alike."""


def instance_balanced(counts: Tensor, progress: float) -> None:
    """Every image equally often, each once per pass."""


def class_balanced(counts: Tensor, progress: float) -> Tensor:
    """Every class equally often."""
    return power(counts, 0.0)


def power(counts: Tensor, exponent: float) -> Tensor:
    """Return P(c) ~ n_c^q over the classes that have images."""
    weights = torch.where(counts > 0, counts.clamp(min=1).double().pow(exponent), 0.0)
    return weights / weights.sum()


def smallest(counts: Tensor) -> Tensor:
    """Return the size of the smallest class that has images, a scalar tensor."""
    return counts[counts > 0].min()


def draw_rows(
    labels: Tensor,
    counts: Tensor,
    sampling: ClassProbabilities,
    progress: list[float],
    batch_size: int,
    generator: torch.Generator,
) -> Tensor:
    """Draw the training images of a stage.

    Args:
        labels: (N,) int64 on the CPU.
        counts: (C,) int64 on the CPU.
        sampling: class probabilities at each progress.
        progress: S values, one a step.
        batch_size: B.
        generator: on the CPU.

    Returns:
        (S, B) int64 rows.
    """
    probabilities = [sampling(counts, p) for p in progress]
    if any(p is None for p in probabilities):
        return _passes(len(labels), len(progress), batch_size, generator)
    stacked = torch.stack([p if p.ndim == 2 else p[None] for p in probabilities if p is not None])
    steps, streams, _ = stacked.shape
    parts = torch.tensor_split(torch.arange(batch_size), streams)
    drawn = [
        torch.multinomial(stacked[:, k].double(), len(part), replacement=True, generator=generator)
        for k, part in enumerate(parts)
    ]
    classes = torch.cat(drawn, dim=1)
    order = torch.argsort(labels, stable=True)
    first = torch.cumsum(counts, 0) - counts
    within = (torch.rand(steps, batch_size, generator=generator, dtype=torch.float64) * counts[classes]).long()
    return order[first[classes] + within]


def _passes(n: int, steps: int, batch_size: int, generator: torch.Generator) -> Tensor:
    """Draw (S, B) rows in shuffled passes over all images."""
    passes = -(-steps * batch_size // n)
    rows = torch.cat([torch.randperm(n, generator=generator) for _ in range(passes)])
    return rows[: steps * batch_size].view(steps, batch_size)


def cut(labels: Tensor, limit: Tensor, generator: torch.Generator) -> Tensor:
    """Choose at most limit[c] images of each class at random.

    Args:
        labels: (N,) int64 on the CPU.
        limit: (C,) int64.
        generator: on the CPU.

    Returns:
        (M,) int64 rows, ascending.
    """
    chosen = []
    for label, most in enumerate(limit.tolist()):
        rows = torch.nonzero(labels == label).flatten()
        chosen.append(rows[torch.randperm(len(rows), generator=generator)[:most]])
    return torch.cat(chosen).sort().values
