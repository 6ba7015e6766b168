"""Shots of one place are near copies of each other: they must stay together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import Index, create, load, split
from datasets.sources.magnetic_tile import places


def test_rising_exposures_with_close_numbers_are_one_place() -> None:
    names = ["exp1_num_100", "exp2_num_120", "exp4_num_170", "exp1_num_190", "exp2_num_9000", "exp3_num_9020", "odd"]
    groups = places([Path(f"{name}.jpg") for name in names], np.zeros(7, dtype=np.int64)).tolist()
    assert groups[0] == groups[1] == groups[2]
    assert groups[4] == groups[5]
    assert len(set(groups)) == 4


def test_two_shots_under_one_exposure_are_two_places() -> None:
    groups = places([Path("exp1_num_100.jpg"), Path("exp1_num_120.jpg")], np.zeros(2, dtype=np.int64))
    assert groups.dtype == np.int64
    assert len(set(groups.tolist())) == 2


def test_places_of_two_classes_are_apart() -> None:
    files = [Path("exp1_num_100.jpg"), Path("exp2_num_120.jpg")]
    assert len(set(places(files, np.array([0, 1])).tolist())) == 2


def test_the_authors_layout_is_read_without_its_masks(root: Path) -> None:
    for folder in ("MT_Free", "MT_Fray"):
        images = root / "magnetic_tile" / folder / "Imgs"
        images.mkdir(parents=True)
        for kind in ("jpg", "png"):
            Image.new("L", (9, 9)).save(images / f"exp1_num_7.{kind}")
    index = create("magnetic_tile").index()
    assert index.class_names == ("Fray", "Free")
    assert index.counts.tolist() == [1, 1]
    assert "1 of 952 Free images are here" in index.notes


def test_without_the_files_the_steps_are_given(root: Path) -> None:
    missing = create("magnetic_tile").missing()
    assert missing is not None
    assert "git clone" in missing
    assert str(root) in missing


def test_real_counts_and_note(real_data: Path) -> None:
    index = create("magnetic_tile").index()
    assert dict(zip(index.class_names, index.counts.tolist(), strict=True)) == {
        "Blowhole": 115, "Break": 85, "Crack": 57, "Fray": 32, "Free": 500, "Uneven": 103,
    }  # fmt: skip
    assert [note for note in index.notes if "images are here" in note] == ["500 of 952 Free images are here"]
    assert not any("grouped:" in note for note in index.notes)  # names look like things here, but places are known


def test_all_kinds_of_defect_may_be_one_class(real_data: Path) -> None:
    index = create("magnetic_tile/defects").index()
    assert index.class_names == ("sound", "defective")
    assert index.counts.tolist() == [500, 115 + 85 + 57 + 32 + 103]


@pytest.fixture(scope="module")
def correlations(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, np.ndarray]:
    """The index of the photographs, and how alike any two of them are."""
    loaded = load(create("magnetic_tile"), 32, tmp_path_factory.mktemp("cache"))
    flat = loaded.images.reshape(len(loaded), -1).astype(np.float64)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    return loaded.index, flat @ flat.T


@pytest.mark.parametrize("seed", range(5))
def test_no_test_image_has_a_near_copy_in_the_train_pool(correlations: tuple[Index, np.ndarray], seed: int) -> None:
    index, alike = correlations
    parts = split(index, seed)

    def copies(train: np.ndarray, test: np.ndarray) -> float:
        return float((alike[np.ix_(test, train)].max(1) > 0.95).mean())

    everything = np.random.default_rng(seed).permutation(len(index.labels))
    at_random = copies(everything[len(parts.test) :], everything[: len(parts.test)])
    assert at_random > 0.3
    assert copies(parts.train, parts.test) < at_random / 2
