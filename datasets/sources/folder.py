"""Your own images: a folder with one sub-folder per class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from datasets.base import Dataset, DatasetUnavailable, Index, UserError
from datasets.decoding import is_grey, read_image
from datasets.files import IMAGE_SUFFIXES, fingerprint, is_image
from datasets.registry import register_prefix


@register_prefix("folder", "folder:/path")
class Folder(Dataset):
    """A class-per-folder tree of PNG, JPEG, BMP, TIFF or WebP images of any sizes, colours and depths.

    Classes are the sub-folders in order of name; images may lie deeper in them. Images become squares, and grey if all
    files are (WebP never is). The name, path included, is the dataset's identity: moved elsewhere it is split anew.

    Args:
        name: `folder:` and the path.
    """

    description = "your own images, one sub-folder per class"
    licence = "yours"
    source = "the folder"

    def __init__(self, name: str) -> None:
        self.name = name
        self.root = Path(name.partition(":")[2]).expanduser()

    def index(self) -> Index:
        """List the images of each sub-folder; see `Dataset.index`."""
        classes = self.classes()
        labels = [label for label, (_, files) in enumerate(classes) for _ in files]
        return Index(
            labels=np.array(labels, dtype=np.int64),
            class_names=tuple(name for name, _ in classes),
            fingerprint=fingerprint(self.root, (file for _, files in classes for file in files)),
            dataset=self.name,
        )

    def decode(self, size: int) -> Iterator[np.ndarray]:
        """Yield the images, in grey if all of them are; see `Dataset.decode`."""
        files = [file for _, files in self.classes() for file in files]
        remedy = "delete or replace it"
        grey = all(is_grey(file, what=self._shown(file), remedy=remedy) for file in files)
        for file in files:
            yield read_image(file, size, grey=grey, what=self._shown(file), remedy=remedy)

    def steps(self) -> str:
        """Say what the folder must look like."""
        return f"put at least two folders of images, one per class, into {self.root}"

    def files(self, folder: Path) -> list[Path]:
        """Return the image files of one class folder, sorted; hidden files and folders are passed over."""
        found = (path for path in folder.rglob("*") if is_image(path) and path.is_file())
        return sorted(path for path in found if not _hidden(path.relative_to(folder)))

    def class_name(self, folder: Path) -> str:
        """Return the name of the class that a folder holds."""
        return folder.name

    def classes(self) -> list[tuple[str, list[Path]]]:
        """Return name and files of each class; its position is its label.

        Raises:
            DatasetUnavailable: the folder is not there.
            UserError: it has fewer than two class folders, or one without images.
        """
        if not self.root.is_dir():
            raise DatasetUnavailable(f"dataset {self.name}: there is no folder {self.root}; {self.steps()}")
        folders = sorted(path for path in self.root.iterdir() if path.is_dir() and not _hidden(Path(path.name)))
        if len(folders) < 2:
            raise UserError(f"dataset {self.name}: {len(folders)} class folders in {self.root}; {self.steps()}")
        classes = [(self.class_name(folder), self.files(folder)) for folder in folders]
        for folder, (_, files) in zip(folders, classes, strict=True):
            if not files:
                kinds = ", ".join(sorted(IMAGE_SUFFIXES))
                raise UserError(
                    f"dataset {self.name}: no images ({kinds}) in class folder {folder}; add some or delete the folder"
                )
        return classes

    def _shown(self, file: Path) -> str:
        return f"dataset {self.name}: {file.relative_to(self.root)}"


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
