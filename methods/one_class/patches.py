"""Cells of maps: what patch memories compare."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK = 4096
"""Cells compared with a memory at once."""


def cells(maps: list[Tensor], smooth: bool) -> Tensor:
    """Return (B, P, D): the cells of the mid-level depths, brought to the finest side and concatenated.

    Mid-level are all depths but the deepest, where there are three or more: it knows ImageNet's classes, and hardly
    where something is.

    Args:
        maps: (B, C, h, w) of each depth, the finest first.
        smooth: whether each cell becomes the mean of its 3 x 3 neighbourhood.
    """
    used = maps[:-1] if len(maps) > 2 else maps
    if smooth:
        used = [F.avg_pool2d(m, 3, 1, 1, count_include_pad=False) for m in used]
    side = max((m.shape[2:] for m in used), key=lambda s: s[0] * s[1])
    same = [m if m.shape[2:] == side else F.interpolate(m, size=side, mode="bilinear") for m in used]
    return torch.cat(same, 1).flatten(2).transpose(1, 2).contiguous()


def coreset(cells: Tensor, size: int, dim: int, generator: torch.Generator) -> Tensor:
    """Choose rows greedily, each the farthest from those before it, in a random projection.

    Args:
        cells: (M, D) float.
        size: how many.
        dim: of the projection; no projection where D is no larger.
        generator: on the CPU.

    Returns:
        (size,) int64 rows.
    """
    at = torch.randint(len(cells), (1,), generator=generator).to(cells.device)[0]
    if cells.shape[1] > dim:
        cells = cells @ (torch.randn(cells.shape[1], dim, generator=generator).to(cells) / dim**0.5)
    squares = cells.square().sum(1)
    distances = torch.full_like(squares, float("inf"))
    chosen = [at]
    for _ in range(size - 1):
        distances = torch.minimum(distances, squares + squares[at] - 2 * (cells @ cells[at]))
        at = distances.argmax()
        chosen.append(at)
    return torch.stack(chosen)


def nearest(cells: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """Return distance (M,) to, and row (M,) of, the nearest of a memory (K, D) for each of (M, D) cells."""
    squares = memory.square().sum(1)
    rows = torch.cat([(squares - 2 * part @ memory.T).argmin(1) for part in cells.split(CHUNK)])
    # the squares above leave too few digits where cells are near: distances are taken again
    return (cells - memory[rows]).norm(dim=1), rows
