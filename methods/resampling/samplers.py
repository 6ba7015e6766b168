"""Resampling: change how often an image is seen."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from methods.base import NetworkMethod, SearchSpace
from methods.registry import register
from methods.training import sampling


@register("oversampling", family="resampling", source="Buda et al. 2018")
class Oversampling(NetworkMethod):
    """P(class) = 1/C, uniform inside a class."""

    def sampling(self, counts: Tensor, progress: float) -> Tensor:
        """Every class alike."""
        return sampling.class_balanced(counts, progress)


@register("undersampling", family="resampling", source="Buda et al. 2018")
class Undersampling(NetworkMethod):
    """Each class cut to n_min at random, once for the whole training."""

    def limit(self, counts: Tensor) -> Tensor:
        """Every class as large as the smallest that has images."""
        return sampling.smallest(counts).expand_as(counts)


@register("sqrt-sampling", family="resampling", source="Kang et al. 2020")
class SqrtSampling(NetworkMethod):
    """P(class) ~ n_c^exponent; exponent = 0.5 (0 is oversampling, 1 is the data as they are)."""

    search_space: ClassVar[SearchSpace] = {"exponent": (0.0, 1.0)}

    exponent: float = Field(default=0.5, ge=0, le=1)

    def sampling(self, counts: Tensor, progress: float) -> Tensor:
        """Between the data's distribution and a uniform one."""
        return sampling.power(counts, self.exponent)


@register("progressive-sampling", family="resampling", source="Kang et al. 2020")
class ProgressiveSampling(NetworkMethod):
    """P(class) = progress / C + (1 - progress) pi_c."""

    def sampling(self, counts: Tensor, progress: float) -> Tensor:
        """From the data's distribution to a uniform one."""
        return progress * sampling.power(counts, 0.0) + (1 - progress) * sampling.power(counts, 1.0)
