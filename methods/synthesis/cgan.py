"""Synthesis: fill small classes up with the samples of a conditional generative network."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor

from methods.base import NetworkMethod, SearchSpace
from methods.registry import register
from methods.synthesis.gan import LATENT, generate, train_gan
from methods.training.context import Context
from methods.training.data import Images, TrainSet, concatenate
from methods.training.stages import split_steps


@register("cgan", family="synthesis", source="Lu et al. 2019; Ali-Gombe & Elyan 2019 (MFC-GAN)")
class CGAN(NetworkMethod):
    """A conditional GAN is trained on the training subset; its samples fill every class up to n_max; then CE.

    Generator and discriminator (non-saturating loss, projection of the class) are small convolutional networks over
    images or feature maps, whichever the methods read. They take gan_share = 0.3 of the gradient steps, turn by turn,
    at gan_rate = 5e-4. What the samples take of memory is limited to `megabytes`; where that is not enough, all
    classes are filled up to the same smaller size.
    """

    search_space: ClassVar[SearchSpace] = {"gan_share": [0.15, 0.3, 0.5], "gan_rate": [2e-4, 5e-4, 1e-3]}

    gan_share: float = Field(default=0.3, gt=0, lt=1)
    gan_rate: PositiveFloat = 5e-4
    megabytes: PositiveInt = 512

    def fit(self, train: TrainSet, context: Context) -> None:
        """Train the GAN, fill up, train the network."""
        first, rest = split_steps([self.gan_share, 1 - self.gan_share], context.budget.steps)
        data = train.to(context.device)
        with context.seeded("gan"):
            filled = self._filled(data, context, first)
        budget = context.budget.model_copy(update={"steps": rest})
        super().fit(filled, replace(context, budget=budget))

    def _filled(self, train: TrainSet, context: Context, steps: int) -> TrainSet:
        players = train_gan(train, context, steps, self.gan_rate)
        missing = missing_labels(train.counts.cpu(), self._most(train.images))
        if not len(missing):
            return train
        latents = torch.randn(len(missing), LATENT, generator=context.generator("made"))
        labels = missing.to(context.device)
        made = generate(players, labels, latents.to(context.device))
        return replace(train, images=concatenate([train.images, made]), labels=torch.cat([train.labels, labels]))

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
