"""Files in a row that look alike are told: frames, slices and patches taken for things of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import Index, create, known_index, load
from datasets.neighbours import IN_A_ROW, Share, in_a_row

Rng = np.random.Generator


def things(number: int, each: int, rng: Rng) -> np.ndarray:
    """Images of so many things, thing by thing: (number * each, 32, 32) uint8, a pattern of its own and some noise."""
    coarse = rng.uniform(40, 215, (number, 4, 4)).repeat(8, axis=1).repeat(8, axis=2)
    images = coarse.repeat(each, axis=0)
    return np.clip(images + rng.normal(0, 25, images.shape), 0, 255).astype(np.uint8)


def measured(images: np.ndarray, labels: np.ndarray | None = None) -> Share:
    labels = np.zeros(len(images), dtype=np.int64) if labels is None else labels
    found = in_a_row([each.tobytes() for each in images], labels, np.arange(len(images)))
    assert found is not None
    return found


def by_hand(number: int, places: int, windows: int = 1) -> float:
    """Share by chance: pairs so many places apart at most, of all pairs of that many images."""
    width = number // windows
    return windows * (2 * places * width - places * (places + 1)) / (number * (number - 1))


@pytest.mark.parametrize(("apart", "told"), [(1, True), (2, True), (3, False)])
def test_two_images_of_each_thing_are_found_as_far_as_so_small_a_class_reaches(apart: int, told: bool) -> None:
    pairs = things(24, 2, np.random.default_rng(0)).reshape(-1, apart, 2, 32, 32)
    share = measured(pairs.swapaxes(1, 2).reshape(-1, 32, 32))  # abcabc: of 48 images two places to each side count
    assert (share.found == 1, share.is_large, share.images) == (told, told, 48)
    assert share.chance == pytest.approx(by_hand(48, 2))


def test_classes_are_looked_at_one_by_one_and_small_ones_not() -> None:
    images = things(40, 3, np.random.default_rng(1))
    labels = np.arange(120) % 2
    share = measured(images, labels)  # of three images of a thing two are next to each other in one class, one is not
    assert share.found == pytest.approx(2 / 3, abs=0.1)
    assert share.chance == pytest.approx(by_hand(60, 3))
    labels = np.where(np.arange(120) < 19, 1, 0)
    assert measured(images, labels).images == 101
    assert in_a_row([each.tobytes() for each in images[:19]], labels[:19], np.arange(19)) is None


def test_of_a_large_class_windows_without_gaps_are_compared() -> None:
    share = measured(things(1500, 3, np.random.default_rng(2)))
    assert share.images == 2000
    assert share.chance == pytest.approx(by_hand(2000, 10, windows=8))
    assert share.found > 0.98


def test_patches_of_one_texture_are_alike_wherever_what_they_show_lies() -> None:
    rng = np.random.default_rng(3)
    spread = rng.uniform(5, 60, 30).repeat(10)[:, None, None]
    images = np.clip(128 + spread * rng.normal(size=(300, 32, 32)), 0, 255).astype(np.uint8)
    assert measured(images).is_large
    assert not measured(rng.permutation(images)).is_large


def test_light_that_changes_from_file_to_file_is_no_thing() -> None:
    images = np.random.default_rng(4).integers(60, 120, (300, 32, 32)) + np.linspace(0, 130, 300)[:, None, None]
    assert not measured(images.astype(np.uint8)).is_large


def test_files_in_no_order_are_not_told() -> None:
    rng = np.random.default_rng(5)
    shares = [measured(rng.permutation(things(30, int(rng.integers(1, 5)), rng))) for _ in range(200)]
    assert not any(share.is_large for share in shares)
    chance = np.mean([share.chance for share in shares])
    # of two looks the larger counts
    assert chance < np.mean([share.found for share in shares]) < 1.6 * chance


@pytest.mark.parametrize(
    ("found", "chance", "images", "told"),
    [
        (0.31, 0.1, 1000, True),
        (0.29, 0.1, 1000, False),
        (0.12, 0.01, 1000, True),
        (0.1, 0.01, 1000, False),
        (0.5, 0.1, 20, False),  # binomial, 5 of 10 pairs or more: 1.6e-3
        (0.5, 0.1, 40, True),  # 10 of 20: 7.1e-6
    ],
)
def test_a_share_is_told_that_is_far_above_chance_and_not_by_chance(
    found: float, chance: float, images: int, told: bool
) -> None:
    assert Share(found, chance, images).is_large == told


def save(root: Path, images: np.ndarray, part: str = "") -> str:
    for at, image in enumerate(images):
        file = root / part / ("good", "bad")[at % 3 == 2] / f"{at}.png"  # 9.png before 10.png
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    return f"folder:{root}"


def told(index: Index) -> list[str]:
    return [note for note in index.notes if IN_A_ROW in note]


def test_a_folder_in_order_is_told_and_the_same_files_shuffled_are_not(tmp_path: Path) -> None:
    images, cache = things(30, 6, np.random.default_rng(6)), tmp_path / "cache"
    ordered = create(save(tmp_path / "ordered", images))
    shuffled = create(save(tmp_path / "shuffled", np.random.default_rng(7).permutation(images)))
    assert told(known_index(ordered, 32, cache)) == []
    (note,) = told(load(ordered, 32, cache).index)
    # good has 120 images, four of each thing, and bad 60, two of each: six and three places to each side count
    assert note.startswith("100 % of the images look most like a file at most 10 places away in order of name, 10 %")
    assert f"say --dataset grouped:{tmp_path / 'ordered'}" in note
    assert told(known_index(ordered, 32, cache)) == [note]  # kept
    assert told(load(shuffled, 32, cache).index) == []


def test_nothing_is_told_where_it_is_known_what_belongs_together(tmp_path: Path) -> None:
    images, cache = things(30, 6, np.random.default_rng(6)), tmp_path / "cache"
    name = save(tmp_path / "tree", images).replace("folder", "grouped")
    assert told(load(create(name, run=4), 32, cache).index) == []
    official = save(tmp_path / "parts", images, "train")
    save(tmp_path / "parts", images[:9], "test")
    assert told(load(create(official), 32, cache).index) == []


def test_copies_are_told_as_copies_alone(tmp_path: Path) -> None:
    images = things(60, 1, np.random.default_rng(8)).repeat(3, axis=0)
    index = load(create(save(tmp_path / "tree", images)), 32, tmp_path / "cache").index
    assert any("120 exact" in note for note in index.notes)
    assert told(index) == []


def test_a_table_is_told_of_its_column(tmp_path: Path) -> None:
    save(tmp_path, things(30, 6, np.random.default_rng(6)))
    lines = [f"{file.relative_to(tmp_path)},{file.parent.name}" for file in tmp_path.rglob("*.png")]
    (tmp_path / "labels.csv").write_text("\n".join(["image,label", *lines]))
    (note,) = told(load(create(f"table:{tmp_path / 'labels.csv'}"), 32, tmp_path / "cache").index)
    assert note.endswith("if so, name in a column 'group' what each image shows")
