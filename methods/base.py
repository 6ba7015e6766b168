"""The method interface, and the training loop that most methods share.

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
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict, PrivateAttr
from torch import Tensor
from torch.nn import functional as F

from methods import networks
from methods.networks import Network
from methods.training import inference
from methods.training.context import Context
from methods.training.data import Batch, Images, TrainSet
from methods.training.loop import run_stages
from methods.training.stages import Stage, split_steps

Criterion = Callable[..., Tensor]
"""(logits (B, C), targets (B,)) -> scalar."""

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
    search_space: ClassVar[SearchSpace] = {}
    """What tuning may try besides the learning rate, which it always does."""

    @abstractmethod
    def fit(self, train: TrainSet, context: Context) -> None:
        """Learn from the training subset."""

    @abstractmethod
    def predict_logits(self, images: Images) -> Tensor:
        """Return (N, C) float logits on the CPU; their softmax is the class probabilities."""


class NetworkMethod(Method):
    """A network trained by gradient steps; every hook has a default, together they are plain cross-entropy.

    `progress` is the fraction of the budget done, in [0, 1). `counts` (C,) int64 are the class counts of the training
    subset.
    """

    head: ClassVar[str | None] = None
    """The head this method insists on; None: the comparison's."""

    _network: Network | None = PrivateAttr(None)
    _counts: Tensor | None = PrivateAttr(None)
    _device: torch.device = PrivateAttr(torch.device("cpu"))

    # ------------------------------------------------------------------ hooks

    def network(self, context: Context, train: TrainSet) -> Network:
        """Build the network; its initial weights come from the seeded global generator."""
        settings = context.network if self.head is None else context.network.model_copy(update={"head": self.head})
        return networks.build(train.images.shapes, train.num_classes, settings, context.backbone)

    def stages(self) -> list[Stage]:
        """Return the phases of training; their shares of the steps sum to 1."""
        return [Stage()]

    def limit(self, counts: Tensor) -> Tensor | None:
        """Return the most images of each class (C,) to train on, or None for all."""
        return None

    def sampling(self, counts: Tensor, progress: float) -> Tensor | None:
        """Return (C,) class probabilities, (K, C) for K streams that share the batch, or None: every image alike."""
        return None

    def criterion(self, counts: Tensor, progress: float) -> Criterion:
        """Return the loss."""
        return F.cross_entropy

    def mix(self, batch: Batch, counts: Tensor, draw: float) -> Batch:
        """Change a batch before the step; `draw` is uniform in [0, 1), drawn for this step."""
        return batch

    def loss(self, network: Network, batch: Batch, counts: Tensor, progress: float) -> Tensor:
        """Return the scalar to minimise; only methods that need more than logits and targets change this."""
        return self.criterion(counts, progress)(network(batch.inputs), batch.targets)

    def finish(self, network: Network, train: TrainSet, context: Context) -> None:
        """Change the trained network, for methods that end with a step of their own."""

    def finish_share(self) -> float:
        """Return the share of the gradient steps that `finish` takes; the stages take the rest."""
        return 0.0

    def finish_steps(self, context: Context) -> int:
        """Return the gradient steps that `finish` takes."""
        share = self.finish_share()
        if not 0 < share < 1:
            return context.budget.steps if share else 0
        return split_steps([1 - share, share], context.budget.steps)[1]

    def adjust(self, logits: Tensor, counts: Tensor) -> Tensor:
        """Change the logits at prediction (post hoc)."""
        return logits

    # ------------------------------------------------------------------ what the hooks are used for

    def fit(self, train: TrainSet, context: Context) -> None:
        """Build the network, run the stages, finish."""
        with context.seeded("initial weights"):
            network = self.network(context, train)
        network = network.to(context.device).to(memory_format=torch.channels_last)
        data = train.to(context.device)
        with context.seeded("training"):
            run_stages(self, network, data, context, context.budget.steps - self.finish_steps(context))
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
