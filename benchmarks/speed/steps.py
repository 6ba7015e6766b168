"""The step: against a bare loop (a), and its arithmetic against a large matrix product (h)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import methods
from benchmarks.running.isolation import deterministic
from benchmarks.speed.measure import Figure, processor_seconds
from benchmarks.speed.scale import Scale
from methods.networks import build
from methods.training import loop
from methods.training.context import Context
from methods.training.data import Images, TrainSet
from methods.training.settings import Augmentation, Budget, NetworkSettings, Optimizer
from methods.training.stages import Stage

CHANNELS, IMAGES, BATCH = 112, 256, 32
SIDES = (5, 10, 20)
"""Of maps: 5 x 5 is stride 32 of 160 pixels, 20 x 20 stride 8."""
PRODUCT = 1024


def figures(scale: Scale) -> Iterator[Figure]:
    """Measure both."""
    with deterministic(torch.device("cpu")):
        ratios = tuple(_ratio(scale.steps) for _ in range(scale.times))
        note = "single-scale head on 10 x 10 maps, no augmentation in either"
        yield Figure("a", "steps per second of the training loop over a bare loop", ratios, wanted=0.97, note=note)
        product = _product_rate(scale)
        for side in SIDES:
            for head in ("single-scale", "multi-scale"):
                share = tuple(_step_rate(side, head, scale) / product for _ in range(scale.times))
                yield Figure("h", f"arithmetic of a {head} step on {side} x {side} maps over a matrix product's", share)


def _data(side: int) -> TrainSet:
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(IMAGES, side, side, CHANNELS, generator=generator).half()
    return TrainSet(Images((maps,)), torch.arange(IMAGES) % 2, 2)


def _context(steps: int, head: str = "single-scale") -> Context:
    return Context(
        seed="speed",
        device=torch.device("cpu"),
        budget=Budget(steps=steps, batch_size=BATCH),
        augmentation=Augmentation(horizontal_flip=False, vertical_flip=False),
        network=NetworkSettings(head=head),  # type: ignore[arg-type]
    )


def _network(data: TrainSet, context: Context) -> torch.nn.Module:
    torch.manual_seed(0)
    network = build(data.images.shapes, 2, context.network).to(memory_format=torch.channels_last)
    return network


def _ratio(steps: int) -> float:
    data, context = _data(10), _context(steps)
    method, progress = methods.create("cross-entropy"), [i / steps for i in range(steps)]
    assert isinstance(method, methods.NetworkMethod)
    _bare(_network(data, context), data, 3)  # warm
    ours, bare = _network(data, context), _network(data, context)
    bare_s = processor_seconds(lambda: _bare(bare, data, steps))
    ours_s = processor_seconds(lambda: loop.run_stage(method, ours, data, context, Stage(), progress, "speed"))
    return bare_s / ours_s


def _bare(network: torch.nn.Module, data: TrainSet, steps: int) -> None:
    settings = Optimizer()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    rows = torch.randint(len(data), (steps, BATCH))
    maps, labels = data.images.levels[0], data.labels
    network.train()
    for step in range(steps):
        inputs = maps[rows[step]].permute(0, 3, 1, 2).float()
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(network((inputs,)), labels[rows[step]]).backward()
        optimizer.step()


def _step_rate(side: int, head: str, scale: Scale) -> float:
    """Return floating-point operations per second of forward and backward passes."""
    data, context = _data(side), _context(1, head)
    network = _network(data, context).train()
    inputs, labels = data.images.read(torch.arange(BATCH)), data.labels[:BATCH]

    def passes() -> Tensor:
        loss = F.cross_entropy(network(inputs), labels)
        loss.backward()
        return loss

    with FlopCounterMode(display=False) as counter:
        passes()
    seconds = processor_seconds(lambda: [passes() for _ in range(scale.passes)])
    return float(scale.passes * counter.get_total_flops() / max(seconds, 1e-9))


def _product_rate(scale: Scale) -> float:
    a = torch.rand(PRODUCT, PRODUCT)
    a @ a
    seconds = processor_seconds(lambda: [a @ a for _ in range(scale.passes)])
    return scale.passes * 2 * PRODUCT**3 / max(seconds, 1e-9)
