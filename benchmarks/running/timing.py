"""A few timed steps of a kind of cell, before any cell was measured here; on made-up data of the real ones' form."""

from __future__ import annotations

import functools
import logging
import time
import warnings
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
MORE_S = 0.1
"""How long the steps of the second run should take."""
SHORT_S = 0.1
"""What takes less is timed twice, for the shorter time."""
ENOUGH_S = 0.25
"""A method without steps that takes as long with few images is not timed with more."""
SHARE = 0.5
"""Of the training images: so many are enough to see what methods with steps do besides."""
SHARES = (0.125, 0.25, 0.5, 1.0)
"""Of the training images, tried in turn for methods without steps."""
PIXELS = 500_000
"""Of a batch through a network with its backbone: larger batches are timed in part."""
IMAGES = 10
"""How many are decoded for the time of one."""
TESTED = 16
"""How many are scored for the time of one."""

Tensors = tuple[int, int, int]


@dataclass(frozen=True)
class Data:
    """Made-up data like those of some cells."""

    train: TrainSet
    test: Images


def time_cell(cell: Cell, size: Size, device: str) -> dict[str, float]:
    """Return seconds of one cell's parts, as `benchmarks.grid.estimate.Timed` has them."""
    with deterministic(torch.device(device)), warnings.catch_warnings(action="ignore"):
        rows = torch.randperm(len(data := _made(cell, _part(size, SHARE)).train), generator=torch.Generator())
        read = _seconds(lambda: data.images[rows]) / len(rows)
        steps, method, parts = _stepping(cell, size, device)
        if not steps:
            method, parts = _without_steps(cell, size, device)
        test = _made(cell, _part(size, SHARE)).test
        tested = _seconds(lambda: method.predict_logits(test)) / len(test)
    return {**parts, "tested": tested, "read": read}


def _stepping(cell: Cell, size: Size, device: str) -> tuple[int, methods.Method, dict[str, float]]:
    """Fit with as few steps as the method can do with, then with more, then with more images."""
    share, few = _share(cell), _made(cell, _part(size, SHARES[0]))
    for steps in STEPS:
        try:
            first, taken, method = _fit(cell, few, share, device, steps)  # warms up what is imported and laid out
        except ValueError:
            if steps == STEPS[-1]:
                raise
            continue
        if not taken:
            return 0, method, {}
        if first > LONG_S:
            return taken, method, {"step": first / taken / share, "image": 0.0, "fixed": 0.0}
        return taken, *_slopes(cell, few, _made(cell, _part(size, SHARE)), device, steps)
    raise AssertionError("the last number of steps returns or raises")


def _slopes(cell: Cell, few: Data, many: Data, device: str, steps: int) -> tuple[methods.Method, dict[str, float]]:
    """Return how the time grows with steps and with images, and what is left; short times are taken twice."""
    share = _share(cell)

    def fitted(data: Data, steps: int) -> tuple[float, int]:
        seconds, taken, _ = _fit(cell, data, share, device, steps)
        return (min(seconds, _fit(cell, data, share, device, steps)[0]) if seconds < SHORT_S else seconds), taken

    first, taken = fitted(few, steps)
    more = max(20, min(100, round(MORE_S / (first / steps))))
    second, longer = fitted(few, steps + more)
    step = max(second - first, 1e-6) / max(longer - taken, 1)
    third, _, method = _fit(cell, many, share, device, steps)
    image = max(third - first, 0.0) / max(len(many.train) - len(few.train), 1)
    fixed = max(first - step * taken - image * len(few.train), 0.0)
    return method, {"step": step / share, "image": image, "fixed": fixed}


def _without_steps(cell: Cell, size: Size, device: str) -> tuple[methods.Method, dict[str, float]]:
    """Fit with more and more images, until that takes long enough; the last two say how it grows with them."""
    found: list[tuple[int, float]] = []
    for share in SHARES:
        data = _made(cell, _part(size, share))
        seconds, _, method = _fit(cell, data, 1.0, device, 1)
        found.append((len(data.train), seconds))
        if seconds > ENOUGH_S and len(found) > 1:
            break
    return method, {"step": 0.0, **_growth(found, sum(size.counts))}


def _growth(found: Sequence[tuple[int, float]], images: int) -> dict[str, float]:
    """Return how seconds grow with images, from those of a few numbers: as a line, or in proportion.

    What grows faster is cheap, and timed with all images; what seems to was disturbed by another program.
    """
    (few, less), (many, more) = found[-2:]
    slope = (more - less) / max(many - few, 1)
    if many < images and 0 < slope < more / many:
        return {"image": slope, "fixed": more - slope * many}
    each = more / many if many >= images else min(seconds / number for number, seconds in found)
    return {"image": each, "fixed": 0.0}


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
        source_data=lambda names: data.train,
        log=logging.Logger("timing", logging.CRITICAL + 1),  # what it says of made-up data is nobody's
    )
    method = methods.create(cell.method, **cell.parameters)
    return _seconds(lambda: method.fit(data.train, context)), context.meter.steps, method


def _share(cell: Cell) -> float:
    """Return the share of a batch that is timed."""
    backbone, batch = cell.settings.backbone, cell.settings.budget.batch_size
    if backbone.frozen or backbone.name in backbones.SCRATCH:
        return 1.0
    return min(1.0, max(2 / batch, PIXELS / (batch * cell.data.size**2)))


def _made(cell: Cell, size: Size) -> Data:
    return made_data(cell.settings.backbone, cell.data.size, size)


@functools.lru_cache(maxsize=4)
def made_data(backbone: BackboneSettings, side: int, size: Size) -> Data:
    """Make data of a cell's form whose classes differ a little, as a network's maps do: not negative, many zeros."""
    counts = torch.tensor(size.counts)
    labels = torch.arange(len(counts)).repeat_interleave(counts)
    generator = torch.Generator().manual_seed(0)
    offsets = torch.rand(len(counts), 512, generator=generator) * 0.1
    tested = torch.arange(len(counts)).repeat(max(1, min(size.tested, TESTED) // len(counts)))
    groups = (torch.arange(len(labels)) / size.together).long() if size.together else None
    shapes = map_shapes(backbone, side) if backbone.frozen else ()

    def images(of: torch.Tensor) -> Images:
        if not backbone.frozen:
            pixels = torch.randint(0, 256, (len(of), side, side, 1), dtype=torch.uint8, generator=generator)
            channels = 1 if backbone.name in backbones.SCRATCH else 3  # that the network reads
            return Images((pixels,), (127.5,) * channels, (64.0,) * channels)
        return Images(tuple(_maps(shape, offsets[of], generator) for shape in shapes))

    return Data(TrainSet(images(labels), labels, len(counts), groups), images(tested))


def _maps(shape: Tensors, offsets: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    depth, height, width = shape
    values = torch.empty(len(offsets), height, width, depth, dtype=torch.float16)
    for row, offset in enumerate(offsets):  # one by one: all at once would take four times the memory
        drawn = torch.randn(height, width, depth, generator=generator) + offset.repeat(-(-depth // 512))[:depth]
        values[row] = drawn.clamp(min=0).half()
    return values


@functools.lru_cache(maxsize=64)
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
    return size.model_copy(update={"counts": tuple(max(min(4, n), round(n * share)) for n in size.counts)})


def _seconds(work: Callable[[], Any]) -> float:
    """Return the seconds of the processor, for other programs may be running; those of the clock where a GPU works."""
    clock = time.perf_counter if torch.cuda.is_initialized() else time.process_time
    start = clock()
    work()
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return clock() - start
