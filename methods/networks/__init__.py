"""Networks: backbone (or its maps), head, classifier."""

from methods.networks.network import HEADS, Head, MultiScale, Network, Pooled, SingleScale, Vector, build

__all__ = ["HEADS", "Head", "MultiScale", "Network", "Pooled", "SingleScale", "Vector", "build"]
