"""A cache keeps its limit: what was used longest ago goes first, and never what a running process holds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cache as command
from datasets import UserError, build_array, create, eviction, load


@pytest.fixture(autouse=True)
def _hold_nothing() -> Iterator[None]:
    eviction.release()
    yield
    eviction.release()


def array(cache: Path, name: str, number: int = 1000) -> Path:
    path = cache / "maps" / f"{name}.npy"
    build_array(path, (number,), np.uint8, lambda a: a.fill(7))
    return path


def aged(path: Path, seconds: float) -> Path:
    for each in (path, path.with_suffix(".digest")):
        os.utime(each, (seconds, seconds))
    return path


def test_the_longest_unused_go_first_and_only_as_many_as_needed(tmp_path) -> None:
    old, older, oldest = (aged(array(tmp_path, name), used) for name, used in (("a", 300), ("b", 200), ("c", 100)))
    eviction.release()
    size = eviction.entries(tmp_path)[0].size
    eviction.set_limit(tmp_path, 2 * size + 10)
    assert [entry.path for entry in eviction.make_room(tmp_path)] == [oldest]
    assert old.exists()
    assert older.exists()
    assert not oldest.with_suffix(".digest").exists()


def test_opening_an_entry_makes_it_the_last_to_go(tmp_path) -> None:
    first, second = (aged(array(tmp_path, name), used) for name, used in (("a", 100), ("b", 200)))
    before = first.stat().st_mtime_ns
    array(tmp_path, "a")
    assert first.stat().st_mtime_ns == before
    assert [entry.path for entry in eviction.entries(tmp_path)] == [second, first]


def test_writing_makes_room(tmp_path) -> None:
    first = aged(array(tmp_path, "a"), 100)
    eviction.release()
    eviction.set_limit(tmp_path, 1500)
    second = array(tmp_path, "b")
    assert not first.exists()
    assert second.exists()


def test_decoding_makes_room(tmp_path) -> None:
    first = aged(array(tmp_path, "a", 200_000), 100)
    eviction.release()
    eviction.set_limit(tmp_path, 210_000)
    load(create("textures", number=(8, 8)), 32, tmp_path)
    assert not first.exists()


@pytest.mark.skipif(os.name != "posix", reason="needs locks on files")
def test_what_another_process_holds_stays_until_it_ends(tmp_path) -> None:
    path = array(tmp_path, "a")
    eviction.release()
    code = (
        "import sys; from pathlib import Path; from datasets import eviction; eviction.hold(Path(sys.argv[1]))\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        (entry,) = eviction.entries(tmp_path)
        assert entry.held
        eviction.set_limit(tmp_path, 0)
        assert eviction.make_room(tmp_path) == []
        assert command.main(["--cache", str(tmp_path), "--clear"]) == 0
        assert path.exists()
        other.communicate("")
    assert not entry.held
    assert eviction.make_room(tmp_path) == [entry]
    assert not path.exists()


def test_this_process_holds_what_it_has_opened(tmp_path) -> None:
    path = array(tmp_path, "a")
    assert eviction.is_held(path)
    eviction.release()
    assert not eviction.is_held(path)


def test_this_process_holds_a_dataset_that_it_has_loaded(tmp_path) -> None:
    for _ in ("decoded", "found"):
        load(create("textures", number=(2, 2)), 16, tmp_path)
        (path,) = tmp_path.rglob("textures*.npy")
        assert eviction.is_held(path)
        eviction.release()


def test_the_command_shows_clears_and_limits(tmp_path, capsys) -> None:
    one, other = array(tmp_path, "one"), array(tmp_path, "other")
    eviction.release()
    assert command.main(["--cache", str(tmp_path)]) == 0
    assert "one" in (said := capsys.readouterr().out)
    assert "of at most 50 GB" in said
    command.main(["--cache", str(tmp_path), "--clear", "ot*"])
    assert one.exists()
    assert not other.exists()
    command.main(["--cache", str(tmp_path), "--limit", "0"])
    assert not one.exists()
    assert "removed: 1" in capsys.readouterr().out
    assert command.main(["--cache", str(tmp_path), "--limit", "much"]) == 2


@pytest.mark.parametrize(("text", "size"), [("20GB", 20 * 10**9), ("1.5 mb", 1_500_000), ("7", 7), ("2T", 2 * 10**12)])
def test_sizes_are_written_as_people_write_them(text, size) -> None:
    assert eviction.parse_size(text) == size


def test_a_size_that_is_none() -> None:
    with pytest.raises(UserError, match="20GB"):
        eviction.parse_size("lots")
