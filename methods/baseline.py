"""Plain learning, which every other method is compared with."""

from __future__ import annotations

import functools
from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from methods.base import Criterion, NetworkMethod, SearchSpace
from methods.registry import register


@register("cross-entropy", family="baseline", source="-")
class CrossEntropy(NetworkMethod):
    """Mean of -log p_y, every image alike.

    Attributes:
        label_smoothing: share of the target that all classes have alike (Szegedy et al. 2016).
    """

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)

    search_space: ClassVar[SearchSpace] = {"label_smoothing": (0.0, 0.2)}

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Return cross-entropy, of smoothed labels where asked for."""
        if not self.label_smoothing:
            return F.cross_entropy
        return functools.partial(F.cross_entropy, label_smoothing=self.label_smoothing)
