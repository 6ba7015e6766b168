"""Sharpness-aware minimisation: flat minima for small classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from pydantic import PositiveFloat
from torch import Tensor, nn

from methods.base import SearchSpace
from methods.cost_sensitive.margins import LogitAdjustment
from methods.networks import Network
from methods.registry import register


@register("logit-adjustment-sam", family="cost-sensitive", source="Foret et al. 2021, Rangwani et al. 2022")
class LogitAdjustmentSAM(LogitAdjustment):
    """Logit adjustment; each step takes the gradient at the weights moved by rho g / ||g||, g the gradient where it is.

    rho = 0.05 is Foret et al.'s; Rangwani et al. find larger ones better for small classes. A step passes forward and
    back twice and counts as two. Batch normalisation keeps the statistics of the first pass.
    """

    step_cost: ClassVar[int] = 2
    search_space: ClassVar[SearchSpace] = {**LogitAdjustment.search_space, "rho": [0.05, 0.1, 0.2, 0.5]}

    rho: PositiveFloat = 0.05

    def gradient(self, network: Network, loss: Callable[[], Tensor]) -> Tensor:
        """Leave the gradient of the moved weights in the parameters."""
        value = loss()
        value.backward()
        learning = [p for p in network.parameters() if p.grad is not None]
        gradients = [p.grad.clone() for p in learning if p.grad is not None]
        length = torch.stack([g.norm() for g in gradients]).norm()
        before = [p.detach().clone() for p in learning]
        with torch.no_grad():
            for p, g in zip(learning, gradients, strict=True):
                p.add_(g * (self.rho / (length + 1e-12)))
                p.grad = None
        momenta = [(m, m.momentum) for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        for module, _ in momenta:
            module.momentum = 0.0
        loss().backward()
        for module, momentum in momenta:
            module.momentum = momentum
        with torch.no_grad():
            for p, old in zip(learning, before, strict=True):
                p.copy_(old)
        return value
