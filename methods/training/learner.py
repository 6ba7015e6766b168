"""What the training loop asks of a method."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol, TypeVar

from torch import Tensor, nn

from methods.training.data import Batch
from methods.training.stages import Stage

N = TypeVar("N", bound=nn.Module, contravariant=True)


class Learner(Protocol[N]):
    """The hooks of `NetworkMethod` that the loop calls; see there when and how often."""

    step_cost: ClassVar[int]
    streams: ClassVar[int]

    def stages(self) -> list[Stage]:
        """Return the phases of training."""

    def limit(self, counts: Tensor) -> Tensor | None:
        """Return the most images of each class."""

    def sampling(self, counts: Tensor, progress: float) -> Tensor | None:
        """Return class probabilities."""

    def mix(self, batch: Batch, counts: Tensor, draw: float) -> Batch:
        """Change a batch."""

    def loss(self, network: N, batch: Batch, counts: Tensor, progress: float) -> Tensor:
        """Return the scalar to minimise."""

    def gradient(self, network: N, loss: Callable[[], Tensor]) -> Tensor:
        """Leave the gradient in the parameters."""

    def after_step(self, network: N, batch: Batch, counts: Tensor, progress: float) -> None:
        """Look at or change the network after a step."""
