"""A memory of the majority, and where it finds an image strange."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from methods.one_class.base import folds_of_groups, group_left_out_squares, left_out_squares
from methods.proposed.fusion.views import Array

RIDGE = 0.01
"""Added to the covariances' diagonal, cells standardised."""
STRANGE = 0.03
"""Share of an image's positions that its distance is the mean of."""
ATTENDED = (1, 3, 9)
"""How many of the strangest positions are averaged."""
CHUNK = 64
POSITIONS = 128
"""How many are worked on at once: all of them would take a gigabyte where maps are large."""


class PositionMemory:
    """A Gaussian for each position of the cells (as PaDiM, Defard et al. 2021)."""

    def __init__(self, cells: Tensor, channels: int, generator: torch.Generator) -> None:
        """Fit to (n, P, D) cells of majority images, of which `channels` are drawn at random."""
        self.chosen = torch.randperm(cells.shape[2], generator=generator)[:channels]
        # one channel after another in memory: the same deviations in a third of the time
        each = [cells[:, :, some].flatten(0, 1).T.contiguous().std(1, correction=0) for some in self.chosen.split(20)]
        self.scale = torch.cat(each) + 1e-6
        gaussians = [_gaussians(self._prepared(part)) for part in cells.split(POSITIONS, 1)]
        self.mean, self.factor = (torch.cat(parts) for parts in zip(*gaussians, strict=True))

    def distances(self, cells: Tensor) -> Tensor:
        """Return (M, P) squared distances of images that the memory has not seen."""
        return torch.cat([_squares(self._prepared(part), self.mean, self.factor) for part in cells.split(CHUNK)])

    def held_out(self, cells: Tensor, *groupings: Tensor) -> list[Tensor]:
        """Return (n, P) squared distances of its own images, each without its group or, without groups, itself.

        Args:
            cells: (n, P, D), those that it was fitted to.
            groupings: (n,) the group of each image, in one way or several.

        Returns:
            The distances for each way.
        """
        n, folds = len(cells), [folds_of_groups(groups, len(cells)) for groups in groupings]
        found: list[list[Tensor]] = [[] for _ in groupings]
        gaussians = zip(self.mean.split(POSITIONS), self.factor.split(POSITIONS), strict=True)
        for part, gaussian in zip(cells.split(POSITIONS, 1), gaussians, strict=True):
            x = self._prepared(part)
            alone = left_out_squares(_squares(x, *gaussian), n, n)
            for own, parts in zip(folds, found, strict=True):
                out = alone.clone()
                for group in own:
                    out[group] = group_left_out_squares(_white(x[:, group], *gaussian), n, n).T.to(out)
                parts.append(out)
        return [torch.cat(parts, 1) for parts in found]

    def _prepared(self, cells: Tensor) -> Tensor:
        return (cells[:, :, self.chosen] / self.scale).transpose(0, 1)


def score(distances: Tensor) -> Array:
    """Return (M,) log of the mean distance over the strangest positions, of (M, P) squared distances."""
    most = max(1, round(STRANGE * distances.shape[1]))
    return np.asarray(distances.topk(most, 1).values.mean(1).clamp(min=1e-9).log().numpy() / 2, np.float64)


def attended(cells: Tensor, distances: Tensor) -> list[Array]:
    """Return for each k of ATTENDED the (N, D) mean of the raw cells at the k positions of greatest distance."""
    found = []
    for k in ATTENDED:
        at = distances.topk(min(k, distances.shape[1]), 1).indices[:, :, None].expand(-1, -1, cells.shape[2])
        found.append(np.asarray(cells.gather(1, at).mean(1).numpy(), np.float64))
    return found


def _gaussians(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean (P, 1, d) and Cholesky factor (P, d, d) of (P, n, d)."""
    mean = x.mean(1, keepdim=True)
    z = x - mean
    covariance = z.transpose(1, 2) @ z / x.shape[1]
    covariance.diagonal(dim1=1, dim2=2).add_(RIDGE)
    return mean, torch.linalg.cholesky(covariance)


def _white(x: Tensor, mean: Tensor, factor: Tensor) -> Tensor:
    white: Tensor = torch.linalg.solve_triangular(factor, (x - mean).transpose(1, 2), upper=False)
    return white


def _squares(x: Tensor, mean: Tensor, factor: Tensor) -> Tensor:
    return _white(x, mean, factor).square().sum(1).T
