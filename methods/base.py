"""The method interface, and the training that most methods share.

Adding a method is one class in one file. Most override one hook of `NetworkMethod`:

    @register("focal", family="cost-sensitive", source="Lin et al. 2017")
    class Focal(NetworkMethod):
        gamma: NonNegativeFloat = 2.0

        def criterion(self, counts, progress):
            return FocalLoss(self.gamma)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import torch
from pydantic import BaseModel, ConfigDict, PrivateAttr
from torch import Tensor
from torch.nn import functional as F

from methods.networks import Network, build, read_once
from methods.training import inference
from methods.training.context import Context
from methods.training.data import Batch, Images, TrainSet
from methods.training.loop import phases
from methods.training.settings import HeadName
from methods.training.stages import Stage

Criterion = Callable[[Tensor, Tensor], Tensor]
"""(logits (B, C), targets (B,) labels or (B, C) probabilities) -> scalar."""

SearchSpace = dict[str, tuple[float, float] | list[Any]]
"""What tuning may try of each parameter: (low, high) of a float, or a list of choices."""


class Method(BaseModel, ABC):
    """One way to learn from an imbalanced training subset.

    Parameters are typed fields with defaults, checked on construction. What is learnt is private.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False)

    name: ClassVar[str] = ""
    family: ClassVar[str] = ""
    reference: ClassVar[str] = ""
    from_scratch: ClassVar[bool] = False
    """Whether the method renounces transfer: it then reads images, and trains a small network of its own."""
    by_name_only: ClassVar[bool] = False
    """Whether the wildcard `*` leaves the method out: an ablation, which takes another method apart."""
    needs_minority: ClassVar[bool] = True
    """Whether the method needs images of every class; others can learn from the majority classes alone."""
    search_space: ClassVar[SearchSpace] = {}
    """What tuning may try besides the learning rate, which it always does."""

    @abstractmethod
    def fit(self, train: TrainSet, context: Context) -> None:
        """Learn from the training subset. Called once; what is learnt replaces what was learnt before."""

    @abstractmethod
    def predict_logits(self, images: Images) -> Tensor:
        """Return (N, C) float logits on the CPU; their softmax is the class probabilities.

        Called after `fit`, any number of times.
        """

    def required_head(self) -> HeadName | None:
        """Return the head this method insists on, or None: the comparison's.

        Called when a grid is planned, and by `network`.
        """
        return None

    def source_datasets(self) -> tuple[str, ...]:
        """Return the datasets whose task the method transfers from, in order of preference; () is none.

        Called when a grid is planned: the first that can be loaded and is not the target is taken, and handed to
        `transfer_from`; `context.source_data` then loads its balanced training set.
        """
        return ()

    def transfer_from(self, names: tuple[str, ...]) -> Self:
        """Return this method with these source datasets alone; () is without a source task.

        A method with `source_datasets` overrides this. Called when a grid is planned, once for each target.
        """
        return self


class NetworkMethod(Method):
    """A network trained by gradient steps; every hook has a default, together they are plain cross-entropy.

    `progress` is the fraction of the whole budget done before a step, in [0, 1), over all stages (in a member of an
    ensemble: of the member's budget). `counts` (C,) int64 are the class counts of what is trained on.
    """

    step_cost: ClassVar[int] = 1
    """Gradient steps of the budget that one optimiser step takes: its passes, forward and back, over a full batch."""
    streams: ClassVar[int] = 1
    """Batches of the comparison's size that are drawn for one optimiser step, one after another in one `Batch`."""

    _network: Network | None = PrivateAttr(None)
    _counts: Tensor | None = PrivateAttr(None)
    _device: torch.device = PrivateAttr(torch.device("cpu"))

    # ------------------------------------------------------------------ hooks

    def network(self, context: Context, train: TrainSet) -> Network:
        """Build the network. Called once, first; initial weights come from the global generator, which is seeded."""
        head = self.required_head()
        settings = context.network if head is None else context.network.model_copy(update={"head": head})
        return build(train.images.shapes, train.num_classes, settings, context.backbone)

    def stages(self) -> list[Stage]:
        """Return the phases of training; their shares of the steps sum to 1, and none at all take no steps.

        Called once in `fit`, after `network`. Steps before, between and after others are stages of their own: a stage
        may have its own network, data and loss.
        """
        return [Stage()]

    def limit(self, counts: Tensor) -> Tensor | None:
        """Return the most images of each class (C,) to train on, or None for all. Called once a stage, on the CPU."""
        return None

    def sampling(self, counts: Tensor, progress: float) -> Tensor | None:
        """Return (C,) class probabilities, or None: every image alike.

        (K, C) are K streams that divide the drawn images among them, in order. Called once for each step, before the
        stage begins, with counts on the CPU.
        """
        return None

    def mix(self, batch: Batch, counts: Tensor, draw: float) -> Batch:
        """Change a batch; `draw` is uniform in [0, 1). Called once for each step, before `loss`."""
        return batch

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Return the loss of logits and targets; what needs more than these overrides `loss`.

        Called once by each `loss`.
        """
        return F.cross_entropy

    def loss(self, network: Network, batch: Batch, counts: Tensor, progress: float) -> Tensor:
        """Return the scalar to minimise. Called `step_cost` times for each step, or as often as `gradient` asks."""
        return self.criterion(counts, progress)(network(batch.inputs), batch.targets)

    def gradient(self, network: Network, loss: Callable[[], Tensor]) -> Tensor:
        """Leave the gradient in the parameters, which have none yet, and return the scalar that is watched.

        Called once for each step. `loss()` passes the step's batch forward; a method that calls it twice (at other
        weights, as sharpness-aware minimisation) declares `step_cost = 2`.
        """
        value = loss()
        value.backward()
        return value

    def after_step(self, network: Network, batch: Batch, counts: Tensor, progress: float) -> None:
        """Look at or change the network, without gradients. Called once after each optimiser step.

        For an average of the weights, a bound on their norm. What moves so while it does not learn is named in the
        stage's `moving`.
        """

    def finish(self, network: Network, train: TrainSet, context: Context) -> None:
        """Change the trained network without gradient steps. Called once, after all stages; data are on the device."""

    def adjust(self, logits: Tensor, counts: Tensor) -> Tensor:
        """Change the (N, C) logits at prediction (post hoc). Called once by each `predict_logits`."""
        return logits

    # ------------------------------------------------------------------ what the hooks are used for

    def fit(self, train: TrainSet, context: Context) -> None:
        """Build the network, run the stages, finish."""
        with context.seeded("initial weights"):
            network = self.network(context, train)
        network = network.to(context.device).to(memory_format=torch.channels_last)
        data = read_once(network, train.to(context.device), context.device)
        with context.seeded("training"):
            for phase in phases(self, network, data, context):
                phase.run(self)
            self.finish(network, data, context)
        self._network, self._device = network.eval(), context.device
        self._counts = data.counts

    def predict_logits(self, images: Images) -> Tensor:
        """Return (N, C) float logits on the CPU."""
        network, counts = self.trained()
        return self.adjust(inference.logits(network, images, self._device), counts).cpu()

    def features(self, images: Images) -> Tensor:
        """Return the (N, D) float features that enter the classifier, on the CPU."""
        network, _ = self.trained()
        return inference.features(network, images, self._device).cpu()

    def trained(self) -> tuple[Network, Tensor]:
        """Return the trained network and the class counts.

        Raises:
            RuntimeError: `fit` has not been called.
        """
        if self._network is None or self._counts is None:
            raise RuntimeError(f"{self.name or type(self).__name__}: call fit before asking for predictions")
        return self._network, self._counts
