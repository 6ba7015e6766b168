"""What is seen of an image: its cells, and its pooled maps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from methods.decomposition import svd
from methods.networks.frozen import POOLS, FrozenBackbone
from methods.one_class.patches import cells
from methods.training.data import Images

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

COMPONENTS = 20
"""Principal components that images are clustered in."""


@dataclass(frozen=True)
class Views:
    """Views of N images, on the CPU.

    Attributes:
        cells: (N, P, D) float, 3 x 3 means of the mid-level maps' cells.
        whole: (N, 3 C) mean, maximum and standard deviation over the cells of every depth.
        means: (N, C) the means among them.
    """

    cells: Tensor
    whole: Array
    means: Array


def batches(backbone: FrozenBackbone, images: Images) -> Iterator[Views]:
    """Yield the views of images, batch by batch."""
    for maps in backbone.maps(images):
        pooled = {name: [POOLS[name](m) for m in maps] for name in ("mean", "max", "std")}
        whole, means = torch.cat([x for depths in pooled.values() for x in depths], 1), torch.cat(pooled["mean"], 1)
        yield Views(cells(maps, smooth=True).cpu(), _array(whole), _array(means))


def read(backbone: FrozenBackbone, images: Images) -> Views:
    """Return the views of all images at once."""
    parts = list(batches(backbone, images))
    return Views(
        torch.cat([part.cells for part in parts]),
        np.concatenate([part.whole for part in parts]),
        np.concatenate([part.means for part in parts]),
    )


def clusters(means: Array, number: int, seed: int) -> Rows:
    """Return (N,) the cluster of each image: what is alike is held out together, where no groups are given."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    x = (means - means.mean(0)) / (means.std(0) + 1e-6)
    u, s, _ = svd(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # equal images make fewer clusters than asked for
        found = KMeans(min(number, len(x)), n_init=1, random_state=seed % 2**32).fit_predict(
            u[:, :COMPONENTS] * s[:COMPONENTS]
        )
    return np.asarray(found, np.int64)


def _array(x: Tensor) -> Array:
    return np.asarray(x.cpu().numpy(), np.float64)
