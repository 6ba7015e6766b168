"""Your own images: a folder with one sub-folder per class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datasets.base import DatasetUnavailable, UserError
from datasets.files import IMAGE_SUFFIXES, is_image
from datasets.listing import FileDataset, Listing
from datasets.registry import register


@register("folder:/path")
class Folder(FileDataset):
    """A class-per-folder tree of PNG, JPEG, BMP, TIFF or WebP images of any sizes, colours and depths.

    Classes are the sub-folders in order of name; images may lie deeper in them. Images become squares, and grey if all
    files are (WebP never is). The folder, however its path is spelt, is the dataset's identity: moved elsewhere it is
    split anew.
    """

    description = "your own images, one sub-folder per class"
    licence = "yours"
    source = "the folder"

    @classmethod
    def canonical(cls, rest: str) -> str:
        """Return the absolute path, without links."""
        return str(Path(rest).expanduser().resolve())

    @property
    def root(self) -> Path:
        """The folder."""
        return Path(self.name.partition(":")[2])

    def listing(self) -> Listing:
        """List the images of each sub-folder; see `FileDataset.listing`."""
        classes = self.classes()
        return Listing(
            root=self.root,
            files=tuple(file for _, files in classes for file in files),
            labels=np.repeat(np.arange(len(classes)), [len(files) for _, files in classes]),
            class_names=tuple(name for name, _ in classes),
        )

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


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
