"""DAGM's official layout, written by hand, by the suite, and as published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import DatasetUnavailable, UserError, create, load, split
from datasets.sources.textures import write_dagm


def part(root: Path, labels: str, images: dict[str, int], masks: tuple[str, ...] = (), name: str = "Test") -> Path:
    """Write a part of Class3: its label file as it is given, images of one value, masks of the upper half."""
    folder = root / "dagm" / "Class3" / name
    (folder / "Label").mkdir(parents=True)
    (folder / "Label" / "Labels.txt").write_bytes(labels.encode())
    for file, value in images.items():
        Image.new("L", (8, 8), value).save(folder / file, "PNG")
    for file in masks:
        upper = np.repeat([255, 0], 4)[:, None].repeat(8, 1).astype(np.uint8)
        Image.fromarray(upper).save(folder / "Label" / file, "PNG")
    return folder


OFFICIAL = "1\r\n0001\t0\t0001.PNG\t0\t0\t\r\n0002\t1\t0002.PNG\t0\t0002_label.PNG\r\n0003\t0\t0003.PNG\t0\t0\t\r\n"
IMAGES = {"0001.PNG": 10, "0002.PNG": 20, "0003.PNG": 30}


def test_the_official_label_file(root: Path, tmp_path: Path) -> None:
    part(root, OFFICIAL, IMAGES, ("0002_label.PNG",))
    dataset = create("dagm/3")
    loaded = load(dataset, None, tmp_path / "cache")
    assert loaded.labels.tolist() == [0, 1, 0]
    assert loaded.index.class_names == ("ok", "defect")
    assert loaded.images.shape == (3, 1, 256, 256)
    assert loaded.images[:, 0, 0, 0].tolist() == [10, 20, 30]


def test_masks_outline_defects_only(root: Path) -> None:
    part(root, OFFICIAL, IMAGES, ("0002_label.PNG",))
    masks = create("dagm/3").masks([1, 0, 1], 16)
    assert masks is not None
    assert masks.dtype == bool
    assert masks.shape == (3, 16, 16)
    assert masks[0, :8].all()
    assert not masks[0, 8:].any()
    assert not masks[1].any()
    assert (masks[2] == masks[0]).all()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_names_are_found_whatever_their_case(root: Path, newline: str) -> None:
    part(root, OFFICIAL.replace("\r\n", newline), {"0001.png": 1, "0002.PNG": 2, "0003.Png": 3}, ("0002_LABEL.png",))
    dataset = create("dagm/3")
    assert dataset.index().labels.tolist() == [0, 1, 0]
    masks = dataset.masks([1], 8)
    assert masks is not None
    assert masks.any()


def test_listed_images_that_are_not_here_are_left_out_and_noted(root: Path) -> None:
    part(root, OFFICIAL, {"0001.PNG": 1, "0002.PNG": 2}, ("0002_label.PNG",))
    index = create("dagm/3").index()
    assert index.labels.tolist() == [0, 1]
    assert "2 of 575 Test images are here" in index.notes


def test_one_part_alone_is_split_by_the_suite_and_noted(root: Path) -> None:
    part(root, OFFICIAL, IMAGES, ("0002_label.PNG",), "Train")
    index = create("dagm/3").index()
    assert index.official_test is None
    assert "only the official Train part is here, split by the suite" in index.notes


def test_both_parts_are_the_official_split(root: Path) -> None:
    write_dagm(root / "dagm/Class3/Test", number=(12, 4), seed=1, size=32)
    write_dagm(root / "dagm/Class3/Train", number=(9, 5), seed=2, size=32, first=17)
    index = create("dagm/3").index()
    assert index.official_test is not None
    assert index.official_test.tolist() == [False] * 14 + [True] * 16
    assert index.counts.tolist() == [21, 9]
    parts = split(index, 0)
    assert parts.train.tolist() == list(range(14))
    assert np.bincount(index.labels[parts.test]).tolist() == [4, 4]


def test_what_the_suite_writes_is_what_the_textures_are(root: Path, tmp_path: Path) -> None:
    folder = root / "dagm/Class3/Test"
    write_dagm(folder, number=(3, 2), seed=4, size=64)
    lines = (folder / "Label/Labels.txt").read_bytes().split(b"\r\n")
    assert lines[0] == b"1"
    assert sorted(len(line.split(b"\t")) for line in lines[1:-1]) == [5] * 5
    assert sorted(path.name for path in folder.glob("*.PNG")) == [f"000{number}.PNG" for number in range(1, 6)]
    dataset, textures = create("dagm/3"), create("textures", number=(3, 2), seed=4)
    loaded = load(dataset, 64, tmp_path / "cache")
    written = {image.tobytes() for image in np.ascontiguousarray(loaded.images)}
    assert written == {image.tobytes() for image in textures.decode(64)}
    defects = np.flatnonzero(loaded.labels)
    masks, drawn = dataset.masks(defects.tolist(), 64), textures.masks([3, 4], 64)
    assert masks is not None
    assert drawn is not None
    assert {mask.tobytes() for mask in masks} == {mask.tobytes() for mask in drawn}


def test_a_truncated_image_is_named_with_the_remedy(root: Path, tmp_path: Path) -> None:
    folder = part(root, OFFICIAL, IMAGES, ("0002_label.PNG",))
    Image.effect_noise((64, 64), 50).save(folder / "0002.PNG")
    whole = (folder / "0002.PNG").read_bytes()
    (folder / "0002.PNG").write_bytes(whole[: len(whole) // 2])
    message = (
        r"^dataset dagm/3: Class3/Test/0002\.PNG is not a readable image \(.*truncated.*\); delete it or re-extract"
    )
    with pytest.raises(UserError, match=message):
        load(create("dagm/3"), 8, tmp_path / "cache")


def test_a_missing_outline_is_named(root: Path) -> None:
    part(root, OFFICIAL, IMAGES)
    dataset = create("dagm/3")
    assert len(dataset.index().labels) == 3
    with pytest.raises(UserError, match=r"Class3/Test/Label/0002_label\.PNG .*no such file"):
        dataset.masks([1], 8)


@pytest.mark.parametrize("line", ["0002 1 0002.PNG 0 0002_label.PNG", "0002\t2\t0002.PNG\t0\t0", "0002\t1"])
def test_a_malformed_line_is_named(root: Path, line: str) -> None:
    part(root, f"1\r\n0001\t0\t0001.PNG\t0\t0\r\n{line}\r\n", IMAGES)
    with pytest.raises(UserError, match=r"Class3/Test/Label/Labels\.txt, line 3"):
        create("dagm/3").index()


def test_letters_that_no_label_file_has_are_refused(root: Path) -> None:
    part(root, "1\r\n0001\t0\t0001.PNG\t0\tg\u00e9\r\n", IMAGES)
    with pytest.raises(UserError, match=r"Labels\.txt cannot be read .*ascii.*; re-extract Class3"):
        create("dagm/3").index()


def test_a_missing_label_file_is_named(root: Path) -> None:
    folder = part(root, OFFICIAL, IMAGES)
    (folder / "Label" / "Labels.txt").unlink()
    with pytest.raises(UserError, match=r"Class3/Test/Label/Labels\.txt cannot be read.*re-extract Class3"):
        create("dagm/3").index()


def test_without_the_files_the_steps_are_given(root: Path) -> None:
    with pytest.raises(DatasetUnavailable, match=r"zenodo.8086136.*Class3/Train"):
        create("dagm/3").index()


def test_another_root_may_be_given(root: Path, tmp_path: Path) -> None:
    write_dagm(tmp_path / "Class3/Test", number=(2, 2), size=16)
    assert create("dagm/3", root=tmp_path).index().counts.tolist() == [2, 2]


@pytest.mark.parametrize("file", ["0001.PNG", "Label/Labels.txt", "Label/0002_label.PNG"])
def test_any_changed_file_is_noticed(root: Path, file: str) -> None:
    folder = part(root, OFFICIAL, IMAGES, ("0002_label.PNG",))
    before = create("dagm/3").index().fingerprint
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content + b"\n")
    assert create("dagm/3").index().fingerprint != before


def test_the_published_class_1(real_data: Path) -> None:
    dataset = create("dagm/1")
    index = dataset.index()
    assert index.counts.tolist() == [430, 71]
    assert "501 of 575 Test images are here" in index.notes
    defects = np.flatnonzero(index.labels)[::10]
    masks = dataset.masks([*defects, *np.flatnonzero(index.labels == 0)[::100]], 64)
    assert masks is not None
    shares = masks.mean((1, 2))
    assert ((shares > 0.005) == (np.arange(len(masks)) < len(defects))).all()
