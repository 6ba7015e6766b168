from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import DatasetUnavailable, UserError, availability, create, load, split

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
LABELS = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]


def write_tree(root: Path, name: str = "cifar10") -> None:
    for at, (pixels, label) in enumerate(zip(PIXELS, LABELS, strict=True)):
        folder = root / name / ("train" if at < 9 else "test") / ("airplane", "bird", "cat")[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.transpose(1, 2, 0)).save(folder / f"{at:05d}.png")


def write_archive(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the official archive's files, which are pickles, with few images; torchvision expects their checksums."""
    from torchvision.datasets import CIFAR10

    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    for part, attribute, chosen in (
        ("data_batch_1", "train_list", slice(9)),
        ("test_batch", "test_list", slice(9, 12)),
    ):
        content = pickle.dumps({"data": PIXELS[chosen].reshape(-1, 3072), "labels": LABELS[chosen]})
        (folder / part).write_bytes(content)
        monkeypatch.setattr(CIFAR10, attribute, [[part, hashlib.md5(content).hexdigest()]])
    content = pickle.dumps({"label_names": ["airplane", "bird", "cat"]})
    (folder / "batches.meta").write_bytes(content)
    meta = {"filename": "batches.meta", "key": "label_names", "md5": hashlib.md5(content).hexdigest()}
    monkeypatch.setattr(CIFAR10, "meta", meta)
    return folder


def test_a_tree_of_png_files(root: Path, tmp_path: Path) -> None:
    write_tree(root)
    loaded = load(create("cifar10"), None, tmp_path / "cache")
    by_class = [0, 3, 6, 1, 4, 7, 2, 5, 8, 9, 10, 11]
    assert (loaded.images == PIXELS[by_class]).all()
    assert loaded.labels.tolist() == [LABELS[at] for at in by_class]
    assert loaded.index.class_names == ("airplane", "bird", "cat")
    parts = split(loaded.index, 0)
    assert parts.train.tolist() == list(range(9))
    assert parts.test.tolist() == [9, 10, 11]


def test_a_class_in_one_part_only_is_named(root: Path) -> None:
    write_tree(root)
    (root / "cifar10/test/cat").rename(root / "cifar10/test/dog")
    with pytest.raises(UserError, match=r"\['cat', 'dog'\] are missing from some parts"):
        create("cifar10").index()


def test_the_official_archive(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archive(root, monkeypatch)
    dataset = create("cifar10")
    assert dataset.missing() is None
    loaded = load(dataset, None, tmp_path / "cache")
    assert (loaded.images == PIXELS).all()
    assert loaded.labels.tolist() == LABELS
    assert loaded.index.class_names == ("airplane", "bird", "cat")
    assert loaded.index.official_test is not None
    assert loaded.index.official_test.tolist() == [False] * 9 + [True] * 3


def test_an_archive_with_another_checksum_is_not_opened(
    root: Path, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    folder = write_archive(root, monkeypatch)
    (folder / "data_batch_1").write_bytes(pickle.dumps({"data": PIXELS[:9].reshape(-1, 3072), "labels": [0] * 9}))
    with pytest.raises(DatasetUnavailable, match=r"cifar10.*cifar-10-python.tar.gz"):
        create("cifar10").index()


@pytest.mark.parametrize(("name", "file"), [("cifar10", "cifar-10-python"), ("cifar100", "cifar-100-python")])
def test_without_files_and_network_the_steps_are_given(root: Path, offline: None, name: str, file: str) -> None:
    with pytest.raises(DatasetUnavailable, match=rf"{name}.*extract {file}\.tar\.gz from"):
        create(name).index()


def test_asking_what_is_available_downloads_nothing(root: Path) -> None:
    assert "downloaded on first use" in str(availability(create("cifar100")))
    assert list(root.iterdir()) == []


def test_a_missing_archive_is_downloaded_by_its_reader(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def reader(folder: str, *, train: bool, download: bool = False) -> None:
        asked.append((folder, download))
        raise OSError("network is unreachable")

    monkeypatch.setattr("torchvision.datasets.CIFAR10", reader)
    with pytest.raises(DatasetUnavailable, match="network is unreachable"):
        create("cifar10").index()
    assert asked == [(str(root), True)]
