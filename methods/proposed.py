"""The proposed method of Liu et al. 2021 and its ablations.

What the paper states (abstract; doi 10.1007/s00521-021-06066-8): a multi-scale convolutional network, and two-stage
transfer learning for imbalanced data. A later paper of the same line says that the two-stage transfer "changes the
sampling distribution during training". The full text is not public; everything else here is interpretation: which
receptive fields, how each stage samples, what is frozen, the stages' shares and step sizes. These are parameters.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, PositiveFloat

from methods import sampling
from methods.base import NetworkMethod
from methods.registry import register
from methods.sampling import ClassProbabilities
from methods.stages import Stage

Sampling = Literal["instance", "sqrt", "class"]

SAMPLING: dict[str, ClassProbabilities] = {
    "instance": sampling.instance_balanced,
    "sqrt": lambda counts, progress: sampling.power(counts, 0.5),
    "class": sampling.class_balanced,
}


class OneStage(NetworkMethod):
    """Transfer in one stage: the whole network, every image alike."""


class TwoStage(NetworkMethod):
    """Transfer in two stages that differ in what learns, how classes are sampled and how large the steps are.

    Stage 1 trains the new layers on top of the frozen transfer; stage 2 fine-tunes the whole network with another
    sampling distribution and smaller steps.
    """

    first_sampling: Sampling = "instance"
    second_sampling: Sampling = "class"
    second_share: float = Field(default=0.5, gt=0, lt=1)
    second_rate: PositiveFloat = 0.5

    def stages(self) -> list[Stage]:
        """New layers, then everything."""
        return [
            Stage(
                share=1 - self.second_share,
                trainable=("head", "classifier"),
                sampling=SAMPLING[self.first_sampling],
            ),
            Stage(share=self.second_share, learning_rate=self.second_rate, sampling=SAMPLING[self.second_sampling]),
        ]


@register("multiscale-two-stage", family="proposed", source="Liu et al. 2021")
class MultiscaleTwoStage(TwoStage):
    """Multi-scale network and two-stage transfer."""

    head: ClassVar[str | None] = "multi-scale"


@register("multiscale-one-stage", family="proposed", source="ablation of Liu et al. 2021")
class MultiscaleOneStage(OneStage):
    """Multi-scale network, transfer in one stage."""

    head: ClassVar[str | None] = "multi-scale"


@register("multiscale-scratch", family="proposed", source="ablation of Liu et al. 2021")
class MultiscaleScratch(OneStage):
    """Multi-scale network without transfer: a small network trained from scratch under it."""

    head: ClassVar[str | None] = "multi-scale"
    from_scratch: ClassVar[bool] = True


@register("singlescale-two-stage", family="proposed", source="ablation of Liu et al. 2021")
class SinglescaleTwoStage(TwoStage):
    """Two-stage transfer on the single-scale network."""

    head: ClassVar[str | None] = "single-scale"


@register("singlescale-one-stage", family="proposed", source="ablation of Liu et al. 2021")
class SinglescaleOneStage(OneStage):
    """Transfer only: the single-scale network in one stage; on that network it is plain cross-entropy."""

    head: ClassVar[str | None] = "single-scale"


@register("singlescale-scratch", family="proposed", source="ablation of Liu et al. 2021")
class SinglescaleScratch(OneStage):
    """Neither: the single-scale network, trained from scratch."""

    head: ClassVar[str | None] = "single-scale"
    from_scratch: ClassVar[bool] = True
