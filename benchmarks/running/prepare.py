"""From a dataset to what methods read: decoded images, and the feature maps of a frozen backbone, each made once."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

import datasets
from benchmarks.grid import rows as grid_rows
from benchmarks.grid.cells import DataSpec
from benchmarks.grid.remembered import remembered
from datasets.progress import tell
from methods.networks import backbones
from methods.training.data import Images, TrainSet
from methods.training.settings import BackboneSettings

MAPS_FORMAT = 1
MAPS_BATCH = 4
"""Small, so that a batch's maps stay in a core's cache; larger is slower on a CPU."""
MAPS_BATCH_GPU = 256


@dataclass(frozen=True)
class Prepared:
    """A dataset ready for its cells.

    Attributes:
        imageset: the decoded images, a memory map.
        maps: (N, L) float16 memory map, each level's (h, w, D) behind one another; None without a frozen backbone.
        shapes: (D, h, w) of each level of the maps.
        mean: per-channel mean for images, in [0, 255]; empty where it is that of the training subset.
        std: likewise.
        known: rows found before, by seed and level.
    """

    imageset: datasets.ImageSet
    maps: np.memmap | None
    shapes: tuple[tuple[int, int, int], ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    known: dict[tuple[int, datasets.Level], tuple[np.ndarray, np.ndarray]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def identity(self) -> str:
        """Names what methods read of it: the images' content, or the maps after all that they depend on."""
        return self.imageset.content if self.maps is None else Path(str(self.maps.filename)).stem

    def images(self, rows: np.ndarray) -> Images:
        """Copy some images, or their feature maps, into tensors."""
        if self.maps is None:
            pixels = torch.from_numpy(np.ascontiguousarray(self.imageset.images[rows].transpose(0, 2, 3, 1)))
            return Images((pixels,), self.mean, self.std)
        packed = torch.from_numpy(self.maps[rows])
        sizes = [d * h * w for d, h, w in self.shapes]
        parts = torch.split(packed, sizes, dim=1)
        return Images(
            tuple(p.reshape(-1, h, w, d).contiguous() for p, (d, h, w) in zip(parts, self.shapes, strict=True))
        )

    def rows(self, spec: DataSpec, seed: int, level: datasets.Level) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the training subset and of the test set: found once, for all methods read the same.

        Raises:
            UnsupportedRatio: the train pool has too few images of a class.
        """
        if (found := self.known.get((seed, level))) is None:
            index = self.imageset.index
            found = grid_rows.training_rows(spec, index, seed, level), grid_rows.split(spec, index, seed).test
            for each in found:
                each.flags.writeable = False
            self.known[seed, level] = found
        return found

    def train_set(self, rows: np.ndarray) -> TrainSet:
        """Copy a training subset; where no backbone fixes the normalisation, it is the subset's own."""
        images = self.images(rows)
        if self.maps is None and not self.mean:
            mean, std = _statistics(images.levels[0])
            images = Images(images.levels, mean, std)
        index = self.imageset.index
        groups = None if index.units is None else torch.from_numpy(index.units[rows])
        return TrainSet(images, torch.from_numpy(index.labels[rows]), len(index.class_names), groups)


@functools.lru_cache(maxsize=8)
def prepare(spec: DataSpec, backbone: BackboneSettings, cache: Path, device: str) -> Prepared:
    """Open a dataset for a backbone, decoding it and computing its maps where the cache does not have them.

    Raises:
        UserError: the dataset is not available or damaged, or the cache cannot be written.
    """
    imageset = datasets.load(datasets.create(spec.name, **spec.settings.parameters), spec.size, cache)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)  # a backbone without weights of its own is the same in every process
        network = backbones.build(backbone, imageset.images.shape[1]).eval()
    mean, std = network.mean or (), network.std or ()
    # a network with statistics of its own reads three channels, and grey images become three
    _require_room(network, max(imageset.images.shape[1], len(mean)), spec)
    if not backbone.frozen:
        return Prepared(imageset, None, (), mean, std)
    maps, shapes = _maps(spec, imageset, backbone, network, cache, torch.device(device))
    return Prepared(imageset, maps, shapes, mean, std)


def _require_room(network: backbones.Backbone, channels: int, spec: DataSpec) -> None:
    """See that an image is large enough for a backbone, before all cells fail for it.

    Raises:
        UserError: it is too small.
    """
    try:
        with torch.inference_mode():
            network(torch.zeros(1, channels, spec.size, spec.size))
    except (RuntimeError, ValueError) as error:
        raise datasets.UserError(
            f"images of {spec.size} pixels are too small for the backbone ({' '.join(str(error).split())[:200]}); "
            f'choose a larger --set dataset."{spec.name}".size=N'
        ) from error


def _maps(
    spec: DataSpec,
    imageset: datasets.ImageSet,
    settings: BackboneSettings,
    network: backbones.Backbone,
    cache: Path,
    device: torch.device,
) -> tuple[np.memmap, tuple[tuple[int, int, int], ...]]:
    """Return the frozen backbone's maps of all images, and their shapes."""
    probe = Images((torch.zeros(1, spec.size, spec.size, imageset.images.shape[1], dtype=torch.uint8),))
    images = Images(probe.levels, network.mean or (127.5,), network.std or (127.5,))
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.inference_mode():
        out = network(images.to(device).read(torch.zeros(1, dtype=torch.int64, device=device))[0])
    shapes = tuple((m.shape[1], m.shape[2], m.shape[3]) for m in out)
    identity = [MAPS_FORMAT, imageset.content, spec.size, settings.model_dump(mode="json"), _weights_digest(network)]
    digest = hashlib.blake2b(json.dumps(identity).encode(), digest_size=12).hexdigest()
    path = cache / "maps" / f"{settings.name}-{digest}.npy"
    length = sum(d * h * w for d, h, w in shapes)

    def fill(array: np.memmap) -> None:
        size = MAPS_BATCH_GPU if device.type == "cuda" else MAPS_BATCH
        for start in range(0, len(imageset), size):
            pixels = np.array(imageset.images[start : start + size].transpose(0, 2, 3, 1), order="C")
            batch = Images((torch.from_numpy(pixels).to(device),), images.mean, images.std)
            with torch.inference_mode():
                levels = network(batch.read(torch.arange(len(batch), device=device))[0])
            tell(f"computing feature maps of {spec.name}", start, len(imageset))
            packed = torch.cat([level.permute(0, 2, 3, 1).flatten(1) for level in levels], 1)
            array[start : start + size] = packed.half().cpu().numpy()

    maps = datasets.build_array(path, (len(imageset), length), np.float16, fill)
    remembered(cache, "maps", [imageset.content, spec.size, settings.text], lambda: path.name)
    return maps, shapes


def _weights_digest(network: torch.nn.Module) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _statistics(pixels: torch.Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return per-channel mean and standard deviation of (N, H, W, C) uint8 images, without a float copy of all."""
    levels = torch.arange(256, dtype=torch.float64)
    mean, std = [], []
    for channel in pixels.unbind(3):
        share = torch.bincount(channel.flatten(), minlength=256).double() / channel.numel()
        mean.append(float((share * levels).sum()))
        std.append(float((share * (levels - mean[-1]) ** 2).sum().sqrt().clamp(min=1.0)))
    return tuple(mean), tuple(std)
