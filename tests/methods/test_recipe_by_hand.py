"""The shared recipe, step for step: what `fit` comes to is written out here in plain tensor arithmetic.

Nothing of the loop, the optimisers, the schedules or the reading of images is used for the expected values; the rows,
flips and shifts that were drawn are taken as given.
"""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from methods import testing
from methods.base import NetworkMethod
from methods.training import loop, sampling
from methods.training.data import Images
from methods.training.settings import Augmentation, Budget, NetworkSettings, Optimizer
from methods.training.stages import Stage

MEAN, STD = (90.0, 120.0, 60.0), (40.0, 55.0, 30.0)
FIRST, SECOND = 6, 4
COSINE = (
    [1 / 3, 2 / 3, *(0.5 * (1 + math.cos(math.pi * k / 6)) for k in (2, 3, 4, 5))],
    [
        1 / 2,
        *(0.5 * (1 + math.cos(math.pi * k / 4)) for k in (1, 2, 3)),
    ],
)
STEP = [1 / 3, 2 / 3, 1, 1, 1, 0.01], [1 / 2, 1, 1, 1]
CONSTANT = [1 / 3, 2 / 3, 1, 1, 1, 1], [1 / 2, 1, 1, 1]
FACTORS = {"cosine": COSINE, "step": STEP, "constant": CONSTANT}
"""Warm-up over a quarter of each stage (steps 0 and 1 of 6, step 0 of 4), then the schedule; one list a stage."""


class TwoStages(NetworkMethod):
    """Head and classifier with classes alike, then everything but the head with smaller steps."""

    def stages(self):
        return [
            Stage(share=0.6, trainable=("head", "classifier"), sampling=sampling.class_balanced),
            Stage(share=0.4, trainable=("trunk", "classifier"), learning_rate=0.25, adam_rate=2.0),
        ]


def augmented(levels, rows, flips, shifts):
    """Shift with zeros coming in, then flip, then normalise images one by one; (B, 3, H, W)."""
    out = []
    for row, (down, right), (dy, dx) in zip(rows.tolist(), flips.tolist(), shifts.tolist(), strict=True):
        image = levels[row].permute(2, 0, 1).float()
        side = image.shape[1]
        padded = F.pad(image, (2, 2, 2, 2))
        image = padded[:, 2 - dy : 2 - dy + side, 2 - dx : 2 - dx + side]
        image = image.flip(1) if down else image
        image = image.flip(2) if right else image
        out.append(torch.stack([(c - m) / s for c, m, s in zip(image, MEAN, STD, strict=True)]))
    return torch.stack(out).contiguous(memory_format=torch.channels_last)


def adamw(parameter, gradient, state, rate, decay):
    """Loshchilov & Hutter 2019, with betas 0.9 and 0.999."""
    state["t"] = state.get("t", 0) + 1
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * gradient
    state["v"] = 0.999 * state.get("v", 0) + 0.001 * gradient**2
    m, v = state["m"] / (1 - 0.9 ** state["t"]), state["v"] / (1 - 0.999 ** state["t"])
    return parameter * (1 - rate * decay) - rate * m / (v.sqrt() + 1e-8)


def sgd(parameter, gradient, state, rate, decay):
    """Momentum 0.9, the decay part of the gradient."""
    gradient = gradient + decay * parameter
    state["b"] = 0.9 * state["b"] + gradient if "b" in state else gradient
    return parameter - rate * state["b"]


def by_hand(network, levels, labels, drawn, optimizer, decay, rates):
    """Take all steps of both stages; `rates` are those of each stage's steps."""
    for stage, (draws, of_steps) in enumerate(zip(drawn, rates, strict=True)):
        learning = ("head", "classifier") if stage == 0 else ("trunk", "classifier")
        for name, module in network.named_children():
            module.train(name in learning)
        parameters = {n: p for n, p in network.named_parameters() if n.split(".")[0] in learning}
        states: dict[str, dict[str, torch.Tensor]] = {name: {} for name in parameters}
        for step, rate in enumerate(of_steps):
            rows = draws.rows[step]
            inputs = augmented(levels, rows, draws.flips[step], draws.shifts[step])
            log_p = network((inputs,)).log_softmax(1)
            loss = -log_p[torch.arange(len(rows)), labels[rows]].mean()
            gradients = torch.autograd.grad(loss, list(parameters.values()))
            with torch.no_grad():
                for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
                    parameter.copy_(optimizer(parameter, gradient, states[name], rate, decay))
    return network


def equal_to_rounding(key, found, expected, step, few):
    """AdamW divides by a gradient's size: where that is almost nothing, its rounding is a visible part of a step.

    Which weights these are, one in some ten thousand, differs by processor; `few` of a tensor may be off by that.
    """
    off = (found - expected).abs()
    far = off > 1e-5 + 1e-4 * expected.abs()
    said = f"{key}: {far.sum()} of {far.numel()} differ, by {off.max():.2g} at most"
    assert far.sum() <= few, said
    assert (off < step).all(), said


@pytest.mark.parametrize("schedule", list(FACTORS))
@pytest.mark.parametrize(("name", "rate", "decay"), [("adamw", 0.01, 0.5), ("sgd", 0.05, 0.05)])
def test_ten_steps_of_two_stages_are_those_worked_out_by_hand(name, rate, decay, schedule):
    train = testing.made_data((14, 6, 3), channels=3)
    train = replace(train, images=Images(train.images.levels, MEAN, STD))
    context = replace(
        testing.tiny_context(train),
        budget=Budget(steps=FIRST + SECOND, batch_size=8),
        optimizer=Optimizer(name=name, learning_rate=rate, weight_decay=decay, schedule=schedule, warmup=0.25),
        augmentation=Augmentation(crop=2),
        network=NetworkSettings(width=8, dropout=0.0, channel_dropout=0.0),
    )
    method, drawn = TwoStages(), []
    with context.seeded("initial weights"):
        network = method.network(context, train).to(memory_format=torch.channels_last)
    first = copy.deepcopy(network)
    for k, stage in enumerate(method.stages()):
        progress = [i / 10 for i in range(FIRST)] if k == 0 else [(FIRST + i) / 10 for i in range(SECOND)]
        drawn.append(loop.Draws(method, stage, train, context, progress, f"stage {k}"))
    flips = torch.cat([d.flips for d in drawn]).float()
    assert ((flips.mean((0, 1)) > 0.3) & (flips.mean((0, 1)) < 0.7)).all()  # both kinds, about half of the images
    assert {d.shifts.abs().max().item() for d in drawn} == {2}

    method.fit(train, context)
    factors = FACTORS[schedule]
    second = 0.25 * (2 if name == "adamw" else 1)
    rates = [[rate * f for f in factors[0]], [rate * second * f for f in factors[1]]]
    optimizer = {"adamw": adamw, "sgd": sgd}[name]
    expected = by_hand(first, train.images.levels[0], train.labels, drawn, optimizer, decay, rates).state_dict()
    found = method.trained()[0].state_dict()
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        few = value.numel() // 1000 if name == "adamw" else 0
        equal_to_rounding(key, found[key], value, rate, few)
    for part in ("trunk", "head", "classifier"):  # every part has moved, and by more than the tolerance
        moved = [k for k, v in network.state_dict().items() if k.startswith(part) and (found[k] - v).abs().max() > 1e-3]
        assert moved, part


def test_images_are_normalised_for_training_and_prediction_alike():
    levels = torch.randint(0, 256, (4, 5, 5, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    (read,) = Images((levels,), MEAN, STD).read(torch.tensor([2, 0]))
    expected = (levels[[2, 0]].double() - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(read, expected.permute(0, 3, 1, 2).float())


def test_grey_images_are_normalised_for_every_channel_of_a_colour_backbone():
    levels = torch.randint(0, 256, (4, 5, 5, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    (read,) = Images((levels,), MEAN, STD).read(torch.arange(4))
    expected = (levels.double().expand(-1, -1, -1, 3) - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(read, expected.permute(0, 3, 1, 2).float())
