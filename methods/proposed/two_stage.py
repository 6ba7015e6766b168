"""The proposed method of Liu et al. 2021: what the paper states, as plainly as it can be read.

The abstract (doi 10.1007/s00521-021-06066-8): "extract multi-scale image features using convolutional kernels with
different receptive fields and reuse image knowledge of other classification task to improve model representation
capability using two-stage transfer strategy". A later paper of the same line says that the two-stage transfer "changes
the sampling distribution during training". So `multiscale-two-stage` has the multi-scale network, transfers from
ImageNet and then from another dataset's task, and trains in two stages that sample differently, with plain
cross-entropy.

What is interpretation, since the full text is not public: the receptive fields (`networks.MultiScale`), how each stage
samples, what is frozen, the stages' shares and step sizes, and the source tasks. All of it are parameters.
`multiscale-two-stage-adjusted`, with the prior in the loss, is ours; `multiscale-logit-adjustment` is its control: the
same loss, network and dropout without the stages.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Self

import torch
from pydantic import Field, PositiveFloat, PrivateAttr, field_validator

from methods.base import NetworkMethod, SearchSpace
from methods.networks import Network, convolved_once
from methods.registry import register
from methods.training import sampling
from methods.training.context import Context, Meter, State
from methods.training.data import TrainSet
from methods.training.loop import run_stage
from methods.training.sampling import ClassProbabilities
from methods.training.settings import HeadName
from methods.training.stages import Stage, restart

NEW_LAYERS = ("head", "classifier")
SOURCE_TASK = "source task"
SOURCES = ("elpv", "magnetic_tile", "textures")
"""Source tasks, real photographs before drawn ones; among the real, the larger first."""


class TwoStage(NetworkMethod):
    """Transfer in two stages that differ in what learns, how classes are sampled and how large the steps are.

    Before them, the new layers learn the balanced task of another dataset, with plain cross-entropy: once for all cells
    that have it in common, whose budgets all count it. Stage 1 trains the new layers on top of the frozen transfer,
    classes alike; stage 2 fine-tunes the whole network with classes by the root of their numbers and small steps. Over
    cached feature maps the backbone is frozen in both. What the abstract leaves open was chosen on development pools,
    by as many trials as the control had (`python -m experiments.choose stages`).

    Attributes:
        first_exponent: q of stage 1, which samples P(c) ~ n_c^q: 1 is every image alike, 0 every class alike.
        second_exponent: q of stage 2.
        second_share: of the gradient steps that the target's two stages take.
        second_rate: factor on the learning rate in stage 2.
        source: datasets to transfer from: the first that can be loaded and is not the target; () is a transfer of
            ImageNet weights alone. Where none can be loaded, the method does without, and says so.
        source_share: of all gradient steps, where there is a source.
    """

    search_space: ClassVar[SearchSpace] = {
        "first_exponent": [0.0, 0.5, 1.0],
        "second_exponent": [0.0, 0.5, 1.0],
        "second_share": (0.2, 0.6),
        "second_rate": (0.1, 1.0),
    }

    first_exponent: float = Field(default=0.0, ge=-1, le=1)
    second_exponent: float = Field(default=0.5, ge=-1, le=1)
    second_share: float = Field(default=0.22, gt=0, lt=1)
    second_rate: PositiveFloat = 0.11
    source: tuple[str, ...] = SOURCES
    source_share: float = Field(default=0.3, gt=0, lt=1)

    _alone: bool = PrivateAttr(False)

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

    def fit(self, train: TrainSet, context: Context) -> None:
        """Train; without a source task where there is no other dataset."""
        self._alone = context.source_data is None
        if self.source and self._alone:
            context.log.warning("no source task: no other dataset can be loaded here")
        super().fit(train, context)

    def stages(self) -> list[Stage]:
        """The new layers on the source's task, the new layers on the target, everything on the target."""
        transfers = bool(self.source) and not self._alone
        rest = 1 - self.source_share if transfers else 1.0
        source = Stage(share=self.source_share, name=SOURCE_TASK, trainable=("head",), run=self._source_task)
        new_layers = Stage(
            share=rest * (1 - self.second_share), trainable=NEW_LAYERS, sampling=power_sampling(self.first_exponent)
        )
        everything = Stage(
            share=rest * self.second_share,
            sampling=power_sampling(self.second_exponent),
            learning_rate=self.second_rate,
        )
        return [*([source] if transfers else []), new_layers, everything]

    def _source_task(self, network: Network, train: TrainSet, context: Context, progress: list[float]) -> None:
        """Bring the head that the source's task teaches; its steps count, whoever takes them."""
        if context.source_data is None:
            raise ValueError(f"source={self.source}: no other dataset can be loaded here; source=() does without")
        head = self.required_head() or context.network.head
        own = replace(
            context,
            seed=f"{context.seed}/{SOURCE_TASK}",
            budget=context.budget.model_copy(update={"steps": len(progress)}),
            network=context.network.model_copy(update={"head": head}),
            meter=Meter(),
        )
        learn = partial(learn_source, network)
        random_trunk = context.backbone is not None and context.backbone.weights == "none"
        if context.shared is None or random_trunk:
            state = learn(context.source_data(self.source), own)
        else:
            state = context.shared(self.source, own, learn)
        network.head.load_state_dict(state)
        context.log.info("source task: %s", " or ".join(self.source))
        context.meter.steps += len(progress)
        context.meter.samples += len(progress) * context.budget.batch_size


def learn_source(network: Network, data: TrainSet, context: Context) -> State:
    """Teach a network's head another task from its beginning, over the network's backbone as it is; returns the head's.

    It depends on the task and the context alone, and so not on the target: cells share it (`Context.shared`).
    """
    with context.seeded("initial weights"):
        restart(network, ("head",))
        classifier = network.head.linear(network.head.dim, data.num_classes)
    task = Network(network.trunk, network.head, classifier).to(context.device)
    task = task.to(memory_format=torch.channels_last)
    steps = context.budget.steps
    with context.seeded("training"):
        stage = Stage(trainable=NEW_LAYERS, sampling=sampling.class_balanced)
        data = convolved_once(task, data.to(context.device))
        run_stage(NetworkMethod(), task, data, context, stage, [step / steps for step in range(steps)], SOURCE_TASK)
    return network.head.state_dict()


def power_sampling(exponent: float) -> ClassProbabilities:
    """Return the sampling P(c) ~ n_c^q; at q = 1 every image is drawn once per pass."""
    if exponent == 1:
        return sampling.instance_balanced
    return lambda counts, progress: sampling.power(counts, exponent)


class OnMultiScale(NetworkMethod):
    """Insists on the multi-scale network."""

    def required_head(self) -> HeadName:
        """Parallel convolutions with different receptive fields."""
        return "multi-scale"


class OnSingleScale(NetworkMethod):
    """Insists on the single-scale network."""

    def required_head(self) -> HeadName:
        """One receptive field."""
        return "single-scale"


@register("multiscale-two-stage", family="proposed", source="Liu et al. 2021")
class MultiscaleTwoStage(OnMultiScale, TwoStage):
    """Multi-scale network; source task, then two stages that sample differently; plain cross-entropy."""


@register(
    "multiscale-two-stage-no-source",
    family="proposed",
    source="ablation of Liu et al. 2021",
    aliases=("multiscale-two-stage-plain",),
)
class MultiscaleTwoStageNoSource(MultiscaleTwoStage):
    """The same without a source task: it transfers ImageNet weights alone."""

    by_name_only: ClassVar[bool] = True

    source: tuple[str, ...] = ()


@register("multiscale-one-stage", family="proposed", source="ablation of Liu et al. 2021")
class MultiscaleOneStage(OnMultiScale):
    """Multi-scale network, transfer of ImageNet weights in one stage, every image alike."""

    by_name_only: ClassVar[bool] = True


@register("multiscale-scratch", family="proposed", source="ablation of Liu et al. 2021")
class MultiscaleScratch(OnMultiScale):
    """Multi-scale network without transfer: a small network trained from scratch under it."""

    from_scratch: ClassVar[bool] = True
    by_name_only: ClassVar[bool] = True


@register("singlescale-two-stage", family="proposed", source="ablation of Liu et al. 2021")
class SinglescaleTwoStage(OnSingleScale, TwoStage):
    """Source task and two stages on the single-scale network."""

    by_name_only: ClassVar[bool] = True


@register("singlescale-one-stage", family="proposed", source="ablation of Liu et al. 2021")
class SinglescaleOneStage(OnSingleScale):
    """Neither of the two parts: the single-scale network, transfer of ImageNet weights in one stage."""

    by_name_only: ClassVar[bool] = True


@register("singlescale-scratch", family="proposed", source="ablation of Liu et al. 2021")
class SinglescaleScratch(OnSingleScale):
    """Neither: the single-scale network, trained from scratch."""

    from_scratch: ClassVar[bool] = True
    by_name_only: ClassVar[bool] = True
