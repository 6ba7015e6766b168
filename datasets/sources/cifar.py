"""CIFAR-10 and CIFAR-100: the usual long-tail benchmarks, through torchvision or from a tree of PNG files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydantic import PrivateAttr

from datasets.base import Dataset, DatasetUnavailable, Index, data_root
from datasets.decoding import square
from datasets.files import fingerprint
from datasets.registry import register
from datasets.sources.folder import Folder

_PARTS = ("train", "test")


class _Tree(Folder):
    """Train and test folders of PNG files; in colour even where every file is grey."""

    grey = False


@register("cifar10", "cifar100")
class Cifar(Dataset):
    """Balanced natural images with an official split; 500 or 5,000 train images per class.

    Looked for below `data_root()`: a tree `cifar10/{train,test}/<class>/*.png`, else the Python archive as torchvision
    extracts it, else torchvision downloads that.
    """

    description = "natural images in 10 or 100 balanced classes, 32 x 32 pixels"
    licence = "no licence stated by its authors; for research"
    source = "Krizhevsky 2009, Learning multiple layers of features from tiny images"
    size = 32

    _known: Index | None = PrivateAttr(None)

    @property
    def root(self) -> Path:
        """The folder of all datasets."""
        return data_root()

    def missing(self) -> str | None:
        """Say that the images are not here yet, without downloading them; see `Dataset.missing`."""
        if self._tree() or self._archive().is_dir():
            return super().missing()
        return f"dataset {self.name} is not below {self.root}; {self.steps()}"

    def index(self) -> Index:
        """List the images, downloading them if they are not here; see `Dataset.index`."""
        tree = self._tree()
        return replace(tree.index(), dataset=self.name, notes=()) if tree else self._archive_index()

    def decode(self, size: int) -> Iterator[np.ndarray]:
        """Yield the images in RGB, train part first; see `Dataset.decode`."""
        tree = self._tree()
        return tree.decode(size) if tree else self._archive_images(size)

    def steps(self) -> str:
        """Say where the archive comes from and goes to."""
        file = "cifar-10-python.tar.gz" if self.name == "cifar10" else "cifar-100-python.tar.gz"
        return (
            f"with a network it is downloaded on first use (170 MB); else extract {file} from "
            f"https://www.cs.toronto.edu/~kriz/cifar.html into {self.root} (set IMBALANCE_DATA to use another root)"
        )

    def _tree(self) -> _Tree | None:
        """Return the tree of train and test folders; None unless both are here."""
        root = self.root / self.name
        return _Tree(name=f"{self.name}:{root}") if all((root / part).is_dir() for part in _PARTS) else None

    def _archive(self) -> Path:
        return self.root / ("cifar-10-batches-py" if self.name == "cifar10" else "cifar-100-python")

    def _archive_index(self) -> Index:
        """Read the labels once: torchvision reads and checks all the pixels to give them."""
        if self._known is None or self._known.fingerprint != self._fingerprint():
            train, test = self._open("train"), self._open("test")
            self._known = Index(
                labels=np.array(train.targets + test.targets, dtype=np.int64),
                class_names=tuple(train.classes),
                fingerprint=self._fingerprint(),
                official_test=np.repeat([False, True], [len(train.targets), len(test.targets)]),
                dataset=self.name,
            )
        return self._known

    def _fingerprint(self) -> str:
        return fingerprint(self.root, (path for path in self._archive().glob("*") if path.is_file()))

    def _archive_images(self, size: int) -> Iterator[np.ndarray]:
        for part in _PARTS:
            for pixels in self._open(part).data:
                yield np.asarray(square(Image.fromarray(pixels), size, grey=False)).transpose(2, 0, 1)

    def _open(self, part: str) -> Any:
        """Let torchvision check and read the archive, which holds pickles that we do not open ourselves."""
        from torchvision import datasets as readers

        reader = readers.CIFAR10 if self.name == "cifar10" else readers.CIFAR100
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            return reader(str(self.root), train=part == "train", download=True)
        except (OSError, RuntimeError, EOFError) as error:
            raise DatasetUnavailable(f"dataset {self.name}: {error}; {self.steps()}") from error
