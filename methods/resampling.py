"""Resampling: change how often an image is seen."""

from __future__ import annotations

from torch import Tensor

from methods import sampling
from methods.base import NetworkMethod
from methods.registry import register


@register("oversampling", family="resampling", source="Buda et al. 2018")
class Oversampling(NetworkMethod):
    """P(class) = 1/C, uniform inside a class."""

    def sampling(self, counts: Tensor, progress: float) -> Tensor:
        """Every class alike."""
        return sampling.class_balanced(counts, progress)


@register("undersampling", family="resampling", source="Buda et al. 2018")
class Undersampling(NetworkMethod):
    """Each class cut to n_min at random."""

    def limit(self, counts: Tensor) -> Tensor:
        """Every class as large as the smallest that has images."""
        return counts[counts > 0].min().expand_as(counts)
