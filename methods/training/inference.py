"""Reading a trained network: logits and features, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from methods.training.data import Images, Inputs

BATCH = 128


class Readable(Protocol):
    """A network whose features can be had."""

    def modules(self) -> Iterator[nn.Module]:
        """Return all modules."""

    def eval(self) -> Any:
        """Go into evaluation mode."""

    def features(self, inputs: Inputs) -> Tensor:
        """Return the (B, D) features that enter the classifier."""

    def __call__(self, inputs: Inputs) -> Tensor:
        """Return (B, C) logits."""


def batches(images: Images, device: torch.device) -> Iterator[Inputs]:
    """Yield what a network reads, in order, without augmentation."""
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH].to(device)
        yield part.read(torch.arange(len(part), device=device))


def apply(read: Callable[[Inputs], Tensor], network: Readable, images: Images, device: torch.device) -> Tensor:
    """Return what `read` makes of all images, rows (N, ...) on the device, with the network in evaluation mode."""
    was_training = {module: module.training for module in network.modules()}
    network.eval()
    with torch.no_grad():
        rows = torch.cat([read(inputs).float() for inputs in batches(images, device)])
    for module, training in was_training.items():
        module.training = training
    return rows


def logits(network: Readable, images: Images, device: torch.device) -> Tensor:
    """Return (N, C) float logits on the device."""
    return apply(network, network, images, device)


def features(network: Readable, images: Images, device: torch.device) -> Tensor:
    """Return the (N, D) float features that enter the classifier, on the device."""
    return apply(network.features, network, images, device)
