"""The proposed method of Liu et al. 2021 and its ablations.

What the paper states (abstract; doi 10.1007/s00521-021-06066-8): a multi-scale convolutional network, and two-stage
transfer learning for imbalanced data. A later paper of the same line says that the two-stage transfer "changes the
sampling distribution during training".

What is interpretation, since the full text is not public: the receptive fields and the dropout of channels
(`networks.MultiScale`), how each stage samples, what is frozen, the stages' shares and step sizes, and that the loss
takes the stage's sampling into account (`compensate`). All of it are parameters; `python -m experiments.choose` shows
how their defaults were chosen (`schedule`, `dropout`, `source`).
`multiscale-two-stage-plain` leaves the loss alone: only the sampling distribution changes between its stages.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, field_validator
from torch import Tensor, nn

from methods.base import Criterion, NetworkMethod, SearchSpace
from methods.losses import AdjustedCrossEntropy
from methods.networks import Network
from methods.registry import register
from methods.training import sampling
from methods.training.context import Context
from methods.training.data import TrainSet
from methods.training.sampling import ClassProbabilities
from methods.training.stages import Stage, Task

NEW_LAYERS = ("head", "classifier")


class OneStage(NetworkMethod):
    """Transfer in one stage: the whole network, every image alike."""


class TwoStage(NetworkMethod):
    """Transfer in two stages that differ in what learns, how classes are sampled and how large the steps are.

    Stage 1 trains the new layers on top of the frozen transfer; stage 2 fine-tunes the whole network with another
    sampling distribution and smaller steps. Over cached feature maps the backbone is frozen in both.

    Attributes:
        first_exponent: q of stage 1, which samples P(c) ~ n_c^q: 1 is every image alike, 0 every class alike.
        second_exponent: q of stage 2.
        second_share: of the gradient steps.
        second_rate: factor on the learning rate in stage 2.
        compensate: tau; minimise CE(z + tau log P(c)) with the stage's P. At 1 both stages aim at one balanced decision
            however they sample, and the change of the distribution does not shift it; 0 is plain cross-entropy. Above
            1 rare classes have a margin (Menon et al. 2021): few images are learnt by heart, and unseen ones fall
            short of them. A class-balanced stage is the same at every tau, so nothing is balanced twice.
        source: a dataset whose balanced task trains the new layers before stage 1: the first named that can be loaded
            and is not the target. () is a transfer of ImageNet weights alone. `python -m experiments.choose source`
            shows no gain where the source is unlike the target, so it is not the default.
        source_share: of the gradient steps, where there is a source.
    """

    search_space: ClassVar[SearchSpace] = {
        "first_exponent": [0.0, 0.5, 1.0],
        "second_exponent": [0.0, 0.5, 1.0],
        "second_share": (0.2, 0.6),
        "second_rate": (0.1, 1.0),
        "compensate": (0.0, 2.0),
    }

    first_exponent: float = Field(default=0.0, ge=-1, le=1)
    second_exponent: float = Field(default=1.0, ge=-1, le=1)
    second_share: float = Field(default=0.3, gt=0, lt=1)
    second_rate: PositiveFloat = 0.3
    compensate: NonNegativeFloat = 1.5
    source: tuple[str, ...] = ()
    source_share: float = Field(default=0.3, gt=0, lt=1)

    @field_validator("source", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        """Take a single name as well."""
        return (value,) if isinstance(value, str) else value

    def source_datasets(self) -> tuple[str, ...]:
        """The source task's, in order of preference."""
        return self.source

    def transfer_from(self, names: tuple[str, ...]) -> Self:
        """Return the method with another source task, or none."""
        return self.model_copy(update={"source": names})

    def stages(self) -> list[Stage]:
        """New layers, then everything; before them the new layers on the source's task."""
        rest = 1 - self.source_share if self.source else 1.0
        target = [
            Stage(
                share=rest * (1 - self.second_share), trainable=NEW_LAYERS, sampling=power_sampling(self.first_exponent)
            ),
            Stage(
                share=rest * self.second_share,
                learning_rate=self.second_rate,
                sampling=power_sampling(self.second_exponent),
            ),
        ]
        return [self._source_stage(), *target] if self.source else target

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Cross-entropy, the stage's sampling distribution taken off the decision."""
        begun = sum(stage.share for stage in self.stages()[:-1])
        exponent = self.first_exponent if progress < begun - 1e-9 else self.second_exponent
        probabilities = sampling.power(counts, exponent).clamp(min=1e-6)  # classes without images stay finite
        return AdjustedCrossEntropy(self.compensate * probabilities.log())

    def _source_stage(self) -> Stage:
        return Stage(
            share=self.source_share,
            name="source task",
            trainable=NEW_LAYERS,
            sampling=sampling.class_balanced,
            task=self._source_task,
        )

    def _source_task(self, network: Network, train: TrainSet, context: Context) -> Task:
        if context.source is None:
            raise ValueError(f"source={self.source}: no other dataset can be loaded here; source=() does without")
        data = context.source(self.source).to(context.device)
        classifier = nn.Linear(network.head.dim, data.num_classes)
        task = Network(network.trunk, network.head, classifier).to(context.device)
        return Task(task.to(memory_format=torch.channels_last), data)


def power_sampling(exponent: float) -> ClassProbabilities:
    """Return the sampling P(c) ~ n_c^q; at q = 1 every image is drawn once per pass."""
    if exponent == 1:
        return sampling.instance_balanced
    return lambda counts, progress: sampling.power(counts, exponent)


@register("multiscale-two-stage", family="proposed", source="Liu et al. 2021")
class MultiscaleTwoStage(TwoStage):
    """Multi-scale network and two-stage transfer."""

    def required_head(self) -> str:
        """The multi-scale one."""
        return "multi-scale"


@register("multiscale-two-stage-plain", family="proposed", source="ablation of Liu et al. 2021")
class MultiscaleTwoStagePlain(MultiscaleTwoStage):
    """Multi-scale network and two-stage transfer, the loss plain cross-entropy in both stages."""

    first_exponent: float = Field(default=1.0, ge=-1, le=1)
    second_exponent: float = Field(default=0.0, ge=-1, le=1)
    compensate: NonNegativeFloat = 0.0


@register("multiscale-one-stage", family="proposed", source="ablation of Liu et al. 2021")
class MultiscaleOneStage(OneStage):
    """Multi-scale network, transfer in one stage."""

    def required_head(self) -> str:
        """The multi-scale one."""
        return "multi-scale"


@register("multiscale-scratch", family="proposed", source="ablation of Liu et al. 2021")
class MultiscaleScratch(OneStage):
    """Multi-scale network without transfer: a small network trained from scratch under it."""

    from_scratch: ClassVar[bool] = True

    def required_head(self) -> str:
        """The multi-scale one."""
        return "multi-scale"


@register("singlescale-two-stage", family="proposed", source="ablation of Liu et al. 2021")
class SinglescaleTwoStage(TwoStage):
    """Two-stage transfer on the single-scale network."""

    def required_head(self) -> str:
        """The single-scale one."""
        return "single-scale"


@register("singlescale-one-stage", family="proposed", source="ablation of Liu et al. 2021")
class SinglescaleOneStage(OneStage):
    """Transfer only: the single-scale network in one stage; on that network it is plain cross-entropy."""

    def required_head(self) -> str:
        """The single-scale one."""
        return "single-scale"


@register("singlescale-scratch", family="proposed", source="ablation of Liu et al. 2021")
class SinglescaleScratch(OneStage):
    """Neither: the single-scale network, trained from scratch."""

    from_scratch: ClassVar[bool] = True

    def required_head(self) -> str:
        """The single-scale one."""
        return "single-scale"
