from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets import DatasetUnavailable, UserError, availability, create, load, split


def write(root: Path, shape: tuple[int, ...] = (28, 28), labels: int = 1, name: str = "pneumoniamnist") -> None:
    arrays = {}
    for part, number in (("train", 6), ("val", 2), ("test", 4)):
        values = np.arange(number, dtype=np.uint8).reshape(-1, *[1] * len(shape))
        arrays[f"{part}_images"] = np.broadcast_to(values, (number, *shape)).copy()
        arrays[f"{part}_labels"] = np.arange(number * labels, dtype=np.uint8).reshape(number, labels) % 2
    np.savez(root / f"{name}.npz", **arrays)


def test_train_and_val_are_the_pool_and_test_is_the_test(root: Path, tmp_path: Path) -> None:
    write(root)
    loaded = load(create("medmnist:pneumoniamnist"), None, tmp_path / "cache")
    assert loaded.images.shape == (12, 1, 64, 64)
    assert loaded.images[:, 0, 5, 5].tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 0, 1, 2, 3]
    assert loaded.labels.tolist() == [0, 1] * 6
    assert split(create("medmnist:pneumoniamnist").index(), 0).train.tolist() == list(range(8))
    # The tested images 0 to 3 are copies of the first four of train and of both of val.
    assert split(loaded.index, 0).train.tolist() == [4, 5]


def test_colour_images(root: Path, tmp_path: Path) -> None:
    write(root, (28, 28, 3), name="bloodmnist")
    assert load(create("medmnist:bloodmnist"), 28, tmp_path / "cache").images.shape == (12, 3, 28, 28)


def test_several_labels_per_image_are_refused(root: Path) -> None:
    write(root, labels=14, name="chestmnist")
    with pytest.raises(UserError, match="several labels each"):
        create("medmnist:chestmnist").index()


def test_volumes_are_refused(root: Path, tmp_path: Path) -> None:
    write(root, (28, 28, 28), name="organmnist3d")
    with pytest.raises(UserError, match="not 2D images"):
        load(create("medmnist:organmnist3d"), 28, tmp_path / "cache")


def test_pickled_arrays_are_never_opened(root: Path) -> None:
    np.savez(root / "evil.npz", train_labels=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match=r"evil.npz is damaged.*delete it"):
        create("medmnist:evil").index()


def test_a_truncated_file_is_named(root: Path) -> None:
    write(root)
    whole = (root / "pneumoniamnist.npz").read_bytes()
    (root / "pneumoniamnist.npz").write_bytes(whole[:1000])
    with pytest.raises(UserError, match=r"pneumoniamnist.npz is damaged"):
        create("medmnist:pneumoniamnist").index()


def test_without_file_and_network_the_steps_are_given(root: Path, offline: None) -> None:
    pytest.importorskip("medmnist", reason="the download goes through the package medmnist")
    with pytest.raises(DatasetUnavailable, match=r"the download failed.*pneumoniamnist\.npz from https://zenodo"):
        create("medmnist:pneumoniamnist").index()
    with pytest.raises(UserError, match=r"no such set; MedMNIST has .*bloodmnist"):
        create("medmnist:nosuchmnist").index()


def test_without_the_package_the_steps_are_given(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        DatasetUnavailable, match=r"is not here; download pneumoniamnist\.npz from .*pip install medmnist"
    ):
        create("medmnist:pneumoniamnist").index()


@pytest.mark.parametrize(("name", "size"), [("pneumoniamnist", 28), ("pneumoniamnist_64", 64)])
def test_the_size_in_the_name_is_downloaded(root: Path, monkeypatch: pytest.MonkeyPatch, name: str, size: int) -> None:
    medmnist = pytest.importorskip("medmnist", reason="the download goes through this package")

    def reader(*, split: str, root: str, size: int = 28, download: bool) -> None:
        assert download
        write(Path(root), (size, size), name="pneumoniamnist" + (f"_{size}" if size != 28 else ""))

    monkeypatch.setattr(medmnist, "PneumoniaMNIST", reader)
    dataset = create(f"medmnist:{name}")
    assert dataset.index().counts.tolist() == [6, 6]
    with np.load(root / f"{name}.npz") as arrays:
        assert arrays["train_images"].shape == (6, size, size)


def test_asking_what_is_available_downloads_nothing(root: Path) -> None:
    assert "is not here; download pneumoniamnist.npz" in str(availability(create("medmnist:pneumoniamnist")))
    assert list(root.iterdir()) == []


def test_the_published_radiographs(real_data: Path) -> None:
    index = create("medmnist:pneumoniamnist").index()
    assert index.official_test is not None
    # Kermany et al. 2018: 1,349 normal and 3,883 pneumonia to train on (1,214 and 3,494 after the validation cut).
    assert np.bincount(index.labels[:4708]).tolist() == [1214, 3494]
    assert np.bincount(index.labels[~index.official_test]).tolist() == [1349, 3883]
    assert np.bincount(index.labels[index.official_test]).tolist() == [234, 390]
