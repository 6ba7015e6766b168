"""Networks: backbone (or its maps), head, classifier."""

from methods.networks.heads import HEADS, Head, MultiScale, Pooled, SingleScale, Vector
from methods.networks.network import Network, build, convolved_once, read_once

__all__ = [
    "HEADS",
    "Head",
    "MultiScale",
    "Network",
    "Pooled",
    "SingleScale",
    "Vector",
    "build",
    "convolved_once",
    "read_once",
]
