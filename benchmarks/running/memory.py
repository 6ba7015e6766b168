"""How much of a GPU's memory a cell takes, from its shapes alone: nothing is computed, on the `meta` device."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

import methods
from benchmarks.grid.cells import Cell
from benchmarks.grid.sizes import Size
from benchmarks.running.timing import Tensors, map_shapes
from datasets import Level
from methods.networks import build
from methods.training.inference import BATCH
from methods.training.settings import BackboneSettings

STATES = 4
"""Copies of a parameter: itself, its gradient, and two moments of AdamW."""
MARGIN = 1.3
"""For what the allocator leaves between blocks, and a kernel's workspace."""


def largest(cells: Iterable[Cell], sizes: Mapping[tuple[str, Level], Size]) -> int:
    """Return the bytes of the cell that takes most."""
    kinds = {(c.data.text, c.method, c.network.text, c.settings.text, c.level): c for c in cells}
    known = [(cell, sizes.get((cell.dataset, cell.level))) for cell in kinds.values()]
    return max((device_bytes(cell, size) for cell, size in known if size is not None), default=0)


def device_bytes(cell: Cell, size: Size) -> int:
    """Return the bytes that training a cell takes on its device: data, weights and what the backward pass needs."""
    backbone, classes = cell.settings.backbone, len(size.counts)
    shapes = map_shapes(backbone, cell.data.size) if backbone.frozen else ((3, cell.data.size, cell.data.size),)
    of_image = sum(math.prod(shape) for shape in shapes) * (2 if backbone.frozen else 1)
    streams = getattr(methods.get(cell.method), "streams", 1)
    batch = cell.settings.budget.batch_size * streams
    with torch.device("meta"):
        network = build(shapes, classes, cell.network, _unweighted(backbone)).train()
        kept = _kept(network, shapes, batch)
    weights = sum(parameter.numel() * parameter.element_size() for parameter in network.parameters())
    read = 4 * sum(math.prod(shape) for shape in shapes)
    passes = max(kept + batch * read, 3 * BATCH * read)  # of training, and of reading tested images
    return round(MARGIN * (sum(size.counts) * of_image + STATES * weights + passes))


def _unweighted(backbone: BackboneSettings) -> BackboneSettings | None:
    return None if backbone.frozen else backbone.model_copy(update={"weights": "none"})


def _kept(network: nn.Module, shapes: Sequence[Tensors], batch: int) -> int:
    """Return the bytes of the tensors that a forward pass keeps for the backward pass, each once."""
    kept: dict[int, int] = {}
    alive: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        alive.append(tensor)
        return tensor

    inputs = tuple(torch.empty(batch, *shape, device="meta") for shape in shapes)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(inputs)
    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    return sum(size for storage, size in kept.items() if storage not in own)
