"""MedMNIST: small standardised medical images, read from their `.npz` files."""

from __future__ import annotations

import importlib.util
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import field_validator

from datasets.base import Dataset, DatasetUnavailable, Index, UserError, data_root
from datasets.decoding import square
from datasets.files import fingerprint
from datasets.registry import register

_PARTS = ("train", "val", "test")


@register("medmnist:<name>")
class MedMnist(Dataset):
    """One 2D set, such as `medmnist:pneumoniamnist`; the official test part is the test, train and val the pool.

    The file `<name>.npz` is looked for below `data_root()`, and downloaded there if the package `medmnist` is
    installed. Names with a size, such as `pneumoniamnist_224`, are files of their own.
    """

    description = "standardised medical images, 28 x 28 pixels or larger (MedMNIST v2)"
    licence = "CC BY 4.0 (DermaMNIST: CC BY-NC 4.0)"
    source = "Yang et al. 2023, Scientific Data 10, 41, doi 10.1038/s41597-022-01721-8"
    size = 64

    @property
    def flag(self) -> str:
        """The file's name without `.npz`."""
        return self.name.partition(":")[2]

    @property
    def path(self) -> Path:
        """The file."""
        return data_root() / f"{self.flag}.npz"

    def missing(self) -> str | None:
        """Say that the file is not here yet, without downloading it; see `Dataset.missing`."""
        return super().missing() if self.path.exists() else f"{self.path} is not here; {self.steps()}"

    @field_validator("name")
    @classmethod
    def _no_path(cls, name: str) -> str:
        if not re.fullmatch(r"\w{1,80}", name.partition(":")[2]):
            raise ValueError("a set is named by letters, digits and _, such as medmnist:pneumoniamnist")
        return name

    def index(self) -> Index:
        """List the images, downloading the file if it is not here; see `Dataset.index`."""
        if not self.path.exists():
            self._download()
        labels = [self._array(f"{part}_labels") for part in _PARTS]
        if any(part.ndim != 2 or part.shape[1] != 1 for part in labels):
            raise UserError(f"dataset {self.name}: its images have several labels each; choose a single-label set")
        joined = np.concatenate(labels)[:, 0].astype(np.int64)
        return Index(
            labels=joined,
            class_names=self._class_names(int(joined.max()) + 1),
            fingerprint=fingerprint(self.path.parent, [self.path]),
            official_test=np.repeat([False, False, True], [len(part) for part in labels]),
            dataset=self.name,
            development_share=self.development_share,
        )

    def decode(self, size: int) -> Iterator[np.ndarray]:
        """Yield the images in the file's colours; see `Dataset.decode`."""
        for part in _PARTS:
            for pixels in self._array(f"{part}_images"):
                if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)):
                    raise UserError(
                        f"dataset {self.name}: {self.path} holds {pixels.dtype} {pixels.shape}, not 2D images"
                    )
                image = np.asarray(square(Image.fromarray(pixels), size, grey=pixels.ndim == 2))
                yield image[None] if image.ndim == 2 else image.transpose(2, 0, 1)

    def steps(self) -> str:
        """Say where the file comes from and goes to."""
        return (
            f"download {self.flag}.npz from https://zenodo.org/records/10519652 into {self.path.parent} "
            "(set IMBALANCE_DATA to use another root), or pip install medmnist to have it downloaded"
        )

    def _array(self, key: str) -> np.ndarray:
        """Read one array; object arrays, which would have to be unpickled, are refused."""
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                return np.asarray(archive[key])
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(
                f"dataset {self.name}: {self.path} is damaged ({error}); delete it, then {self.steps()}"
            ) from error

    def _download(self) -> None:
        if importlib.util.find_spec("medmnist") is None:
            raise DatasetUnavailable(f"dataset {self.name}: {self.path} is not here; {self.steps()}")
        import medmnist

        flag, _, size = self.flag.partition("_")
        if flag not in medmnist.INFO:
            raise UserError(f"dataset {self.name}: no such set; MedMNIST has {', '.join(medmnist.INFO)}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        reader = getattr(medmnist, medmnist.INFO[flag]["python_class"])
        try:
            reader(split="train", root=str(self.path.parent), size=int(size or 28), download=True)
        except (OSError, RuntimeError, ValueError, AssertionError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise DatasetUnavailable(f"dataset {self.name}: the download failed ({reason}); {self.steps()}") from error

    def _class_names(self, number: int) -> tuple[str, ...]:
        """Return the names that the package knows, else numbers: the file itself holds none."""
        if importlib.util.find_spec("medmnist") is None:
            return tuple(str(label) for label in range(number))
        import medmnist

        known = medmnist.INFO.get(self.flag.partition("_")[0], {"label": {}})["label"]
        return tuple(known.get(str(label), str(label)) for label in range(number))
