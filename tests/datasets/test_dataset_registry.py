"""Every dataset keeps the same promises, by whatever name it is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import datasets
from datasets import UserError, availability, create, expand, names, usages

MURA = ["elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist"]


def test_what_ships() -> None:
    dagm, mura = [f"dagm/{number}" for number in range(1, 11)], [f"mura/{part}" for part in MURA]
    assert names() == [
        "cifar10",
        "cifar100",
        *dagm,
        "elpv",
        "magnetic_tile",
        "magnetic_tile/defects",
        *mura,
        "textures",
    ]
    assert usages() == ["folder:/path", "grouped:/path", "medmnist:<name>", "table:/path/labels.csv"]


def test_wildcards() -> None:
    assert expand(["mura/*", "elpv", "mura/hand", "folder:/a b"]) == [f"mura/{part}" for part in MURA] + [
        "elpv",
        "folder:/a b",
    ]


@pytest.mark.parametrize(("name", "near"), [("elvp", "elpv"), ("dagm/11", "dagm/1"), ("foldr:/x", "folder:/path")])
def test_an_unknown_name_is_answered_by_the_nearest(name: str, near: str) -> None:
    for attempt in (create, lambda name: expand([name])):
        with pytest.raises(
            UserError, match=f"unknown dataset '{name}'; did you mean '{near}.*Known: cifar10, cifar100"
        ):
            attempt(name)


@pytest.mark.parametrize("name", [*names(), "folder:/nowhere", "medmnist:pneumoniamnist"])
def test_every_dataset_describes_itself_and_says_how_to_get_it(name: str, root: Path) -> None:
    dataset = create(name)
    assert dataset.name == name
    for text in (dataset.description, dataset.licence, dataset.source, dataset.steps()):
        assert text.strip()
    assert dataset.size >= 28
    missing = availability(dataset)
    assert missing is None or (name.rpartition(":")[2] in missing and dataset.steps() in missing)
    assert (missing is None) == (name in ("elpv", "textures"))


@pytest.mark.parametrize("name", ["elpv", "textures", "dagm/1", "magnetic_tile", "medmnist:pneumoniamnist"])
def test_images_follow_the_index(name: str, real_data: Path) -> None:
    dataset = create(name)
    index = dataset.index()
    assert index.dataset == name
    assert index.labels.dtype == np.int64
    assert set(index.labels) == set(range(len(index.class_names)))
    for extra in (index.groups, index.official_test):
        assert extra is None or len(extra) == len(index.labels)
    first = next(dataset.decode(16))
    assert first.shape == (1, 16, 16)
    assert first.dtype == np.uint8
    masks = dataset.masks([0], 16)
    assert masks is None or masks.shape == (1, 16, 16)
    assert availability(dataset) is None


def test_importing_is_cheap() -> None:
    code = "import sys, datasets; print([name for name in ('torch', 'torchvision', 'medmnist') if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_everything_public_is_exported() -> None:
    assert all(hasattr(datasets, name) for name in datasets.__all__)


def test_data_and_cache_lie_below_the_home_cache_unless_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("IMBALANCE_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert datasets.cache_root() == tmp_path / ".cache" / "imbalance-benchmark"
    assert datasets.data_root() == tmp_path / ".cache" / "imbalance-benchmark" / "data"
    monkeypatch.setenv("IMBALANCE_DATA", "~/images")
    assert datasets.data_root() == tmp_path / "images"
