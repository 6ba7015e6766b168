"""A few timed steps of each kind of cell, before any cell was measured here; on made-up data of the real ones' form."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import datasets
import methods
from benchmarks.grid.cells import Cell, DataSpec
from benchmarks.grid.sizes import Size
from benchmarks.running.isolation import deterministic
from benchmarks.running.prepare import MAPS_BATCH
from methods.networks import backbones
from methods.training.context import Context
from methods.training.data import Images, TrainSet
from methods.training.settings import BackboneSettings

STEPS = (2, 5, 12, 40)
"""Tried in turn: a method of several stages or members needs more steps than one."""
LONG_S = 2.0
"""A longer first run is not repeated."""
MORE_S = 0.6
"""How long the second run should take."""
PIXELS = 500_000
"""Of a batch through a network with its backbone: larger batches are timed in part."""
IMAGES = 10
"""How many are decoded for the time of one."""

Tensors = tuple[int, int, int]


@dataclass(frozen=True)
class Data:
    """Made-up data like those of some cells."""

    train: TrainSet
    test: Images


def time_cell(cell: Cell, size: Size, device: str) -> dict[str, float]:
    """Return seconds of one cell's parts: `step` a gradient step, `image` what grows with the training images.

    `power` says how the latter grows; `tested` is of one tested image.
    """
    with deterministic(torch.device(device)):
        shapes = map_shapes(cell.settings.backbone, cell.data.size)
        share = _share(cell)
        first, steps, data, method = _first(cell, size, shapes, share, device)
        tested = _seconds(lambda: method.predict_logits(data.test)) / len(data.test)
        images = len(data.train)
        if steps:
            step = _slope(cell, data, share, device, first, steps)
            return {"step": step, "image": max(first - step * steps, 0.0) / images, "power": 1.0, "tested": tested}
        half = made_data(cell, _part(size, 0.5), shapes)
        second = _fit(cell, half, share, device, 1)[0]
        power = math.log(first / second) / math.log(images / len(half.train))
        power = min(max(power, 0.0), 2.0)
        return {"step": 0.0, "image": first / images**power, "power": power, "tested": tested}


def _first(
    cell: Cell, size: Size, shapes: Sequence[Tensors], share: float, device: str
) -> tuple[float, int, Data, methods.Method]:
    """Fit with as few steps as the method can do with; the first time warms up what is imported and laid out."""
    data = made_data(cell, size, shapes)
    for steps in STEPS:
        try:
            warm, taken, method = _fit(cell, data, share, device, steps)
        except ValueError:
            if steps == STEPS[-1]:
                raise
            continue
        return (warm if warm > LONG_S else _fit(cell, data, share, device, steps)[0]), taken, data, method
    raise AssertionError("the last number of steps returns or raises")


def _slope(cell: Cell, data: Data, share: float, device: str, first: float, steps: int) -> float:
    """Return seconds a step, from a second, longer run where the first was short."""
    if first > LONG_S:
        return first / steps / share
    more = max(20, min(100, round(MORE_S / (first / steps))))
    second, taken, _ = _fit(cell, data, share, device, steps + more)
    return max(second - first, 1e-6) / max(taken - steps, 1) / share


def _fit(cell: Cell, data: Data, share: float, device: str, steps: int) -> tuple[float, int, methods.Method]:
    """Return the seconds of training, the steps taken and the method."""
    backbone, budget = cell.settings.backbone, cell.settings.budget
    batch = max(2, round(budget.batch_size * share))
    context = Context(
        seed="timing",
        device=torch.device(device),
        budget=budget.model_copy(update={"steps": steps, "batch_size": batch}),
        optimizer=cell.settings.optimizer,
        augmentation=cell.settings.augmentation,
        network=cell.network,
        backbone=None if backbone.frozen else backbone,
        source=lambda names: data.train,
    )
    method = methods.create(cell.method, **cell.parameters)
    return _seconds(lambda: method.fit(data.train, context)), context.meter.steps, method


def _share(cell: Cell) -> float:
    """Return the share of a batch that is timed."""
    backbone, batch = cell.settings.backbone, cell.settings.budget.batch_size
    if backbone.frozen or backbone.name in backbones.SCRATCH:
        return 1.0
    return min(1.0, max(2 / batch, PIXELS / (batch * cell.data.size**2)))


def made_data(cell: Cell, size: Size, shapes: Sequence[Tensors]) -> Data:
    """Make data of a cell's form whose classes differ a little, as a network's maps do: not negative, many zeros."""
    counts = torch.tensor(size.counts)
    labels = torch.arange(len(counts)).repeat_interleave(counts)
    generator = torch.Generator().manual_seed(0)
    offsets = torch.rand(len(counts), 512, generator=generator) * 0.1
    tested = torch.arange(len(counts)).repeat(max(1, min(size.tested, 32) // len(counts)))

    def images(of: torch.Tensor) -> Images:
        if not cell.settings.backbone.frozen:
            side = cell.data.size
            pixels = torch.randint(0, 256, (len(of), side, side, 1), dtype=torch.uint8, generator=generator)
            channels = 1 if cell.settings.backbone.name in backbones.SCRATCH else 3  # that the network reads
            return Images((pixels,), (127.5,) * channels, (64.0,) * channels)
        return Images(tuple(_maps(shape, offsets[of], generator) for shape in shapes))

    return Data(TrainSet(images(labels), labels, len(counts)), images(tested))


def _maps(shape: Tensors, offsets: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    depth, height, width = shape
    values = torch.empty(len(offsets), height, width, depth, dtype=torch.float16)
    for row, offset in enumerate(offsets):  # one by one: all at once would take four times the memory
        drawn = torch.randn(height, width, depth, generator=generator) + offset.repeat(-(-depth // 512))[:depth]
        values[row] = drawn.clamp(min=0).half()
    return values


def map_shapes(backbone: BackboneSettings, side: int) -> tuple[Tensors, ...]:
    """Return (D, h, w) of each depth of a backbone's maps, without computing them."""
    with torch.device("meta"), torch.no_grad():
        network = backbones.build(backbone.model_copy(update={"weights": "none"}), 1).eval()
        channels = 1 if backbone.name in backbones.SCRATCH else 3
        maps = network(torch.empty(1, channels, side, side))
    return tuple((m.shape[1], m.shape[2], m.shape[3]) for m in maps)


def time_preparation(spec: DataSpec, frozen: Sequence[BackboneSettings], device: str) -> dict[str, float]:
    """Return the seconds of decoding one image, and of its maps for all frozen backbones."""
    dataset = datasets.create(spec.name, **spec.settings.parameters)
    with deterministic(torch.device(device)):
        return {
            "decode": _decoding(dataset, spec.size),
            "maps": sum(_mapping(backbone, spec.size, device) for backbone in frozen),
        }


def _decoding(dataset: datasets.Dataset, size: int) -> float:
    """Return the seconds of one image: those of a few less those of one, for what is set up once."""
    if isinstance(dataset, datasets.FileDataset):
        one, few = (_seconds(lambda n=n: list(dataset.sample(size, n))) for n in (1, 1 + IMAGES))  # type: ignore[misc]
        return max(few - one, 0.0) / IMAGES
    images = dataset.decode(size)
    next(images, None)
    return _seconds(lambda: [next(images, None) for _ in range(IMAGES)]) / IMAGES


def _mapping(backbone: BackboneSettings, side: int, device: str) -> float:
    network = backbones.build(backbone.model_copy(update={"weights": "none"}), 1).eval().to(device)
    channels = 1 if backbone.name in backbones.SCRATCH else 3
    batch = torch.zeros(MAPS_BATCH, channels, side, side, device=device).to(memory_format=torch.channels_last)

    def forward() -> None:
        with torch.inference_mode():
            maps = network(batch)
        np.concatenate([m.cpu().half().flatten(1).numpy() for m in maps], 1)

    forward()
    return min(_seconds(forward) for _ in range(2)) / MAPS_BATCH


def _part(size: Size, share: float) -> Size:
    return size.model_copy(update={"counts": tuple(max(min(2, n), round(n * share)) for n in size.counts)})


def _seconds(work: Callable[[], Any]) -> float:
    """Return the seconds of the processor, for other programs may be running; those of the clock where a GPU works."""
    clock = time.perf_counter if torch.cuda.is_initialized() else time.process_time
    start = clock()
    work()
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return clock() - start
