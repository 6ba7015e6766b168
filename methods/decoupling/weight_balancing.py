"""Weight balancing: small weights, of one size."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import Field, NonNegativeFloat, PositiveFloat, PrivateAttr
from torch import Tensor
from torch.nn import functional as F

from methods.base import Criterion, NetworkMethod, SearchSpace
from methods.decoupling.classifier_retraining import SHARES
from methods.losses import WeightedCrossEntropy, class_balanced_weights
from methods.networks import Network
from methods.registry import register
from methods.training.context import Context
from methods.training.data import Batch, TrainSet
from methods.training.loop import rate
from methods.training.stages import RETRAIN_ADAM_RATE, Stage, split_steps


@register("weight-balancing", family="decoupling", source="Alshammari et al. 2022")
class WeightBalancing(NetworkMethod):
    """Cross-entropy with strong weight decay; then the classifier alone, class-balanced, with decay and MaxNorm.

    As in the authors' code the second stage goes on with the first one's classifier, with the weights of class-balanced
    (beta = 0.9999), and after each of its steps brings the rows of the classifier that are longer than a radius back to
    it: least + radius = 0.1 of the way to the greatest length after the first stage.

    Decay is given as what it does to weights without a gradient over a stage, exp(-shrink), so that it means the same
    under any optimiser, rate and number of steps: first_shrink = 1.36 and second_shrink = 0.85 are those of the
    authors' runs (0.005 at a rate of 0.01 over 320 epochs of CIFAR-100-LT, 0.1 over 10). Share and rate of the second
    stage are those of crt.
    """

    search_space: ClassVar[SearchSpace] = {
        **SHARES,
        "first_shrink": [0.1, 0.5, 1.36, 3.0],
        "second_shrink": [0.1, 0.85, 3.0],
        "radius": (0.0, 1.0),
    }

    first_shrink: NonNegativeFloat = 1.36
    second_shrink: NonNegativeFloat = 0.85
    radius: float = Field(default=0.1, ge=0, le=1)
    beta: float = Field(default=0.9999, ge=0, lt=1)
    second_share: float = Field(default=0.15, gt=0, lt=1)
    second_rate: PositiveFloat = 1.0

    _decays: tuple[float | None, float | None] = PrivateAttr((None, None))
    _longest: Tensor | None = PrivateAttr(None)

    def network(self, context: Context, train: TrainSet) -> Network:
        """The comparison's network; the decays follow from the optimiser's rates."""
        stages = self.stages()
        steps = split_steps([stage.share for stage in stages], context.budget.steps)
        shrinks = (self.first_shrink, self.second_shrink)
        self._decays = (
            shrinks[0] / _distance(context, stages[0], steps[0]),
            shrinks[1] / _distance(context, stages[1], steps[1]),
        )
        return super().network(context, train)

    def stages(self) -> list[Stage]:
        """All, then the classifier."""
        second = Stage(
            share=self.second_share,
            trainable=("classifier",),
            learning_rate=self.second_rate,
            adam_rate=RETRAIN_ADAM_RATE,
        )
        return [
            Stage(share=1 - self.second_share, weight_decay=self._decays[0]),
            replace(second, weight_decay=self._decays[1]),
        ]

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Cross-entropy, weighted in the second stage."""
        if progress < 1 - self.second_share:
            return F.cross_entropy
        return WeightedCrossEntropy(class_balanced_weights(counts, self.beta))

    def after_step(self, network: Network, batch: Batch, counts: Tensor, progress: float) -> None:
        """Note the lengths of the classifier's rows in the first stage, bound them in the second."""
        weight = network.get_parameter("classifier.weight")
        if progress < 1 - self.second_share:
            lengths = weight.norm(dim=1)
            self._longest = lengths.min() + self.radius * (lengths.max() - lengths.min())
        elif self._longest is not None:
            weight.copy_(max_norm(weight, self._longest))


def max_norm(weight: Tensor, longest: Tensor) -> Tensor:
    """Return (C, D) weights whose longer rows are brought to the length `longest`."""
    bounded: Tensor = weight * (longest / weight.norm(dim=1, keepdim=True).clamp(min=1e-12)).clamp(max=1)
    return bounded


def _distance(context: Context, stage: Stage, steps: int) -> float:
    """Return the sum of a stage's learning rates."""
    settings = context.optimizer
    factor = stage.learning_rate * (stage.adam_rate if settings.name == "adamw" else 1.0)
    return settings.learning_rate * factor * sum(rate(settings, step, steps) for step in range(steps))
