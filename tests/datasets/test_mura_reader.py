"""A small tree in MURA's official layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import DatasetUnavailable, UserError, create, load, split

# part, patient, study, label, images; patient00003 has both labels, patient00009 several studies.
TRAIN = [
    ("ELBOW", "patient00001", "study1_negative", 2),
    ("ELBOW", "patient00003", "study1_positive", 1),
    ("ELBOW", "patient00003", "study2_negative", 3),
    ("WRIST", "patient00001", "study1_positive", 2),
]
VALID = [
    ("ELBOW", "patient00009", "study1_positive", 2),
    ("ELBOW", "patient00010", "study1_negative", 3),
    ("WRIST", "patient00010", "study1_negative", 1),
]


def write(root: Path, head: str = "", end: str = "\n") -> Path:
    top = root / "MURA-v1.1"
    for name, studies in (("train", TRAIN), ("valid", VALID)):
        lines = [head] if head else []
        for part, patient, study, images in studies:
            for number in range(1, images + 1):
                path = f"MURA-v1.1/{name}/XR_{part}/{patient}/{study}/image{number}.png"
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                # Half of the published images are stored in RGB.
                Image.new("RGB" if number % 2 else "L", (40, 50), "white").save(root / path)
                lines.append(path)
        (top / f"{name}_image_paths.csv").write_bytes((end.join(lines) + end).encode())
    return top


@pytest.mark.parametrize("head", ["", "image_path", "path"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_labels_split_and_patients_with_or_without_a_header(root: Path, head: str, end: str) -> None:
    write(root, head, end)
    index = create("mura/elbow").index()
    assert index.class_names == ("normal", "abnormal")
    assert index.labels.tolist() == [0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0]
    assert index.official_test is not None
    assert index.official_test.tolist() == [False] * 6 + [True] * 5
    assert index.groups is not None
    assert index.groups.tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3]


def test_parts_are_apart(root: Path) -> None:
    write(root)
    assert create("mura/wrist").index().labels.tolist() == [1, 1, 0]
    with pytest.raises(UserError, match=r"mura/hand: the tables .* list no XR_HAND image"):
        create("mura/hand").index()


def test_all_images_are_grey_squares(root: Path, tmp_path: Path) -> None:
    write(root)
    images = load(create("mura/elbow"), None, tmp_path / "cache").images
    assert images.shape == (11, 1, 128, 128)
    assert images.min() == 255


def test_the_official_split_is_used(root: Path) -> None:
    write(root)
    index = create("mura/elbow").index()
    parts = split(index, 0)
    assert parts.train.tolist() == list(range(6))
    assert np.bincount(index.labels[parts.test]).tolist() == [2, 2]


def test_another_depth_is_found(root: Path) -> None:
    write(root)
    (root / "mura").mkdir()
    (root / "MURA-v1.1").rename(root / "mura" / "MURA-v1.1")
    assert len(create("mura/elbow").index().labels) == 11


def test_without_the_files_the_steps_are_given(root: Path) -> None:
    with pytest.raises(DatasetUnavailable, match=r"mura/elbow.*accept the terms.*MURA-v1\.1\.zip into"):
        create("mura/elbow").index()


@pytest.mark.parametrize("table", ["train_image_paths.csv", "valid_image_paths.csv"])
def test_a_missing_table_is_named(root: Path, table: str) -> None:
    (write(root) / table).unlink()
    with pytest.raises(DatasetUnavailable, match=rf"{table} is missing; accept the terms"):
        create("mura/elbow").index()


def test_missing_images_are_counted_and_one_is_named(root: Path) -> None:
    top = write(root)
    for number in (1, 3):
        (top / f"train/XR_ELBOW/patient00003/study2_negative/image{number}.png").unlink()
    with pytest.raises(
        UserError, match=r"2 of 11 listed images are missing, .*patient00003/study2_negative/image1\.png"
    ):
        create("mura/elbow").index()
    assert create("mura/wrist").missing() is None


def corrupt(top: Path) -> str:
    (top / "train/XR_ELBOW/patient00003/study1_positive/image1.png").write_bytes(b"\x89PNG")
    return r"dataset mura/elbow: train/XR_ELBOW/patient00003/study1_positive/image1\.png is not a readable image"


def misspell(top: Path) -> str:
    with (top / "train_image_paths.csv").open("a") as table:
        table.write("MURA-v1.1/train/XR_ELBOW/patient00001/study1_unsure/image1.png\n")
    return r"train_image_paths\.csv, line 9: .*study1_unsure.* is not a MURA path"


@pytest.mark.parametrize("damage", [corrupt, misspell])
def test_damage_is_named(root: Path, tmp_path: Path, damage: Callable[[Path], str]) -> None:
    message = damage(write(root))
    with pytest.raises(UserError, match=message):
        load(create("mura/elbow"), 8, tmp_path / "cache")
