"""Networks: backbone (or its maps), head, classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from methods.networks import backbones
from methods.networks.classifiers import Aligned, Scaled
from methods.networks.heads import HEADS, Convolutional, Head, Pooled, Scale, Shapes
from methods.training import inference
from methods.training.data import Images, Inputs, TrainSet
from methods.training.settings import BackboneSettings, NetworkSettings


class Network(nn.Module):
    """Backbone -> head -> classifier.

    Attributes:
        trunk: the backbone, or None where the inputs are its maps already.
        head: turns the maps into (B, D) features.
        classifier: turns the features into (B, C) logits.
    """

    def __init__(self, trunk: nn.Module | None, head: Head, classifier: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head
        self.classifier = classifier

    def maps(self, inputs: Inputs) -> list[Tensor]:
        """Return the backbone's maps, one (B, D, h, w) tensor for each depth."""
        return list(inputs) if self.trunk is None else self.trunk(inputs[0])

    def features(self, inputs: Inputs) -> Tensor:
        """Return the (B, D) features that enter the classifier."""
        features: Tensor = self.head(self.maps(inputs))
        return features

    def refine(self, classifier: Scaled | Aligned) -> Network:
        """Put the linear classifier, with its initial weights, into one that learns more; returns this network."""
        classifier.linear.load_state_dict(self.classifier.state_dict())
        self.classifier = classifier
        return self

    def forward(self, inputs: Inputs) -> Tensor:
        """Return (B, C) logits."""
        logits: Tensor = self.classifier(self.features(inputs))
        return logits


def build(
    shapes: Shapes, num_classes: int, settings: NetworkSettings, backbone: BackboneSettings | None = None
) -> Network:
    """Build a network.

    Args:
        shapes: (C, H, W) of the inputs, one for each depth.
        num_classes: C.
        settings: the layers on top.
        backbone: the backbone to build in; None where the inputs are its maps.
    """
    trunk = None
    if backbone is not None:
        channels, height, width = shapes[0]
        trunk = backbones.build(backbone, channels)
        shapes = [(c, -(-height // s), -(-width // s)) for c, s in zip(trunk.channels, backbone.strides, strict=True)]
    head = HEADS[settings.head](shapes, settings)
    return Network(trunk, head, head.linear(head.dim, num_classes))


def read_once(network: nn.Module, train: TrainSet, device: torch.device) -> TrainSet:
    """Let a network's pooled heads take their scale from the training subset, and do once what every step would repeat.

    Args:
        network: any; heads of other kinds are left alone.
        train: the training subset, on the device.
        device: where the network is.

    Returns:
        The training subset: pooled features (N, D, 1, 1) in place of its maps where nothing else is read, the maps that
        convolutions read, as the steps read them (float32), where they alone are read. Unchanged where a backbone
        learns, or another head reads the maps.
    """
    parts = _parts(network)
    pooled = [(part, head) for part in parts for head in _leaves(part) if isinstance(head, Pooled)]
    features = None
    for part, head in pooled:
        if features is None or part.trunk is not None:
            features = inference.apply(_reader(part, head), part, train.images, device)
        head.standardise(features)
    frozen = all(part.trunk is None for part in parts)
    if features is not None and frozen and len(pooled) == sum(len(_leaves(part)) for part in parts):
        return replace(train, images=Images((features[:, None, None, :],)))
    return convolved_once(network, train)


def convolved_once(network: nn.Module, train: TrainSet) -> TrainSet:
    """Keep of images the maps that convolutions read, in float32, where a network reads nothing else of them."""
    parts = _parts(network)
    over = [head for part in parts for head in part.head.modules() if isinstance(head, Convolutional)]
    leaves = [head for part in parts for head in _leaves(part)]
    if not over or any(part.trunk is not None for part in parts) or not all(isinstance(h, Scale) for h in leaves):
        return train
    return replace(train, images=Images(tuple(level.float() for level in over[0].read(train.images.levels))))


def _parts(network: nn.Module) -> list[Network]:
    return [part for part in network.modules() if isinstance(part, Network)]


def _leaves(part: Network) -> list[Head]:
    """Return the heads that hold no others."""
    heads = [head for head in part.head.modules() if isinstance(head, Head)]
    return [head for head in heads if sum(isinstance(inner, Head) for inner in head.modules()) == 1]


def _reader(part: Network, head: Pooled) -> Callable[[Inputs], Tensor]:
    return lambda inputs: head.pooled(part.maps(inputs))
