"""What would be silently wrong: deep pixels, copies, parts of a split, files passed over, broken and tampered ones."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from datasets import Index, Level, UserError, create, development_rows, known_index, load, split, subset
from datasets.decoding import Scale
from datasets.duplicates import Copies


def photograph(seed: int, size: int = 48) -> np.ndarray:
    """A smooth pattern with some noise: (size, size) uint8."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6), dtype=np.uint8)).resize(
        (size, size), Image.Resampling.BICUBIC
    )
    return np.clip(np.asarray(coarse) + rng.normal(0, 4, (size, size)), 0, 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)  # type: ignore[arg-type]
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for at in range(20):
        save(tmp_path / "tree" / ("good", "bad")[at % 2] / f"{at:02d}.png", photograph(at))
    return tmp_path / "tree"


# ------------------------------------------------------------------ deep pixels


@pytest.mark.parametrize(
    ("ranges", "low", "high"),
    [
        ([(0, 65535)], 0, 65535),
        ([(0, 100), (5, 4000)], 0, 4095),  # 12 bits
        ([(0, 1023)], 0, 1023),
        ([(0, 1024)], 0, 4095),
        ([(3, 200)], 0, 255),
        ([(-5, 10), (0, 20)], -5, 20),  # signed
        ([(0.25, 0.5)], 0.25, 0.5),  # floating point
        ([(0, 70000)], 0, 70000),
        ([(0.5, 0.5)], 0.5, 1.5),  # of one value: nothing to stretch
    ],
)
def test_the_scale_of_deep_pixels(ranges: list[tuple[float, float]], low: float, high: float) -> None:
    assert Scale.of(ranges) == Scale(low, high)


def test_twelve_bits_keep_their_grey_levels_and_the_record_says_the_rule(tmp_path: Path) -> None:
    ramp = np.linspace(0, 4095, 64).reshape(8, 8)
    save(tmp_path / "tree" / "a" / "1.png", ramp.astype(np.uint16))
    save(tmp_path / "tree" / "b" / "1.png", (ramp / 2).astype(np.uint16))
    loaded = load(create(f"folder:{tmp_path / 'tree'}"), 8, tmp_path / "cache")
    assert len(np.unique(loaded.images[0])) == 64
    assert np.abs(loaded.images[0, 0] - ramp / 4095 * 255).max() <= 1
    assert np.abs(loaded.images[1, 0] - ramp / 4095 * 127.5).max() <= 1
    assert "deep pixels scaled from 0..4095 to 0..255" in loaded.index.notes


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_wide_pixels_of_small_values_are_not_black(tmp_path: Path, kind: type) -> None:
    for name, values in (("a", [[0, 10], [20, 30]]), ("b", [[-10, 0], [10, 40]])):
        save(tmp_path / "tree" / name / "1.tif", np.array(values, dtype=kind))
    loaded = load(create(f"folder:{tmp_path / 'tree'}"), 2, tmp_path / "cache")
    assert loaded.images[:, 0].tolist() == [[[51, 102], [153, 204]], [[0, 51], [102, 255]]]  # (v + 10) / 50 * 255


def test_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "tree" / "a" / "1.tif", np.array([[np.nan, 1]], dtype=np.float32))
    save(tmp_path / "tree" / "b" / "1.tif", np.array([[0, 1]], dtype=np.float32))
    with pytest.raises(UserError, match=r"a/1\.tif .*not all values are finite"):
        load(create(f"folder:{tmp_path / 'tree'}"), 2, tmp_path / "cache")


# ------------------------------------------------------------------ copies


def test_a_copy_saved_once_more_is_found_and_another_image_is_not() -> None:
    copies = Copies()
    one = photograph(0, 96)
    jpeg = np.asarray(Image.fromarray(one).resize((64, 64), Image.Resampling.BICUBIC).resize((96, 96)))
    brighter = np.clip(one.astype(int) + 1, 0, 255).astype(np.uint8)
    blurred = np.asarray(Image.fromarray(one).filter(ImageFilter.GaussianBlur(1)))
    for pixels in (one, photograph(1, 96), one, jpeg, brighter, blurred, np.full((96, 96), 7, np.uint8)):
        copies.add(pixels[None])
    exact, near = copies.pairs()
    assert exact == [(0, 2)]
    assert {other for one, other in near if one == 0} == {3, 4, 5}
    assert not any({1, 6} & set(pair) for pair in near)


def near(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two grey images of 32 x 32 pixels, which are their own thumbnails, are near copies."""
    copies = Copies()
    for pixels in (one, other):
        copies.add(pixels.astype(np.uint8)[None])
    return copies.pairs() == ([], [(0, 1)])


def test_near_copies_differ_by_less_than_two_grey_levels() -> None:
    one = np.clip(photograph(0, 32), 20, 230)
    assert near(one, one + 1)
    assert not near(one, one + 2)  # brightness takes no part in the hash


@pytest.mark.parametrize(("amplitude", "alike"), [(5, False), (11, True)])
def test_near_copies_correlate_by_more_than_99_percent(amplitude: int, alike: bool) -> None:
    """A wave of variance a^2 / 2 and noise of variance 1 correlate by 1 / sqrt(1 + 2 / a^2): .962 and .992."""
    y, x = np.mgrid[:32, :32]
    wave = 100 + np.rint(amplitude * np.cos(2 * np.pi * (x + 2 * y) / 32))
    chequered = np.where((x + y) % 2, 1, -1)  # too fine for the hash, and one grey level everywhere
    assert near(wave, wave + chequered) is alike


@pytest.mark.parametrize(("amplitude", "alike"), [(1, False), (2, True)])
def test_images_without_structure_have_no_near_copies(amplitude: int, alike: bool) -> None:
    """A standard deviation of one grey level is none; as many squares of +a as of -a have a."""
    signs = np.random.default_rng(0).permutation(np.repeat([-1, 1], 32)).reshape(8, 8)
    one = 100 + amplitude * np.kron(signs, np.ones((4, 4), dtype=int))
    assert near(one, one + 1) is alike


def test_a_thousand_photographs_of_one_kind_are_no_copies() -> None:
    copies = Copies()
    for seed in range(1000):
        copies.add(photograph(seed)[None])
    assert copies.pairs() == ([], [])


def test_copies_stay_on_one_side_and_are_counted(tree: Path, tmp_path: Path) -> None:
    for at in (1, 3, 5):
        save(tree / "bad" / f"again{at}.png", photograph(at))
    save(tree / "good" / "wrong.png", photograph(7))  # the same image in both classes
    loaded = load(create(f"folder:{tree}"), 48, tmp_path / "cache")
    index = loaded.index
    assert any(note.startswith("4 exact and 0 near copies") for note in index.notes)
    assert any(note.startswith("1 of these copies has another class") for note in index.notes)
    pixels = [image.tobytes() for image in loaded.images]
    for seed in range(20):
        parts = split(index, seed)
        assert not {pixels[row] for row in parts.train} & {pixels[row] for row in parts.test}
    assert known_index(create(f"folder:{tree}"), 48, tmp_path / "cache").copies is not None


def test_copies_join_groups_and_a_copy_of_the_pool_is_not_tested() -> None:
    labels, groups = np.array([0, 1] * 10), np.repeat(np.arange(10), 2)
    copies = np.arange(20)
    copies[19] = 0  # of group 9 and 0
    index = Index(labels, ("a", "b"), "", groups=groups, copies=copies, dataset="made-up")
    units = index.units
    assert units is not None
    assert len(set(units)) == 9
    assert set(units[[0, 1, 18, 19]]) == {units[0]}
    pooled = Index(labels, ("a", "b"), "", copies=copies, dataset="made-up", development_share=0.3)
    pool = development_rows(pooled)
    for seed in range(10):
        parts = split(pooled, seed)
        used = {*parts.train.tolist(), *parts.test.tolist()}
        assert not used & set(np.flatnonzero(pool))
        if pool[0] != pool[19]:
            assert not used & {0, 19}


# ------------------------------------------------------------------ files


def test_train_val_and_test_folders_are_a_split_and_no_classes(tmp_path: Path) -> None:
    for part in ("Train", "val", "test"):
        for at, name in enumerate(("good", "bad")):
            for number in range(3):
                save(tmp_path / part / name / f"{number}.png", photograph(at + 2 * number + 10 * len(part)))
    index = create(f"folder:{tmp_path}").index()
    assert index.class_names == ("bad", "good")
    assert index.official_test is not None
    assert index.official_test.tolist() == [False] * 12 + [True] * 6
    assert "split by the folders Train, test, val" in index.notes
    for name in ("good", "bad"):
        for number in range(3):
            (tmp_path / "test" / name / f"{number}.png").unlink()
    (tmp_path / "test").rename(tmp_path / "other")
    with pytest.raises(UserError, match=r"look like parts of a split, and \['other'\] do not"):
        create(f"folder:{tmp_path}").index()


def test_what_is_left_out_is_counted(tree: Path) -> None:
    for name in ("good/a.heic", "good/b.heic", "bad/notes.txt", "bad/.hidden.png"):
        (tree / name).write_bytes(b"x")
    save(tree / "root.png", photograph(1))
    (tree / "good" / "dangling.png").symlink_to(tree / "nowhere.png")
    (tree / "bad" / "linked").symlink_to(tree / "good")
    index = create(f"folder:{tree}").index()
    assert index.notes == (
        "left out: 2 .heic files, 1 .txt file, 1 dangling link, 1 image in no class folder, 1 linked folder",
    )
    assert len(index.labels) == 20


@pytest.mark.parametrize("kind", ["gif", "ppm", "jp2", "avif"])
def test_other_kinds_are_read_where_pillow_can(tree: Path, tmp_path: Path, kind: str) -> None:
    save(tree / "good" / f"z.{kind}", np.full((16, 16, 3), 200, dtype=np.uint8))
    loaded = load(create(f"folder:{tree}"), 8, tmp_path / "cache")
    assert np.abs(loaded.images[20].astype(int) - 200).max() <= 3


def test_one_folder_is_one_dataset_however_it_is_spelt(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree.parent)
    (tree.parent / "link").symlink_to(tree)
    spelt = ["tree", "./tree", "tree/", str(tree), "tree/../tree", "tree//good/..", "link"]
    indices = [create(f"folder:{name}").index() for name in spelt]
    assert {index.dataset for index in indices} == {f"folder:{tree}"}
    assert len({tuple(split(index, 0).test) for index in indices}) == 1


def test_two_files_that_change_places_are_decoded_anew(tree: Path, tmp_path: Path) -> None:
    one, other = tree / "good" / "00.png", tree / "bad" / "01.png"
    save(one, np.full((8, 8), 10, np.uint8), compress_level=0)
    save(other, np.full((8, 8), 200, np.uint8), compress_level=0)
    assert one.stat().st_size == other.stat().st_size
    for file in (one, other):
        os.utime(file, ns=(1, 1))
    dataset = create(f"folder:{tree}")
    before = load(dataset, 8, tmp_path / "cache")
    os.rename(one, tree / "kept")
    os.rename(other, one)
    os.rename(tree / "kept", other)
    after = load(dataset, 8, tmp_path / "cache")
    assert (before.images[0, 0, 0, 0], before.images[10, 0, 0, 0]) == (200, 10)
    assert (after.images[0, 0, 0, 0], after.images[10, 0, 0, 0]) == (10, 200)


# ------------------------------------------------------------------ broken and hostile


def test_all_broken_images_are_named_in_one_pass_and_can_be_left_out(tree: Path, tmp_path: Path) -> None:
    (tree / "bad" / "03.png").write_bytes(b"")
    (tree / "good" / "04.png").write_bytes(b"no image")
    whole = (tree / "good" / "06.png").read_bytes()
    (tree / "good" / "06.png").write_bytes(whole[: len(whole) // 2])
    name, cache = f"folder:{tree}", tmp_path / "cache"
    message = (
        r"3 of 20 images are not readable: bad/03\.png \(empty file\), good/04\.png \(not an image.*\), good/06\.png "
    )
    with pytest.raises(UserError, match=message + r"\(.*truncated.*\); delete or replace it, or leave them out with"):
        load(create(name), 8, cache)
    loaded = load(create(name, skip_bad_images=True), 8, cache)
    assert loaded.index.unusable == (1, 12, 13)
    assert any("3 images that cannot be read are left out" in note and "03.png" in note for note in loaded.index.notes)
    assert loaded.index.copies is None
    for seed in range(5):
        parts = split(loaded.index, seed)
        assert not {1, 12, 13} & {*parts.train.tolist(), *parts.test.tolist()}
        assert len(subset(loaded.labels, parts.train, Level("natural"), seed)) == len(parts.train)


def test_only_the_listed_formats_are_opened_whatever_a_file_is_called(tree: Path, tmp_path: Path) -> None:
    (tree / "bad" / "evil.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    )
    with pytest.raises(UserError, match=r"bad/evil\.png is not a readable image \(not an image, or none of PNG, JPEG"):
        load(create(f"folder:{tree}"), 8, tmp_path / "cache")


def test_there_is_a_limit_on_pixels(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2 * 10**6)
    save(tree / "bad" / "vast.png", np.zeros((1500, 1500), dtype=np.uint8))
    with pytest.raises(UserError, match=r"bad/vast\.png is not a readable image \(more than 2 million pixels\)"):
        load(create(f"folder:{tree}"), 8, tmp_path / "cache")


@pytest.mark.parametrize("what", ["pixels", "labels", "description"])
def test_a_tampered_entry_is_decoded_anew(
    tree: Path, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, cache = create(f"folder:{tree}"), tmp_path / "cache"
    before = np.array(load(dataset, 8, cache).images)
    (file,) = cache.rglob("*.npy")
    if what == "pixels":
        array = np.load(file, mmap_mode="r+")
        array[3] = 0
        array.flush()
    else:
        about = json.loads(file.with_suffix(".json").read_text())
        about["content"] = "0" * 32
        if what == "labels":
            del about["copies"]
        file.with_suffix(".json").write_text(json.dumps(about))
    monkeypatch.setattr("datasets.storage._COMPARED", set())  # as in another process
    assert (load(dataset, 8, cache).images == before).all()
