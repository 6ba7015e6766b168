"""Plain learning, which every other method is compared with."""

from __future__ import annotations

from methods.base import NetworkMethod
from methods.registry import register


@register("cross-entropy", family="baseline", source="-")
class CrossEntropy(NetworkMethod):
    """Mean of -log p_y, every image alike."""
