"""Networks: backbone (or its maps), head, classifier."""

from methods.networks.network import HEADS, Head, Network, Pooled, Vector, build

__all__ = ["HEADS", "Head", "Network", "Pooled", "Vector", "build"]
