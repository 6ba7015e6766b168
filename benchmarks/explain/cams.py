"""Grad-CAM of what a method has learnt, by the package grad-cam; networks are left as they were found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

import methods
from methods import Images, Method, NetworkMethod
from methods.ensemble.members import Ensemble
from methods.networks import Head, Network
from methods.training.data import Inputs

BATCH = 32
"""Images explained at once; fixed, so that the same cell always gives the same bits."""


class Unexplainable(Exception):  # noqa: N818 - a property of the method, not a fault
    """A method's decision is not that of a network with maps; the message says why."""


class Fed(nn.Module):
    """A network that reads its own inputs, whatever it is called with.

    grad-cam passes on one tensor, of which it needs the side that the maps are brought to; a network here reads the
    images or any number of feature maps.
    """

    def __init__(self, network: Network, inputs: Inputs) -> None:
        super().__init__()
        self.network = network
        self.inputs = inputs

    def forward(self, canvas: Tensor) -> Tensor:
        """Return (B, C) logits of the network's own inputs."""
        logits: Tensor = self.network(self.inputs)
        return logits


def check(method: Method) -> None:
    """See that a method can be explained, before it is trained.

    Raises:
        Unexplainable: it has no network, or something else than the network decides.
    """
    if isinstance(method, Ensemble):
        check(methods.create(method.base))
    elif not isinstance(method, NetworkMethod):
        raise Unexplainable("it has no network whose maps could be shown")
    elif type(method).predict_logits is not NetworkMethod.predict_logits:
        raise Unexplainable("another classifier decides, on the network's features; the network's maps do not show why")


def networks(method: Method) -> list[Network]:
    """Return the trained networks that a method decides with: one, or an ensemble's."""
    if isinstance(method, Ensemble):
        return [network for member in method.trained() for network in networks(member)]
    assert isinstance(method, NetworkMethod)
    return [method.trained()[0]]


def method_maps(method: Method, images: Images, classes: np.ndarray, side: int, device: torch.device) -> np.ndarray:
    """Explain a method: the map of its network, or the mean of its members' maps.

    Args:
        method: trained.
        images: N images, or their feature maps.
        classes: (N,) the class explained of each image.
        side: of the maps, in pixels.
        device: where the networks are.

    Returns:
        (N, side, side) float32 in [0, 1]; all zero where nothing in an image speaks for the class.

    Raises:
        Unexplainable: a network has no maps.
    """
    maps = [class_maps(network, images, classes, side, device) for network in networks(method)]
    mean: np.ndarray = np.stack(maps).mean(0, dtype=np.float64).astype(np.float32)
    return mean


def class_maps(network: Network, images: Images, classes: np.ndarray, side: int, device: torch.device) -> np.ndarray:
    """Explain one network's logits at its last maps before pooling; see `method_maps`.

    The package rectifies each map, scales it to [0, 1] and enlarges it bilinearly. With several last maps (branches),
    their maps are averaged.
    """
    watched = last_maps(network)
    if not watched:
        raise Unexplainable("its network has no maps before pooling")
    parts = []
    with undisturbed(network), torch.enable_grad():
        for start in range(0, len(images), BATCH):
            part = images[start : start + BATCH].to(device)
            inputs = part.read(torch.arange(len(part), device=device))
            parts.append(_batch(network, watched, inputs, classes[start : start + BATCH], side))
    return np.concatenate(parts)


def last_maps(network: Network) -> list[nn.Module]:
    """Return the modules that a network's last maps pass through."""
    heads = [module for module in network.modules() if isinstance(module, Head)]
    return [head.last for head in heads if type(head).convolve is not Head.convolve]


def _batch(network: Network, watched: list[nn.Module], inputs: Inputs, classes: np.ndarray, side: int) -> np.ndarray:
    # imported late: the package loads OpenCV and pyplot
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    # the graph begins at the inputs, so that frozen layers are no obstacle and no parameter gets a gradient
    fed = Fed(network, tuple(x.detach().requires_grad_() for x in inputs))
    cam = GradCAM(fed, watched)
    try:
        canvas = torch.zeros(len(classes), 1, side, side)
        maps: np.ndarray = cam(canvas, [ClassifierOutputTarget(int(label)) for label in classes])
        return maps
    finally:
        # not by the package's own context manager: it swallows exceptions
        cam.activations_and_grads.release()


@contextmanager
def undisturbed(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode without learning parameters; everything is put back afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    parameters = [(p, p.requires_grad, p.grad) for p in network.parameters()]
    try:
        network.eval()
        for parameter, _, _ in parameters:
            parameter.requires_grad_(False)
        yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, learns, gradient in parameters:
            parameter.requires_grad_(learns)
            parameter.grad = gradient
