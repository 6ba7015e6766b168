"""What one-class methods share: a memory of each majority class, a threshold, and logits for all classes."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from methods.base import Method, SearchSpace
from methods.networks.frozen import FrozenBackbone
from methods.training.context import Context
from methods.training.data import Images, TrainSet

MEDIAN_TO_QUANTILE = 1.6448536269514722
"""Standard deviations between a normal distribution's median and its quantile 0.95."""


class Memory(Protocol):
    """What is known of one class."""

    def left_out(self, backbone: FrozenBackbone, images: Images) -> Tensor:
        """Return (N,) float, how each of the images that it was learnt of scores if the memory had not seen it."""

    def scores(self, backbone: FrozenBackbone, images: Images) -> Tensor:
        """Return (N,) float anomaly scores on the CPU, each image judged by itself."""


@dataclass(frozen=True)
class Known:
    """A majority class: its memory, and how its own images score.

    Attributes:
        label: of the class.
        memory: of all its training images.
        threshold: quantile of the scores of its images, each left out of the memory.
        scale: standard deviation of those scores, as far as the upper half tells.
    """

    label: int
    memory: Memory
    threshold: float
    scale: float

    def excess(self, backbone: FrozenBackbone, images: Images) -> Tensor:
        """Return (N,) (score - threshold) / scale: above 0, the memory does not explain an image."""
        return (self.memory.scores(backbone, images) - self.threshold) / self.scale


class OneClass(Method):
    """Majority classes get a memory each; the threshold is a quantile of their held-out images' scores.

    Of C classes the ceil(C / 2) with the most images are majority classes (ties by label). Each of a class's images is
    held out in turn and scored by the memory of the others (exactly or nearly, without learning it anew); images that
    come in groups are held out in `folds` parts of whole groups, scored by a memory that is learnt without them (padim
    holds out each group by itself, in closed form: its distances grow fast where a memory has fewer images).
    threshold = the `quantile` 0.95 of these scores, so that about one in twenty majority images is taken for a minority
    one. No minority image is needed. With several classes, an image that no memory explains goes to the minority class
    whose nearest image is nearest, of pooled, standardised features.

    The logits of majority classes are minus half their excess over the threshold, in standard deviations of the
    held-out scores; a minority class's is half the least excess, less for a class that is farther than the nearest.
    """

    needs_minority: ClassVar[bool] = False
    search_space: ClassVar[SearchSpace] = {"quantile": [0.8, 0.9, 0.95, 0.99]}

    quantile: float = Field(default=0.95, gt=0.5, lt=1)
    folds: int = Field(default=5, ge=2)

    _backbone: FrozenBackbone | None = PrivateAttr(None)
    _known: list[Known] = PrivateAttr(default_factory=list)
    _minority: Nearest | None = PrivateAttr(None)
    _classes: int = PrivateAttr(0)

    @abstractmethod
    def memory(self, backbone: FrozenBackbone, images: Images, context: Context, purpose: str) -> Memory:
        """Learn images of one class.

        Args:
            backbone: whose maps are read.
            images: of the class, at least one.
            context: random generators.
            purpose: what the draws derive from.
        """

    def fit(self, train: TrainSet, context: Context) -> None:
        """Learn every majority class, and where the minority images lie."""
        backbone = FrozenBackbone(train, context)
        labels = train.labels.cpu()
        counts = torch.bincount(labels, minlength=train.num_classes)
        majority = torch.argsort(counts, descending=True, stable=True)[: -(-len(counts) // 2)]
        majority = majority[counts[majority] > 0].sort().values
        self._known = [
            self._learn(label, train.subset(_rows(labels, label, train)), backbone, context)
            for label in majority.tolist()
        ]
        self._classes, self._backbone = train.num_classes, backbone
        few = [label for label in range(train.num_classes) if label not in majority.tolist()]
        self._minority = Nearest(train, labels, majority, few, backbone)

    def _learn(self, label: int, own: TrainSet, backbone: FrozenBackbone, context: Context) -> Known:
        memory = self.memory(backbone, own.images, context, f"class {label}")
        scores = self.held_out(memory, own, backbone, context, f"class {label}")
        threshold = float(torch.quantile(scores, self.quantile))
        spread = float(torch.quantile(scores, 0.95) - scores.median()) / MEDIAN_TO_QUANTILE
        return Known(label, memory, threshold, max(spread, 1e-6 * max(abs(threshold), 1.0)))

    def held_out(
        self, memory: Memory, own: TrainSet, backbone: FrozenBackbone, context: Context, purpose: str
    ) -> Tensor:
        """Return (N,) scores of a class's images as if the memory had seen neither them nor their groups."""
        folds = folds_of_groups(own.groups, self.folds)
        if not folds:
            return memory.left_out(backbone, own.images)
        scores = torch.zeros(len(own))
        for k, part in enumerate(folds):
            inside = torch.ones(len(own), dtype=torch.bool).index_fill(0, part, False)
            without = self.memory(backbone, own.subset(_where(inside, own)).images, context, f"{purpose} fold {k}")
            scores = scores.index_copy(0, part, without.scores(backbone, own.subset(_where(~inside, own)).images))
        return scores

    def predict_logits(self, images: Images) -> Tensor:
        """Return (N, C) float logits.

        Raises:
            RuntimeError: `fit` has not been called.
        """
        if self._backbone is None or self._minority is None:
            raise RuntimeError(f"{self.name or type(self).__name__}: call fit before asking for predictions")
        excess = torch.stack([known.excess(self._backbone, images) for known in self._known], 1)
        logits = torch.zeros(len(images), self._classes)
        logits[:, [known.label for known in self._known]] = -excess / 2
        if self._minority.labels:
            unexplained = excess.min(1, keepdim=True).values / 2
            logits[:, self._minority.labels] = unexplained - self._minority.farther(self._backbone, images)
        return logits


class Nearest:
    """Distances to the nearest image of each minority class, of pooled features in the majority's standard deviations.

    Attributes:
        labels: of the minority classes.
    """

    def __init__(
        self, train: TrainSet, labels: Tensor, majority: Tensor, few: list[int], backbone: FrozenBackbone
    ) -> None:
        self.labels = few
        self.examples: list[Tensor] = []
        if len(few) < 2:
            return
        pooled = torch.cat(backbone.pooled(train.images, ("mean",)), 1)
        frequent = pooled[torch.isin(labels, majority)]
        self.mean, self.std = frequent.mean(0), frequent.std(0, correction=0).clamp(min=1e-6)
        self.examples = [(pooled[labels == label] - self.mean) / self.std for label in few]

    def farther(self, backbone: FrozenBackbone, images: Images) -> Tensor:
        """Return (N, M): how much farther each class is than the nearest, as a share of the nearest's distance."""
        if len(self.labels) < 2:
            return torch.zeros(len(images), len(self.labels))
        x = (torch.cat(backbone.pooled(images, ("mean",)), 1) - self.mean) / self.std
        distances = torch.full((len(x), len(self.labels)), float("nan"))
        for k, examples in enumerate(self.examples):
            if len(examples):
                distances[:, k] = _exact(x, examples)
        nearest = distances.nan_to_num(float("inf")).min(1, keepdim=True).values
        # a class without images is as far as can be said: twice as far as the nearest
        return torch.where(distances.isnan(), 1.0, distances / nearest.clamp(min=1e-6) - 1).clamp(max=1e3)


def _exact(x: Tensor, examples: Tensor) -> Tensor:
    """Return (N,) distances to the nearest of few (M, D) examples, without the rounding of squared expansions."""
    return torch.cdist(x, examples, compute_mode="donot_use_mm_for_euclid_dist").min(1).values


def _rows(labels: Tensor, label: int, train: TrainSet) -> Tensor:
    return _where(labels == label, train)


def _where(chosen: Tensor, train: TrainSet) -> Tensor:
    return torch.nonzero(chosen).flatten().to(train.labels.device)


def folds_of_groups(groups: Tensor | None, folds: int) -> list[Tensor]:
    """Return the rows (n,) int64, ascending, of parts of whole groups and about equal size.

    None at all where there is a single group, or none that has two images: then images are held out one by one.
    """
    if groups is None:
        return []
    names, at, sizes = torch.unique(groups.cpu(), return_inverse=True, return_counts=True)
    if len(names) < 2 or int(sizes.max()) < 2:
        return []
    filled, place = [0] * min(folds, len(names)), torch.zeros(len(names), dtype=torch.int64)
    for group in torch.argsort(sizes, descending=True, stable=True).tolist():
        least = filled.index(min(filled))
        place[group], filled[least] = least, filled[least] + int(sizes[group])
    return [torch.nonzero(place[at] == k).flatten() for k in range(len(filled))]


def left_out_squares(squares: Tensor, n: int, divisor: int, share: float = 1.0) -> Tensor:
    """Return squared Mahalanobis distances to a Gaussian that has not seen the image, from those to one that has.

    Mean and covariance S of n images less one follow from those of all by a rank-one change of S (Sherman-Morrison).
    What S has besides the scatter of the data stays as it is, up to a factor divisor / (divisor - 1).

    Args:
        squares: (N,) z' S^-1 z, z an image less the mean.
        n: images; with fewer than 3 there are no others to speak of, and the squares stay as they are.
        divisor: S has the scatter over this: n or n - 1.
        share: of the scatter in S, less than 1 where it is shrunk.
    """
    if n < 3:
        return squares
    left = 1 - share * n / ((n - 1) * divisor) * squares
    return (n / (n - 1)) ** 2 * (divisor - 1) / divisor * squares / left.clamp(min=1e-6)


def group_left_out_squares(white: Tensor, n: int, divisor: int, share: float = 1.0) -> Tensor:
    """Return squared Mahalanobis distances of a group's images to Gaussians that have seen none of them.

    As `left_out_squares`, for m images left out at once: with G = W' W share / divisor of their whitened differences W,
    the squares are those of the diagonal of (I - 1 1' / n - G)^-1 less 1 + 1 / (n - m), times (divisor - m) / share.

    Args:
        white: (P, D, m) L^-1 z of the m images at P positions, L the Cholesky factor of S, z an image less the mean.
        n: images that S and the mean are of; more than m.
        divisor: S has the scatter over this: n or n - 1.
        share: of the scatter in S, less than 1 where it is shrunk.

    Returns:
        (P, m) float64.
    """
    m, wide = white.shape[2], white.double()
    apart = torch.eye(m, dtype=wide.dtype, device=wide.device) - 1 / n - share / divisor * (wide.transpose(1, 2) @ wide)
    inverse = torch.linalg.inv(apart).diagonal(dim1=1, dim2=2)
    # rounding can leave an image that is all there is of a direction without a positive remainder: it is far away
    inverse = torch.where(inverse > 0, inverse, torch.inf).clamp(max=1e6)
    return (divisor - m) / share * (inverse - 1 - 1 / (n - m)).clamp(min=0)
