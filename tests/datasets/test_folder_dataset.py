"""Anyone's class-per-folder tree."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import DatasetUnavailable, UserError, availability, create, load


def put(path: Path, value: int = 100, mode: str = "L", size: tuple[int, int] = (6, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if mode == "L" else (value, 0, 0)).save(path)
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for value, name in enumerate(["good/1.png", "good/deep/er/2.JPG", "good/3.tiff", "bad/x.bmp", "bad/y.jpeg"]):
        put(root / name, 40 * value, size=(6 + value, 9 - value))
    return root


def test_classes_are_folders_by_name_and_files_lie_at_any_depth(tree: Path) -> None:
    index = create(f"folder:{tree}").index()
    assert index.class_names == ("bad", "good")
    assert index.labels.tolist() == [0, 0, 1, 1, 1]
    assert index.labels.dtype == np.int64
    assert index.dataset == f"folder:{tree}"


def test_images_follow_the_order_of_the_labels(tree: Path, tmp_path: Path) -> None:
    images = load(create(f"folder:{tree}"), 8, tmp_path / "cache").images
    assert images.shape == (5, 1, 8, 8)
    # Sorted paths: bad/x.bmp 120, bad/y.webp 160, good/1.png 0, good/3.tiff 80, good/deep/er/2.JPG 40.
    assert np.abs(images[:, 0, 4, 4].astype(int) - [120, 160, 0, 80, 40]).max() <= 2


@pytest.mark.parametrize("name", ["colour.png", "colour.webp"])
def test_one_coloured_image_makes_all_of_them_rgb(tree: Path, tmp_path: Path, name: str) -> None:
    put(tree / "good" / name, 200, "RGB")
    images = load(create(f"folder:{tree}"), 8, tmp_path / "cache").images
    assert images.shape == (6, 3, 8, 8)
    assert np.abs(images[4, :, 0, 0].astype(int) - [200, 0, 0]).max() <= 5
    assert images[2].max() == 0


def test_hidden_files_and_other_kinds_are_passed_over(tree: Path) -> None:
    for name in ["bad/.hidden.png", "good/.cache/z.png", ".git/objects/z.png", "bad/._x.bmp"]:
        put(tree / name)
    for name in ["bad/Thumbs.db", "good/notes.txt", "README.md", "bad/.DS_Store"]:
        (tree / name).write_text("no image")
    assert create(f"folder:{tree}").index().counts.tolist() == [2, 3]


def test_a_broken_image_is_named(tree: Path, tmp_path: Path) -> None:
    (tree / "bad" / "z.png").write_text("no image")
    with pytest.raises(
        UserError,
        match=r"bad/z\.png is not a readable image \(not an image, or none of PNG, .*\); delete or replace it",
    ):
        load(create(f"folder:{tree}"), 8, tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.*"))


def test_an_empty_class_is_named(tree: Path) -> None:
    (tree / "empty").mkdir()
    (tree / "empty" / "notes.txt").write_text("")
    with pytest.raises(UserError, match=r"no images .* in class folder .*/empty; add some or delete the folder"):
        create(f"folder:{tree}").index()


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    put(tmp_path / "only" / "1.png")
    with pytest.raises(UserError, match=r"1 class folder in .* at least two folders of images"):
        create(f"folder:{tmp_path}").index()


def test_a_missing_folder_says_what_to_put_there(tmp_path: Path) -> None:
    dataset = create(f"folder:{tmp_path / 'gone'}")
    with pytest.raises(DatasetUnavailable, match=r"there is no folder .*/gone; put at least two folders"):
        dataset.index()
    assert "there is no folder" in str(availability(dataset))


@pytest.mark.parametrize("change", ["add", "remove", "touch", "grow", "rewrite", "rename"])
def test_any_change_of_the_files_is_noticed(tree: Path, tmp_path: Path, change: str) -> None:
    dataset = create(f"folder:{tree}")
    before = dataset.index().fingerprint
    assert dataset.index().fingerprint == before
    file = tree / "good" / "1.png"
    if change == "add":
        put(tree / "good" / "4.png")
    elif change == "remove":
        file.unlink()
    elif change == "touch":
        os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    elif change == "grow":  # restored from a backup: another size, the same time
        times = (file.stat().st_atime_ns, file.stat().st_mtime_ns)
        file.write_bytes(file.read_bytes() + b" ")
        os.utime(file, ns=times)
    elif change == "rewrite":
        put(file, 255)
    else:
        file.rename(tree / "good" / "5.png")
    assert dataset.index().fingerprint != before


def test_a_rewritten_image_is_decoded_anew(tree: Path, tmp_path: Path) -> None:
    dataset = create(f"folder:{tree}")
    before = load(dataset, 8, tmp_path / "cache")
    put(tree / "good" / "1.png", 255)
    after = load(dataset, 8, tmp_path / "cache")
    assert before.content != after.content
    assert (before.images[2, 0, 0, 0], after.images[2, 0, 0, 0]) == (0, 255)


def test_home_is_expanded(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tree.parent))
    assert len(create("folder:~/tree").index().labels) == 5


def test_a_real_tree_of_photographs(real_data: Path, tmp_path: Path) -> None:
    loaded = load(create(f"folder:{real_data / 'magnetic_tile'}"), 32, tmp_path)
    counts = dict(zip(loaded.index.class_names, loaded.index.counts.tolist(), strict=True))
    assert counts == {"Blowhole": 115, "Break": 85, "Crack": 57, "Fray": 32, "Free": 500, "Uneven": 103}
    assert loaded.images.shape == (892, 1, 32, 32)


def test_a_sample_is_of_the_first_the_last_and_what_lies_between(tree: Path) -> None:
    dataset = create(f"folder:{tree}")
    whole = list(dataset.decode(8))
    assert [(image == whole[row]).all() for image, row in zip(dataset.sample(8, 3), (0, 2, 4), strict=True)] == [
        True
    ] * 3
    assert len(list(dataset.sample(8, 100))) == 5


def test_folders_that_cannot_be_read_are_counted(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "good" / "locked").mkdir()
    true = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return true(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert create(f"folder:{tree}").index().notes == ("left out: 1 folder that cannot be read",)


NAMES = {
    "good/part12_1.png": "part12",
    "good/part12 (2).png": "part12",
    "bad/part12-left.png": "part12",
    "good/box/7_1.png": "box",
    "bad/box/0001.png": "box",
    "bad/a.b_c-d.png": "a.b_c",
    "good/plain.png": "good/plain.png",
    "bad/0001.png": "bad/0001.png",
}
"""Files below a folder of classes, and what each shows."""


@pytest.mark.parametrize("part", ["", "train/"])
def test_images_of_one_thing_are_grouped_by_their_names(tmp_path: Path, part: str) -> None:
    files = {part + name: told for name, told in NAMES.items()}
    if part:
        files |= {"test/good/part12_9.png": "part12", "test/bad/other_1.png": "other"}
    for name in files:
        put(tmp_path / name)
    dataset = create(f"grouped:{tmp_path}")
    index, listed = dataset.index(), dataset.listing().files
    told = np.array([files[file.relative_to(tmp_path).as_posix()] for file in listed])
    assert index.groups is not None
    assert ((index.groups[:, None] == index.groups) == (told[:, None] == told)).all()
    assert index.labels.tolist() == create(f"folder:{tmp_path}").index().labels.tolist()
    assert f"images of one thing kept together: {len(set(files.values()))} things by name" in index.notes


def test_names_that_tell_no_thing_twice_are_refused_as_groups(tree: Path) -> None:
    (tree / "good" / "deep" / "er" / "2.JPG").rename(tree / "good" / "z_1.jpg")
    with pytest.raises(UserError, match=r"no two images have names that agree .* or use folder:"):
        create(f"grouped:{tree}").index()


@pytest.mark.parametrize(("stem", "things"), [("part{thing}_{at}", 6), ("IMG_{thing}{at}", 0), ("{thing}{at}", 0)])
def test_names_that_look_like_several_images_of_one_thing_are_pointed_out(
    tmp_path: Path, stem: str, things: int
) -> None:
    for thing in range(6):
        for at, kind in enumerate(["good", "good", "bad"]):
            put(tmp_path / kind / f"{stem.format(thing=thing, at=at)}.png")
    notes = create(f"folder:{tmp_path}").index().notes
    assert len(notes) == bool(things)
    if things:
        assert "6 things with several images each" in notes[0]
        assert f"grouped:{tmp_path}" in notes[0]


@pytest.mark.parametrize("part", ["", "train/"])
def test_so_many_files_in_a_row_show_one_thing_in_order_of_their_numbers(tmp_path: Path, part: str) -> None:
    for at in range(1, 12):
        put(tmp_path / part / "good" / f"img{at}.png")
    for name in ["a9", "a10", "a11", "b1"]:
        put(tmp_path / part / "bad" / f"{name}.png")
    if part:
        put(tmp_path / "test" / "good" / "img0.png")
        put(tmp_path / "test" / "bad" / "img0.png")
    dataset = create(f"grouped:{tmp_path}", run=3)
    index = dataset.index()
    assert index.groups is not None
    found: dict[int, list[str]] = {}
    for file, group in zip(dataset.listing().files, index.groups.tolist(), strict=True):
        found.setdefault(group, []).append(file.relative_to(tmp_path).as_posix())
    told = [f"good/img{{{a}}}.png" for a in ("1,2,3", "4,5,6", "7,8,9", "10,11")]
    told += ["bad/{a9,a10,a11}.png", "bad/b1.png"]
    expected = [_braces(part + each) for each in told] + [["test/bad/img0.png"], ["test/good/img0.png"]] * bool(part)
    assert sorted(map(sorted, found.values())) == sorted(map(sorted, expected))
    assert f"images of one thing kept together: {len(expected)} things of 3 files in a row" in index.notes


def _braces(text: str) -> list[str]:
    """Write out `a{1,2}.png` as a shell does."""
    before, brace, rest = text.partition("{")
    inside, _, after = rest.partition("}")
    return [before + each + after for each in inside.split(",")] if brace else [text]


@pytest.mark.parametrize(
    ("run", "said"),
    [(1, "run=1: Input should be greater than or equal to 2"), (2, r"run=2 all images of class 'bad' are one thing")],
)
def test_runs_of_one_file_and_classes_of_one_run_are_refused(tree: Path, run: int, said: str) -> None:
    with pytest.raises(UserError, match=said):
        create(f"grouped:{tree}", run=run).index()
