"""A small conditional generator and discriminator over images or feature maps, and their training."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from methods.training import sampling
from methods.training.context import Context
from methods.training.data import Images, TrainSet, concatenate
from methods.training.draws import labels_on_cpu
from methods.training.loop import check_finite, mixed_precision

LATENT = 32
WIDTH = 64


class Standard:
    """Maps the raw levels of images to numbers of mean 0 and deviation 1 for each channel, and back.

    The statistics are those of at most 1024 images of the training subset.
    """

    def __init__(self, images: Images) -> None:
        self.images = images
        some = [level[:: max(1, len(images) // 1024)].float() for level in images.levels]
        self.mean = [level.mean((0, 1, 2)) for level in some]
        self.std = [level.std((0, 1, 2)).clamp(min=1e-3) for level in some]

    def read(self, rows: Tensor) -> list[Tensor]:
        """Return (B, C, H, W) for each depth."""
        levels = zip(self.images.levels, self.mean, self.std, strict=True)
        return [((level[rows].float() - mean) / std).permute(0, 3, 1, 2) for level, mean, std in levels]

    def write(self, made: list[Tensor]) -> Images:
        """Return made images in the form of the real ones."""
        levels = []
        for x, level, mean, std in zip(made, self.images.levels, self.mean, self.std, strict=True):
            raw = x.float().permute(0, 2, 3, 1) * std + mean
            if level.dtype == torch.uint8:
                raw = raw.round().clamp(0, 255)
            levels.append(raw.to(level.dtype).contiguous())
        return Images(tuple(levels), self.images.mean, self.images.std)


class Generator(nn.Module):
    """Latent vector and class to one image or map for each depth."""

    def __init__(self, shapes: list[tuple[int, int, int]], num_classes: int) -> None:
        super().__init__()
        self.label = nn.Embedding(num_classes, LATENT)
        self.depths = nn.ModuleList(_Upwards(shape) for shape in shapes)

    def forward(self, latent: Tensor, labels: Tensor) -> list[Tensor]:
        """Map (B, LATENT) and (B,) to (B, C, H, W) for each depth."""
        code = torch.cat([latent, self.label(labels)], 1)
        return [depth(code) for depth in self.depths]


class _Upwards(nn.Module):
    """From a code to a quarter of the side (an eighth of large ones), and up."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, self.height, self.width = shape
        patch = _patch(shape)
        self.start = (WIDTH, -(-self.height // (2 * patch)), -(-self.width // (2 * patch)))
        self.linear = nn.Linear(2 * LATENT, WIDTH * self.start[1] * self.start[2])
        self.body = nn.Sequential(
            *(nn.BatchNorm2d(WIDTH), nn.ReLU(), nn.Upsample(scale_factor=2.0)),
            *(nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.BatchNorm2d(WIDTH), nn.ReLU()),
            nn.ConvTranspose2d(WIDTH, channels, patch, patch),
        )

    def forward(self, code: Tensor) -> Tensor:
        x = self.body(self.linear(code).view(-1, *self.start))
        images: Tensor = x[:, :, : self.height, : self.width]
        return images


class Discriminator(nn.Module):
    """Realness of images or maps given their class (projection discriminator)."""

    def __init__(self, shapes: list[tuple[int, int, int]], num_classes: int) -> None:
        super().__init__()
        self.depths = nn.ModuleList(
            nn.Sequential(
                *(nn.Conv2d(shape[0], WIDTH, _patch(shape), _patch(shape)), nn.LeakyReLU(0.2)),
                *(nn.Conv2d(WIDTH, WIDTH, 3, 2, 1), nn.LeakyReLU(0.2), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            )
            for shape in shapes
        )
        self.real = nn.Linear(WIDTH * len(shapes), 1)
        self.label = nn.Embedding(num_classes, WIDTH * len(shapes))

    def forward(self, images: list[Tensor], labels: Tensor) -> Tensor:
        """Map (B, C, H, W) for each depth and (B,) to (B,)."""
        x = torch.cat([depth(image) for depth, image in zip(self.depths, images, strict=True)], 1)
        scores: Tensor = self.real(x)[:, 0] + (x * self.label(labels)).sum(1)
        return scores


class Players(nn.Module):
    """Generator and discriminator, and whose turn it is."""

    def __init__(self, images: Images, num_classes: int) -> None:
        super().__init__()
        self.standard = Standard(images)
        self.generator = Generator(images.shapes, num_classes)
        self.discriminator = Discriminator(images.shapes, num_classes)

    def loss(self, turn: int, rows: Tensor, labels: Tensor, latents: Tensor) -> Tensor:
        """Return the loss of the discriminator (even turns) or of the generator (odd turns)."""
        made = self.generator(latents, labels)
        if turn % 2:
            return F.softplus(-self.discriminator(made, labels)).mean()
        fake = self.discriminator([x.detach() for x in made], labels)
        real = self.discriminator(self.standard.read(rows), labels)
        return F.softplus(fake).mean() + F.softplus(-real).mean()


def train_gan(train: TrainSet, context: Context, progress: list[float], learning_rate: float) -> Players:
    """Train on the device with classes sampled alike; the two take turns, each turn is one gradient step.

    Raises:
        DivergedError: the losses became infinite or not a number.
    """
    steps = len(progress)
    players = Players(train.images, train.num_classes).to(context.device)
    rows, latents = _draws(train, context, steps)
    both = (players.discriminator, players.generator)
    optimizers = [torch.optim.Adam(player.parameters(), learning_rate, (0.5, 0.999)) for player in both]
    total = torch.zeros((), device=context.device)
    amp = mixed_precision(context.device)
    for turn in range(steps):
        with amp:
            loss = players.loss(turn, rows[turn], train.labels[rows[turn]], latents[turn])
        players.zero_grad(set_to_none=True)
        loss.backward()
        optimizers[turn % 2].step()
        total += loss.detach()
    context.meter.steps += steps
    context.meter.samples += steps * context.budget.batch_size
    check_finite(total, "the loss of the generative network", "gan_rate")
    return players.eval()


def _draws(train: TrainSet, context: Context, steps: int) -> tuple[Tensor, Tensor]:
    """Return the rows (S, B) of real images and the latent vectors (S, B, LATENT), drawn on the CPU."""
    draws, size = context.generator("gan"), context.budget.batch_size
    labels, counts = labels_on_cpu(train)
    rows = sampling.draw_rows(labels, counts, sampling.class_balanced, [0.0] * steps, size, draws)
    latents = torch.randn(steps, size, LATENT, generator=draws)
    return rows.to(context.device), latents.to(context.device)


@torch.no_grad()
def generate(players: Players, labels: Tensor, latents: Tensor) -> Images:
    """Return an image for each label (N,) and latent vector (N, LATENT), batch by batch."""
    pairs = zip(latents.split(256), labels.split(256), strict=True)
    return concatenate([players.standard.write(players.generator(z, y)) for z, y in pairs])


def _patch(shape: tuple[int, int, int]) -> int:
    """Return the side of the patches that images are made of: 4 for large ones, 1 for small ones and maps."""
    return 4 if min(shape[1:]) >= 32 else 1
