"""What a script without the suite does for one cell: decode, sample, train, score; nothing is kept for the next one.

PIL in a DataLoader, WeightedRandomSampler, a timm backbone, a head, AdamW: as a thousand repositories have it. It reads
the same files at the same side, with the same backbone, head, batch and number of steps as a cell of the suite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler
from torchvision.transforms import v2

from methods.networks.weights import packaged_weights

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Files(Dataset[tuple[Tensor, Tensor]]):
    """Image files and their labels, decoded whenever they are read."""

    def __init__(self, files: Sequence[Path], labels: Sequence[int], side: int, training: bool) -> None:
        flips = [v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()] if training else []
        last = [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
        self.files, self.labels = files, labels
        self.transform = v2.Compose([v2.Resize((side, side)), *flips, *last])

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        return self.transform(Image.open(self.files[row]).convert("RGB")), torch.tensor(self.labels[row])


class Classifier(nn.Module):
    """EfficientNet-Lite0, maximum and average of the maps of each depth, a linear layer."""

    def __init__(self, classes: int, strides: Sequence[int], frozen: bool) -> None:
        super().__init__()
        import timm

        name = "tf_efficientnet_lite0"
        body: Any = timm.create_model(
            name, features_only=True, out_indices=[(2, 4, 8, 16, 32).index(s) for s in strides]
        )
        body.load_state_dict(packaged_weights(name), strict=False)
        self.frozen, self.channels = frozen, sum(body.feature_info.channels())
        self.body: Callable[[Tensor], list[Tensor]] = body
        self.classifier = nn.Linear(2 * self.channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, C) logits."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            maps = self.body(images)
        pooled = [part for m in maps for part in (m.amax((2, 3)), m.mean((2, 3)))]
        logits: Tensor = self.classifier(torch.cat(pooled, 1))
        return logits


def train(model: Classifier, loader: DataLoader[tuple[Tensor, Tensor]], steps: int) -> None:
    """Take some steps, each on the loader's next batch."""
    learning = list(model.classifier.parameters() if model.frozen else model.parameters())
    optimizer = torch.optim.AdamW(learning, lr=1e-3, weight_decay=1e-2)
    model.train()
    if model.frozen:
        model.body.eval()  # type: ignore[attr-defined]
    done = 0
    while done < steps:
        for images, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
            done += 1
            if done == steps:
                return


def score(model: Classifier, loader: DataLoader[tuple[Tensor, Tensor]]) -> float:
    """Return the share of images that are classified rightly."""
    model.eval()
    right = total = 0
    with torch.no_grad():
        for images, labels in loader:
            right += int((model(images).argmax(1) == labels).sum())
            total += len(labels)
    return right / total


def loaders(
    files: Sequence[Path],
    labels: Sequence[int],
    train_rows: Sequence[int],
    test_rows: Sequence[int],
    side: int,
    batch: int,
) -> tuple[DataLoader[tuple[Tensor, Tensor]], DataLoader[tuple[Tensor, Tensor]]]:
    """Return the loaders of training images, classes alike, and of test images."""
    learnt = [labels[row] for row in train_rows]
    weights = [1 / learnt.count(label) for label in learnt]
    training = Files([files[row] for row in train_rows], learnt, side, training=True)
    testing = Files([files[row] for row in test_rows], [labels[row] for row in test_rows], side, training=False)
    sampler = WeightedRandomSampler(weights, num_samples=len(learnt))
    return DataLoader(training, batch, sampler=sampler), DataLoader(testing, 64)
