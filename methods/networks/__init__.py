"""Networks: backbone (or its maps), head, classifier."""

from methods.networks.network import HEADS, Head, MultiScale, Network, Pooled, SingleScale, Vector, build, pool_once

__all__ = ["HEADS", "Head", "MultiScale", "Network", "Pooled", "SingleScale", "Vector", "build", "pool_once"]
