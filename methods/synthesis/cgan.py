"""Synthesis: fill small classes up with the samples of a conditional generative network."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field, PositiveFloat, PositiveInt, PrivateAttr
from torch import Tensor

from methods.base import NetworkMethod, SearchSpace
from methods.networks import Network
from methods.registry import register
from methods.synthesis.gan import LATENT, Players, generate, train_gan
from methods.training.context import Context
from methods.training.data import Images, TrainSet, concatenate
from methods.training.stages import Stage, Task


@register("cgan", family="synthesis", source="after Lu et al. 2019")
class CGAN(NetworkMethod):
    """A conditional GAN is trained on the training subset; its samples fill every class up to n_max; then CE.

    Generator and discriminator (non-saturating loss, projection of the class) are small convolutional networks over
    images or feature maps, whichever the methods read. It is the plainest of its kind: no multiple fake classes as in
    MFC-GAN (Ali-Gombe & Elyan 2019), and so few steps that its samples are no more than rough averages of a class; what
    larger networks and thousands of steps would give is not measured here. They take gan_share = 0.3 of the gradient
    steps, turn by turn, at gan_rate = 5e-4. What the samples take of memory is limited to `megabytes`; where that is
    not enough, all classes are filled up to the same smaller size.
    """

    search_space: ClassVar[SearchSpace] = {"gan_share": [0.15, 0.3, 0.5], "gan_rate": [2e-4, 5e-4, 1e-3]}

    gan_share: float = Field(default=0.3, gt=0, lt=1)
    gan_rate: PositiveFloat = 5e-4
    megabytes: PositiveInt = 512

    _players: Players | None = PrivateAttr(None)

    def stages(self) -> list[Stage]:
        """The GAN, then the network on what is filled up."""
        return [
            Stage(share=self.gan_share, name="gan", run=self._train_gan),
            Stage(share=1 - self.gan_share, task=self._fill_up),
        ]

    def _train_gan(self, network: Network, train: TrainSet, context: Context, progress: list[float]) -> None:
        with context.seeded("gan"):
            self._players = train_gan(train, context, progress, self.gan_rate)

    def _fill_up(self, network: Network, train: TrainSet, context: Context) -> Task:
        players, self._players = self._players, None
        missing = missing_labels(train.counts.cpu(), self._most(train.images))
        if players is None or not len(missing):
            return Task(network, train)
        latents = torch.randn(len(missing), LATENT, generator=context.generator("made"))
        labels = missing.to(context.device)
        images = concatenate([train.images, generate(players, labels, latents.to(context.device))])
        return Task(network, replace(train, images=images, labels=torch.cat([train.labels, labels])))

    def _most(self, images: Images) -> int:
        """Return how many samples the memory allows."""
        return max(1, self.megabytes * 2**20 // sum(level[0].nbytes for level in images.levels))


def missing_labels(counts: Tensor, most: int) -> Tensor:
    """Return the labels (M,) of the samples that fill every class up alike, to n_max or as far as `most` samples go."""

    def wanted(size: int) -> Tensor:
        return torch.where(counts > 0, (size - counts).clamp(min=0), 0)

    low, high = 0, int(counts.max())
    while low < high:
        size = (low + high + 1) // 2
        low, high = (size, high) if int(wanted(size).sum()) <= most else (low, size - 1)
    return torch.repeat_interleave(torch.arange(len(counts)), wanted(low))
