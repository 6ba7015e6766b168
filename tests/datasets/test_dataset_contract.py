"""Every dataset passes the contract, and a dataset broken in one way fails the clause for it, which says why."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets import FileDataset, Index, Listing, testing
from datasets.testing import CLAUSES, check_dataset


class Sound(FileDataset):
    """Forty small files of two classes, two of each group."""

    description, licence, source = "made", "none", "this test"

    root: Path

    def listing(self) -> Listing:
        files = sorted(self.root.glob("*.png"))
        numbers = [int(file.stem) for file in files]
        groups = [str(number // 2) for number in numbers]
        return Listing.of(self.root, files, [("a", "b")[number % 2] for number in numbers], groups)

    def steps(self) -> str:
        return "make it"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    for number in range(40):
        image = Image.fromarray(rng.integers(0, 256, (20, 20), dtype=np.uint8))
        image.save(folder / f"{number:02d}.png")
    return folder


class Silent(Sound):
    source = " "


class Forgetful(Sound):
    shade: int = 3

    def parameters(self) -> dict[str, Any]:
        return {"root": str(self.root)}


_calls = itertools.count()


class Moody(Sound):
    def index(self) -> Index:
        index = super().index()
        return replace(index, labels=np.roll(index.labels, next(_calls)))


class OneTooMany(Sound):
    def index(self) -> Index:
        return replace(super().index(), class_names=("a", "b", "c"))


class Torn(Sound):
    """Says that all images are of one group, which no split can keep whole."""

    def index(self) -> Index:
        index = super().index()
        return replace(index, groups=np.zeros(len(index.labels), dtype=np.int64))


class Lossy(Sound):
    def decode(self, size: int) -> Iterator[np.ndarray]:
        return itertools.islice(super().decode(size), 39)


class Shuffled(Sound):
    def decode(self, size: int) -> Iterator[np.ndarray]:
        return reversed(list(super().decode(size)))


class Blind(Sound):
    def index(self) -> Index:
        return replace(super().index(), fingerprint="always the same")


class Tolerant(Sound):
    def decode(self, size: int) -> Iterator[np.ndarray]:
        for file in self.listing().files:
            try:
                pixels = np.asarray(Image.open(file).resize((size, size), Image.Resampling.BILINEAR))
            except OSError:
                pixels = np.zeros((size, size), dtype=np.uint8)
            yield pixels[None]


class Nameless(Sound):
    def decode(self, size: int) -> Iterator[np.ndarray]:
        from datasets import UserError

        try:
            yield from super().decode(size)
        except UserError as error:
            raise UserError("an image is broken") from error


def _local() -> type[Sound]:
    class Local(Sound):
        """Cannot be found by another process."""

    return Local


BROKEN: list[tuple[str, Callable[[], type[Sound]], str]] = [
    ("described", lambda: Silent, "its source is ' '"),
    ("parameters-in-key", lambda: Forgetful, r"leaves out \['shade', 'skip_bad_images'\]"),
    ("deterministic-index", lambda: Moody, "its labels differ from one call to the next"),
    ("labels-in-range", lambda: OneTooMany, "labels are 0, 1 where class_names has 3 names"),
    ("whole-groups", lambda: Torn, "UserError: .* has too few groups"),
    ("decodes-as-indexed", lambda: Lossy, "decodes 39 images where its index lists 40"),
    ("equals-the-file", lambda: Shuffled, "image 0 is not what .*00.png holds"),
    ("notices-changes", lambda: Blind, "00.png may change and the fingerprint stays"),
    ("names-the-file", lambda: Tolerant, "a damaged .*00.png is decoded without an error"),
    ("names-the-file", lambda: Nameless, "does not name it: an image is broken"),
    ("other-process", _local, "it cannot be sent to another process"),
]


def test_every_clause_has_a_dataset_that_breaks_it() -> None:
    assert {clause for clause, _, _ in BROKEN} == set(CLAUSES)


def test_a_sound_dataset_passes_and_its_files_are_left_alone(root: Path) -> None:
    before = {file: (file.stat(), file.read_bytes()) for file in root.iterdir()}
    check_dataset(Sound, root=root)
    after = {file: (file.stat(), file.read_bytes()) for file in root.iterdir()}
    assert {file: (status.st_mtime_ns, status.st_ctime_ns, data) for file, (status, data) in before.items()} == {
        file: (status.st_mtime_ns, status.st_ctime_ns, data) for file, (status, data) in after.items()
    }


@pytest.mark.parametrize(("clause", "make", "reason"), BROKEN)
def test_a_broken_dataset_fails_its_clause_and_no_other(
    root: Path, clause: str, make: Callable[[], type[Sound]], reason: str
) -> None:
    broken = make()
    with pytest.raises(AssertionError, match=rf"^dataset '{broken.__name__}' fails clause '{clause}': .*{reason}"):
        check_dataset(broken, [clause], root=root)
    others = {"described", "parameters-in-key", "labels-in-range"} - {clause}
    check_dataset(broken, sorted(others), root=root)


def test_groups_that_straddle_are_seen(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The split itself keeps groups whole; the clause would see it if it did not."""
    plain = testing.split
    monkeypatch.setattr(testing, "split", lambda index, seed: plain(replace(index, groups=None), seed))
    with pytest.raises(AssertionError, match=r"groups .* are on both sides of split 0"):
        check_dataset(Sound, ["whole-groups"], root=root)


LARGE = [pytest.param(name, marks=pytest.mark.slow) for name in ("elpv", "dagm/1", "magnetic_tile")]


@pytest.mark.parametrize("name", ["textures", "medmnist:pneumoniamnist", *LARGE])
def test_ours_pass(name: str, real_data: Path) -> None:
    small: dict[str, Any] = {"number": (40, 40)} if name == "textures" else {}
    check_dataset(name, **small)


def test_ours_pass_in_made_up_layouts(root: Path, tmp_path: Path) -> None:
    for kind, number in (("good", range(20)), ("bad", range(20, 40))):
        (tmp_path / "tree" / kind).mkdir(parents=True)
        for at in number:
            (tmp_path / "tree" / kind / f"{at}.png").write_bytes((root / f"{at:02d}.png").read_bytes())
    check_dataset(f"folder:{tmp_path / 'tree'}")
    for file in (tmp_path / "tree" / "good").iterdir():
        file.rename(file.with_stem(f"part{int(file.stem) // 2}_{file.stem}"))
    check_dataset(f"grouped:{tmp_path / 'tree'}")
    lines = [f"{kind}/{file.name},{kind}" for kind in ("good", "bad") for file in (tmp_path / "tree" / kind).iterdir()]
    (tmp_path / "tree" / "labels.csv").write_text("\n".join(["image,label", *lines]))
    check_dataset(f"table:{tmp_path / 'tree' / 'labels.csv'}")
