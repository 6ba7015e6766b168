"""Cost-sensitive learning: change what an error costs."""

from __future__ import annotations

from pydantic import NonNegativeFloat
from torch import Tensor

from methods.base import Criterion, NetworkMethod
from methods.losses import FocalLoss, WeightedCrossEntropy, log_prior
from methods.registry import register


@register("weighted-cross-entropy", family="cost-sensitive", source="Japkowicz & Stephen 2002")
class WeightedCE(NetworkMethod):
    """w_c = (n_min / n_c)^gamma times cross-entropy, divided by the batch size."""

    gamma: NonNegativeFloat = 1.0

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Weighted cross-entropy."""
        n = counts.float().clamp(min=1)
        return WeightedCrossEntropy((n.min() / n) ** self.gamma)


@register("focal", family="cost-sensitive", source="Lin et al. 2017")
class Focal(NetworkMethod):
    """(1 - p_y)^gamma times cross-entropy."""

    gamma: NonNegativeFloat = 2.0

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Focal loss."""
        return FocalLoss(self.gamma)


@register("posthoc-logit-adjustment", family="cost-sensitive", source="Menon et al. 2021")
class PosthocLogitAdjustment(NetworkMethod):
    """Trained with cross-entropy; predicts z - tau log pi_c (tau = 1 is the thresholding of Buda et al. 2018)."""

    tau: NonNegativeFloat = 1.0

    def adjust(self, logits: Tensor, counts: Tensor) -> Tensor:
        """Take the prior off."""
        return logits - self.tau * log_prior(counts)
