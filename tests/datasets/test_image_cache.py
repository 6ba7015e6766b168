"""Decoded once, shared by processes, written whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import PrivateAttr

import datasets
from datasets.base import Dataset, Index, UserError


class Stripes(Dataset):
    """Image i is filled with the value i; counts how often it is decoded."""

    description, licence, source, size = "stripes", "none", "test", 4

    number: int = 6
    channels: int = 1
    _decoded: list[int] = PrivateAttr(default_factory=list)

    @property
    def decoded(self) -> int:
        return len(self._decoded)

    def index(self) -> Index:
        labels = np.arange(self.number, dtype=np.int64) % 2
        return Index(labels, ("even", "odd"), f"{self.number} {self.channels}", dataset=self.name)

    def decode(self, size: int) -> Iterator[np.ndarray]:
        self._decoded.append(size)
        for value in range(self.number):
            yield np.full((self.channels, size, size), value % 256, dtype=np.uint8)

    def steps(self) -> str:
        return "none"


def files(cache: Path) -> list[str]:
    return sorted(path.suffix for path in cache.rglob("*") if path.is_file())


def test_images_are_a_read_only_channel_first_view_of_a_memory_map(tmp_path: Path) -> None:
    class Colours(Stripes):
        def decode(self, size: int) -> Iterator[np.ndarray]:
            for image in range(self.number):
                yield np.stack([np.full((size, size), 10 * image + c, dtype=np.uint8) for c in range(3)])

    images = datasets.load(Colours(name="stripes", number=6, channels=3), 5, tmp_path).images
    assert images.shape == (6, 3, 5, 5)
    assert images.dtype == np.uint8
    assert [images[4, c, 0, 0] for c in range(3)] == [40, 41, 42]
    assert isinstance(images.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 1


def test_images_are_stored_raw_with_channels_last(tmp_path: Path) -> None:
    datasets.load(Stripes(name="stripes", number=6, channels=3), 5, tmp_path)
    (file,) = tmp_path.rglob("*.npy")
    assert np.load(file, allow_pickle=False).shape == (6, 5, 5, 3)


def test_a_dataset_is_decoded_once_per_size(tmp_path: Path) -> None:
    dataset = Stripes(name="stripes")
    for size in (4, 4, 8, 8, None):
        datasets.load(dataset, size, tmp_path)
    assert dataset.decoded == 2


def test_content_depends_on_pixels_and_labels(tmp_path: Path) -> None:
    class Relabelled(Stripes):
        def index(self) -> Index:
            return Index(1 - super().index().labels, ("even", "odd"), "relabelled", dataset=self.name)

    class Brighter(Stripes):
        def decode(self, size: int) -> Iterator[np.ndarray]:
            return (image + np.uint8(1) for image in super().decode(size))

    kinds = (Stripes, Stripes, Relabelled, Brighter)
    contents = [datasets.load(kind(name="stripes"), None, tmp_path / str(at)).content for at, kind in enumerate(kinds)]
    assert contents[0] == contents[1]
    assert len(set(contents)) == 3


def test_a_changed_fingerprint_or_parameter_is_decoded_anew(tmp_path: Path) -> None:
    images = [
        datasets.load(datasets.create("textures", number=(2, 2), seed=seed), 16, tmp_path).images for seed in (0, 1)
    ]
    assert (images[0] != images[1]).any()


@pytest.mark.parametrize("suffix", [".npy", ".json"])
@pytest.mark.parametrize("left", [0, 30, -1])
def test_a_truncated_entry_is_rebuilt(tmp_path: Path, suffix: str, left: int) -> None:
    dataset = Stripes(name="stripes")
    before = datasets.load(dataset, None, tmp_path)
    (file,) = tmp_path.rglob(f"*{suffix}")
    os.truncate(file, left if left >= 0 else file.stat().st_size - 1)
    after = datasets.load(dataset, None, tmp_path)
    assert dataset.decoded == 2
    assert after.content == before.content
    assert after.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]


def test_memory_stays_flat_while_decoding(tmp_path: Path) -> None:
    class Wide(Stripes):
        size = 256

    tracemalloc.start()
    datasets.load(Wide(name="stripes", number=300), None, tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 * 256 * 256 / 8


@pytest.mark.parametrize("call", ["posix_fallocate", "fsync"])
def test_a_full_disk_names_the_folder_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(UserError, match=f"no space.*{tmp_path}.*--cache DIR"):
        datasets.load(Stripes(name="stripes"), None, tmp_path)
    assert files(tmp_path) == []


def test_a_file_in_the_way_of_the_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(UserError, match=r"cannot write to the cache.*--cache DIR"):
        datasets.load(Stripes(name="stripes"), None, tmp_path / "cache")


@pytest.mark.parametrize("promised", [5, 7])
def test_more_or_fewer_images_than_listed_are_an_error(tmp_path: Path, promised: int) -> None:
    class Lying(Stripes):
        def index(self) -> Index:
            return Index(np.zeros(promised, dtype=np.int64), ("a", "b"), "", dataset=self.name)

    with pytest.raises(ValueError, match="stripes"):
        datasets.load(Lying(name="stripes"), None, tmp_path)
    assert files(tmp_path) == []


@pytest.mark.parametrize(("shape", "kind"), [((1, 4, 5), np.uint8), ((3, 4, 4), np.uint8), ((1, 4, 4), np.uint16)])
def test_an_image_of_another_shape_or_type_is_an_error(tmp_path: Path, shape: tuple[int, ...], kind: type) -> None:
    class Changing(Stripes):
        def decode(self, size: int) -> Iterator[np.ndarray]:
            yield from (image if image.max() != 3 else np.zeros(shape, kind) for image in super().decode(size))

    with pytest.raises(ValueError, match=r"stripes: image 4 of 6 is uint"):
        datasets.load(Changing(name="stripes"), None, tmp_path)
    assert files(tmp_path) == []


def test_what_the_cache_knows_is_told_without_decoding(tmp_path: Path) -> None:
    class Noted(Stripes):
        def found(self) -> datasets.base.Found:
            return datasets.base.Found(("seen in decoding",), (), ())

    dataset = Noted(name="stripes")
    assert datasets.known_content(dataset, 5, tmp_path) is None
    assert datasets.known_index(dataset, 5, tmp_path).notes == ()
    loaded = datasets.load(dataset, 5, tmp_path)
    assert datasets.known_content(dataset, 5, tmp_path) == loaded.content
    assert "seen in decoding" in datasets.known_index(dataset, 5, tmp_path).notes
    assert datasets.known_index(dataset, 6, tmp_path).notes == ()  # another size is another entry
    assert dataset.decoded == 1
    next(tmp_path.rglob("*-5-*.npy")).unlink()
    assert datasets.known_content(dataset, 5, tmp_path) is None


def test_no_size_below_one_pixel(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"stripes.*at least 1 pixel, not 0"):
        datasets.load(Stripes(name="stripes"), 0, tmp_path)
    assert datasets.load(Stripes(name="stripes"), 1, tmp_path).images.shape == (6, 1, 1, 1)


_BUILD = """
import sys, time, pathlib, datasets
go, cache = map(pathlib.Path, sys.argv[1:])
dataset = datasets.create("textures", number=(150, 150))
print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
loaded = datasets.load(dataset, 64, cache)
print(loaded.content, int(loaded.images.astype("int64").sum()))
"""


@pytest.mark.slow
def test_processes_building_the_same_entry_at_once_agree(tmp_path: Path) -> None:
    go, cache = tmp_path / "go", tmp_path / "cache"
    command = [sys.executable, "-c", _BUILD, str(go), str(cache)]
    builders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for builder in builders:
        assert builder.stdout is not None
        assert builder.stdout.readline() == "ready\n"
    go.touch()
    answers = {builder.communicate(timeout=600)[0] for builder in builders}
    assert [builder.returncode for builder in builders] == [0] * 4
    alone = datasets.load(datasets.create("textures", number=(150, 150)), 64, tmp_path / "alone")
    assert answers == {f"{alone.content} {int(alone.images.astype('int64').sum())}\n"}
    assert files(cache) == [".images", ".json", ".npy"]


_HANG = """
import sys, time, pathlib, datasets
from datasets.sources.textures import Textures

class Slow(Textures):
    def decode(self, size):
        yield from list(super().decode(size))[:3]
        print("half way", flush=True)
        time.sleep(60)

datasets.load(Slow(name="textures", number=(3, 3)), 16, pathlib.Path(sys.argv[1]))
"""


def test_a_killed_builder_leaves_no_entry_and_its_remains_are_swept(tmp_path: Path) -> None:
    builder = subprocess.Popen([sys.executable, "-c", _HANG, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert builder.stdout is not None
    assert builder.stdout.readline() == "half way\n"
    builder.send_signal(signal.SIGKILL)
    builder.communicate()
    (remains,) = tmp_path.rglob("*.partial")
    dataset = datasets.create("textures", number=(3, 3))
    images = datasets.load(dataset, 16, tmp_path).images
    assert (images == np.stack(list(dataset.decode(16)))).all()
    assert remains.exists()  # it might belong to a live process
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(remains, (two_days_ago, two_days_ago))
    datasets.load(dataset, 17, tmp_path)
    assert not remains.exists()


def test_build_array_fills_once_and_reads_after(tmp_path: Path) -> None:
    calls = []

    def fill(array: np.memmap) -> None:
        calls.append(array.shape)
        array[:] = np.arange(12).reshape(3, 4)

    path = tmp_path / "deep" / "features.npy"
    for _ in range(2):
        array = datasets.build_array(path, (3, 4), np.float16, fill)
        assert isinstance(array, np.memmap)
        assert array.dtype == np.float16
        assert array.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
        assert not array.flags.writeable
    assert calls == [(3, 4)]
    os.truncate(path, path.stat().st_size - 2)
    datasets.build_array(path, (3, 4), np.float16, fill)
    assert len(calls) == 2


def test_a_fill_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fill(array: np.memmap) -> None:
        array[0] = 1
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        datasets.build_array(tmp_path / "features.npy", (3, 4), np.float16, fill)
    assert files(tmp_path) == []


def test_an_array_of_zeros_in_the_place_of_the_right_one_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(array: np.memmap) -> None:
        array[:] = 5

    path = tmp_path / "features.npy"
    datasets.build_array(path, (3, 4), np.float16, fill)
    for damage in ("zeros", "no digest"):
        if damage == "zeros":
            np.save(path, np.zeros((3, 4), dtype=np.float16))
        else:
            path.with_suffix(".digest").unlink()
        monkeypatch.setattr("datasets.storage._COMPARED", set())  # as in another process
        assert (datasets.build_array(path, (3, 4), np.float16, fill) == 5).all()
