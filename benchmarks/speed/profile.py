"""Where the time of a step end to end goes, ours and the script's: by kind of operator, on the same images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

import methods
from benchmarks.running.isolation import deterministic
from benchmarks.speed import script
from benchmarks.speed.measure import processor_seconds
from methods.networks import build
from methods.training import loop
from methods.training.context import Context
from methods.training.data import TrainSet
from methods.training.settings import BackboneSettings, Budget, NetworkSettings
from methods.training.stages import Stage

STEPS = 2
PARTS: dict[str, tuple[str, ...]] = {
    "convolutions, backward": ("convolution_backward",),
    "convolutions, forward": ("convolution", "thnn_conv", "slow_conv"),
    "batch normalisation, backward": ("batch_norm_backward",),
    "batch normalisation, forward": ("batch_norm",),
    "activations": ("hardtanh", "clamp", "relu", "threshold"),
    "copies, other layouts and zeros": ("copy_", "fill_", "zero_", "contiguous", "cat"),
    "optimiser": ("adamw", "Optimizer"),
}
"""Operators by parts of their names; the first that fits has them."""
READING, REST = "decoding or reading, and augmentation", "everything else"


@dataclass(frozen=True)
class Profile:
    """Milliseconds a step of each part.

    Attributes:
        ours: of the suite's loop.
        script: of the script's.
    """

    ours: dict[str, float]
    script: dict[str, float]

    @property
    def table(self) -> str:
        """Return both as a Markdown table, the largest part first."""
        rows = ["| a step end to end | suite, ms | share | script, ms | share |", "| --- | ---: | ---: | ---: | ---: |"]
        totals = sum(self.ours.values()), sum(self.script.values())
        for name in sorted(self.ours, key=lambda name: -self.ours[name]):
            shown = [(of[name], of[name] / total) for of, total in zip((self.ours, self.script), totals, strict=True)]
            rows.append(f"| {name} | " + " | ".join(f"{1000 * s:.0f} | {share:.0%}" for s, share in shown) + " |")
        rows.append(f"| together | {1000 * totals[0]:.0f} | | {1000 * totals[1]:.0f} | |")
        return "\n".join(rows) + "\n"


def measured(data: TrainSet, loader: Any, backbone: BackboneSettings, batch: int) -> Profile:
    """Profile some steps of both.

    Args:
        data: training images, decoded, for the suite.
        loader: the script's, over their files.
        backbone: which both train.
        batch: images a step.
    """
    model = script.Classifier(data.num_classes, backbone.strides, frozen=False)
    decoding = processor_seconds(lambda: list(islice(_endless(loader), STEPS)))
    theirs = _by_part(lambda: script.train(model, loader, STEPS), decoding)
    with deterministic(torch.device("cpu")):
        rows, flips = torch.randint(len(data), (batch,)), torch.rand(batch, 2) < 0.5
        reading = processor_seconds(lambda: [data.images.read(rows, flips) for _ in range(STEPS)])
        ours = _by_part(_our_steps(data, backbone, batch), reading)
    return Profile(ours, theirs)


def _endless(loader: Any) -> Iterator[Any]:
    while True:
        yield from loader


def _our_steps(data: TrainSet, backbone: BackboneSettings, batch: int) -> Callable[[], None]:
    context = Context(
        seed="profile",
        device=torch.device("cpu"),
        budget=Budget(steps=STEPS, batch_size=batch),
        network=NetworkSettings(head="pooled"),
        backbone=backbone,
    )
    network = build(data.images.shapes, data.num_classes, context.network, backbone)
    network = network.to(memory_format=torch.channels_last)
    method, progress = methods.create("cross-entropy"), [step / STEPS for step in range(STEPS)]
    assert isinstance(method, methods.NetworkMethod)
    return lambda: loop.run_stage(method, network, data, context, Stage(), progress, "profile")


def _by_part(steps: Callable[[], None], reading: float) -> dict[str, float]:
    """Return seconds a step of each part; what no operator took is reading, as far as it was timed, and the rest."""
    steps()  # warms up
    with profile(activities=[ProfilerActivity.CPU]) as found:
        total = processor_seconds(steps)
    seconds = dict.fromkeys([*PARTS, READING, REST], 0.0)
    for each in found.key_averages():
        name = next((part for part, names in PARTS.items() if any(n in each.key for n in names)), REST)
        seconds[name] += each.self_cpu_time_total / 1e6
    seconds[READING] = reading
    seconds[REST] = max(total - sum(seconds[name] for name in (*PARTS, READING)), 0.0)
    return {name: value / STEPS for name, value in seconds.items()}
