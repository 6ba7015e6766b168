"""Plain learning, which every other method is compared with."""

from __future__ import annotations

from methods.base import NetworkMethod
from methods.registry import register


@register("cross-entropy", family="baseline", source="-", aliases=("singlescale-one-stage",))
class CrossEntropy(NetworkMethod):
    """Mean of -log p_y, every image alike.

    On the single-scale network it is also the ablation of the proposed method that has neither of its two parts.
    """
