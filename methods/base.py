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
from collections.abc import Callable, Iterator
from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict, PrivateAttr
from torch import Tensor
from torch.nn import functional as F

from methods import networks
from methods.context import Context
from methods.data import Batch, Images, Inputs, TrainSet
from methods.loop import run_stages
from methods.networks import Network
from methods.stages import Stage

Criterion = Callable[[Tensor, Tensor], Tensor]
"""(logits (B, C), targets (B,)) -> scalar."""

PREDICT_BATCH = 128


class Method(BaseModel, ABC):
    """One way to learn from an imbalanced training subset.

    Parameters are typed fields with defaults, checked on construction. What is learnt is private.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    name: ClassVar[str] = ""
    family: ClassVar[str] = ""
    source: ClassVar[str] = ""
    from_scratch: ClassVar[bool] = False
    """Whether the method renounces transfer: it then reads images, and trains a small network of its own."""
    search_space: ClassVar[dict[str, tuple[float, float] | list[object]]] = {}
    """What tuning may try: (low, high) of a float parameter, or a list of choices. The learning rate is always tried."""

    @abstractmethod
    def fit(self, train: TrainSet, context: Context) -> None:
        """Learn from the training subset."""

    @abstractmethod
    def predict_logits(self, images: Images) -> Tensor:
        """Return (N, C) float logits on the CPU; their softmax is the class probabilities."""


class NetworkMethod(Method):
    """A network trained by gradient steps; every hook has a default, together they are plain cross-entropy.

    `progress` is the fraction of the budget done, in [0, 1). `counts` (C,) int64 are the training subset's class counts.
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

    def adjust(self, logits: Tensor, counts: Tensor) -> Tensor:
        """Change the logits at prediction (post hoc)."""
        return logits

    # ------------------------------------------------------------------ what the hooks are used for

    def fit(self, train: TrainSet, context: Context) -> None:
        """Build the network, run the stages, finish."""
        with context.seeded("initial weights"):
            network = self.network(context, train)
        network = network.to(context.device, memory_format=torch.channels_last)
        data = train.to(context.device)
        with context.seeded("training"):
            run_stages(self, network, data, context, 1 - self.finish_share())
            self.finish(network, data, context)
        self._network, self._device = network.eval(), context.device
        self._counts = data.counts

    @torch.inference_mode()
    def predict_logits(self, images: Images) -> Tensor:
        """Return (N, C) float logits on the CPU."""
        network, counts = self.trained()
        return torch.cat(
            [self.adjust(network(inputs), counts).float().cpu() for inputs in _batches(images, self._device)]
        )

    @torch.inference_mode()
    def features(self, images: Images) -> Tensor:
        """Return the (N, D) float features that enter the classifier, on the CPU."""
        network, _ = self.trained()
        return torch.cat([network.features(inputs).float().cpu() for inputs in _batches(images, self._device)])

    def trained(self) -> tuple[Network, Tensor]:
        """Return the trained network and the class counts.

        Raises:
            RuntimeError: `fit` has not been called.
        """
        if self._network is None or self._counts is None:
            raise RuntimeError(f"{self.name or type(self).__name__}: call fit before asking for predictions")
        return self._network, self._counts


def _batches(images: Images, device: torch.device) -> Iterator[Inputs]:
    for start in range(0, len(images), PREDICT_BATCH):
        part = images[start : start + PREDICT_BATCH].to(device)
        yield part.read(torch.arange(len(part), device=device))
