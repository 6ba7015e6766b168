"""What is ours: the two-stage transfer with the prior in its loss, and the control that it is judged by."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor

from methods.base import Criterion, SearchSpace
from methods.cost_sensitive.margins import LogitAdjustment
from methods.losses import AdjustedCrossEntropy
from methods.proposed.two_stage import OnMultiScale, TwoStage
from methods.registry import register
from methods.training import sampling

TAU = 1.5


@register("multiscale-two-stage-adjusted", family="proposed", source="this suite, after Liu et al. 2021")
class MultiscaleTwoStageAdjusted(OnMultiScale, TwoStage):
    """Multi-scale network and two stages whose loss allows for how they sample: CE(z + tau log P(c)); tau = 1.5.

    At tau = 1 both stages aim at one balanced decision however they sample, and the change of the distribution does not
    shift it; 0 is plain cross-entropy. Above 1 rare classes have a margin (Menon et al. 2021): few images are learnt by
    heart, and unseen ones fall short of them. A class-balanced stage is the same at every tau, so nothing is balanced
    twice. Stage 1 samples classes alike, stage 2 every image alike, and there is no source task: found with the recipe
    of version 0.1.0, and nothing that `python -m experiments.choose stages` drew was better with the present one. What
    its stages add is only what it has over multiscale-logit-adjustment.
    """

    search_space: ClassVar[SearchSpace] = {**TwoStage.search_space, "compensate": (0.0, 2.0)}

    first_exponent: float = Field(default=0.0, ge=-1, le=1)
    second_exponent: float = Field(default=1.0, ge=-1, le=1)
    second_share: float = Field(default=0.3, gt=0, lt=1)
    second_rate: PositiveFloat = 0.3
    compensate: NonNegativeFloat = TAU
    source: tuple[str, ...] = ()

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Cross-entropy, the stage's sampling distribution taken off the decision."""
        begun = sum(stage.share for stage in self.stages()[:-1])
        exponent = self.first_exponent if progress < begun - 1e-9 else self.second_exponent
        probabilities = sampling.power(counts, exponent).clamp(min=1e-6)  # classes without images stay finite
        return AdjustedCrossEntropy(self.compensate * probabilities.log())


@register("multiscale-logit-adjustment", family="proposed", source="control; Menon et al. 2021")
class MultiscaleLogitAdjustment(OnMultiScale, LogitAdjustment):
    """The control of multiscale-two-stage-adjusted: the same loss, tau and network, in one stage; tau = 1.5."""

    tau: NonNegativeFloat = TAU
