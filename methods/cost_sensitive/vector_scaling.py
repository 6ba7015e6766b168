"""Vector scaling: a factor and an offset for each class's logit."""

from __future__ import annotations

from typing import ClassVar

from pydantic import NonNegativeFloat
from torch import Tensor

from methods.base import Criterion, NetworkMethod, SearchSpace
from methods.losses import AdjustedCrossEntropy, log_prior, present
from methods.registry import register


@register("vs-loss", family="cost-sensitive", source="Kini et al. 2021")
class VSLoss(NetworkMethod):
    """CE((n_c / n_max)^gamma z_c + tau log pi_c) in training; predicts z; gamma = 0.3, tau = 1.

    The defaults are those of the authors' code; the paper tunes both. gamma = 0 is logit-adjustment, tau = 0 is cdt.
    """

    search_space: ClassVar[SearchSpace] = {"gamma": (0.0, 0.5), "tau": (0.5, 2.0)}

    gamma: NonNegativeFloat = 0.3
    tau: NonNegativeFloat = 1.0

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Cross-entropy of scaled logits with the prior in them."""
        n = present(counts)
        return AdjustedCrossEntropy(offset=self.tau * log_prior(counts), scale=(n / n.max()) ** self.gamma)
