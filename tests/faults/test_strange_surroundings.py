"""Strange names, numbers, paths and surroundings end with code 2 and a sentence, or are harmless."""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.commands.ending import EXIT_FAULT, ending
from benchmarks.commands.terminal import Screen, plain, say
from benchmarks.grid.cells import DataSpec
from benchmarks.grid.presets import DatasetSettings
from benchmarks.records.store import Store
from benchmarks.running.prepare import _require_room
from datasets import UserError
from tests.faults.test_bad_input import refused, tree

LONG, DIGITS, DEEP = "x" * 300, "9" * 400, "[" * 50_000


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--dataset", "folder:/tmp/a\0b"], "NUL"),
        (["--dataset", "table:/tmp/a\0b"], "NUL"),
        (["--dataset", f"folder:/{LONG}"], "File name too long; name a shorter path"),
        (["--dataset", f"table:/{LONG}.csv"], "File name too long"),
        (["--dataset", "medmnist:../../etc/passwd"], "a set is named by letters"),
        (["--dataset", "folder:/caf\udce9"], "not UTF-8"),
        (["--dataset", "folder:~nobody-of-that-name/x"], "home"),
        (["--cache", "~nobody-of-that-name/x"], "home"),
        (["--cache", f"/{LONG}"], "too long"),
        (["--results", f"/{LONG}"], "too long"),
        (["--results", "a\0b"], "NUL"),
        (["--plugin", f"/{LONG}.py"], "not a Python file"),
        (["--preset", f"/{LONG}.toml"], "unknown preset"),
        (["--preset", "a\0.toml"], "unknown preset"),
        (["--set", "backbone.weights='a\0'"], "characters that a name cannot have"),
        (["--set", "backbone.name=caf\udce9"], "characters that a name cannot have"),
        (["--set", "backbone.strides=[]"], "at least 1 item"),
        (["--set", "dataset.textures.strides=[]"], "at least 1 item"),
        (["--set", "dataset.textures.size=3"], "greater than or equal to 4"),
        (["--set", "dataset.textures.size=100000000"], "less than or equal to 8192"),
        (["--set", f"methods={DEEP}"], "recursion"),
        (["--set", f"budget.steps={'9' * 5000}"], "4300 digits"),
        (["--set", f"seeds=[{DIGITS}]"], "less than or equal"),
        (["--seed", DIGITS], "less than or equal"),
        (["--ratio", "1e300"], "less than or equal"),
        (["--protocol", "few", "--minority", DIGITS], "less than or equal"),
        (["--timeout", "inf"], "--timeout inf"),
        (["--timeout", "1e30"], "--timeout"),
    ],
    ids=lambda value: " ".join(value)[:40].encode("unicode_escape").decode() if isinstance(value, list) else "",
)
def test_is_refused_in_a_line(bench: Any, arguments: list[str], named: str) -> None:
    message = refused(bench, *arguments)
    assert named in message
    assert len(message) < 2000


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"methods = {DEEP}", "recursion"),
        ("x = " + "{a=" * 20_000, "recursion"),
        ("#" * 2**21, "more than a megabyte"),
        ("seeds = [" + "1" * 5000 + "]", "4300 digits"),
    ],
    ids=["deep list", "deep table", "huge", "long number"],
)
def test_a_preset_that_is_deep_or_huge(bench: Any, text: str, named: str) -> None:
    bench.preset.write_text(text)
    message = refused(bench)
    assert named in message
    assert str(bench.preset) in message


def test_an_image_too_small_for_the_backbone_is_said_before_every_method_fails() -> None:
    import torch

    spec = DataSpec(name="own", size=4, settings=DatasetSettings())
    with pytest.raises(UserError, match=r'images of 4 pixels are too small for the backbone .*dataset."own".size=N'):
        _require_room(torch.nn.Conv2d(3, 1, 9), 3, spec)  # type: ignore[arg-type]


def test_names_that_are_not_utf_8_are_shown_escaped(bench: Any, tmp_path: Path) -> None:
    own = tree(tmp_path / "own", {"caf\udce9": 12, "good": 12})
    broken = os.fsencode(own / "good") + b"/caf\xe9.png"
    Path(os.fsdecode(broken)).write_bytes(b"no image")
    assert "good/caf\\xe9.png is not a readable image" in refused(bench, "--dataset", f"folder:{own}", "--ratio", "2")
    answer = bench("--dataset", f"folder:{own}", "--ratio", "2", "--method", "focal", "--skip-bad-images")
    assert answer.code == 0, answer.out + answer.err
    (record,) = Store(bench.results).records()
    assert record.data is not None
    assert record.data.class_names == ["caf\\xe9", "good"]
    assert any("good/caf\\xe9.png" in note for note in record.data.notes)


@pytest.mark.usefixtures("forget_plugins")
def test_an_error_of_strange_characters_is_kept_and_shown_harmless(bench: Any, tmp_path: Path) -> None:
    plugin = Path(os.fsdecode(os.fsencode(tmp_path) + b"/mine\xe9.py"))
    plugin.write_text(
        "from methods import NetworkMethod, register\n"
        "@register('mine', family='baseline', source='me')\n"
        "class Mine(NetworkMethod):\n"
        "    def fit(self, train, context):\n"
        "        raise ValueError('caf\\udce9 \\ud800 \\x1b[31mred\\x07 \\x00 [bold]')\n"
    )
    answer = bench("--plugin", str(plugin), "--method", "mine")
    assert answer.code == 1, answer.out + answer.err
    assert "ValueError: caf\\xe9 \\ud800 \\x1b[31mred\\x07 \\x00 [bold]" in answer.out
    assert "\x1b" not in answer.out + answer.err


def test_names_like_markup_and_escape_codes_are_shown_as_they_are(bench: Any, untimed: None) -> None:
    with tempfile.TemporaryDirectory() as short:  # of a long path the table leaves out a part
        own = tree(Path(short) / "[b]=1[/n] \x1b[31m", {"good": 12, "bad": 12})
        answer = bench("--dataset", f"folder:{own}", "--ratio", "2", "--plan")
    assert answer.code == 0, answer.err
    assert "[b]=1[/n] \\x1b[31m" in answer.out
    assert "\x1b" not in answer.out


def test_what_a_terminal_acts_on_is_escaped() -> None:
    assert plain("a\x1b[2Jb\x07\x9b\u202ec\udce9\ud800\t") == "a\\x1b[2Jb\\x07\\x9b\\u202ec\\xe9\\ud800\\t"
    assert plain("Mängel 欠陥\nβ") == "Mängel 欠陥\nβ"


# ------------------------------------------------------------------ what changed, how far


def test_what_changed_is_said_image_by_image(bench: Any, tmp_path: Path) -> None:
    own = tree(tmp_path / "own", {"bad": 12, "good": 12})
    arguments = ["--dataset", f"folder:{own}", "--ratio", "2", "--method", "focal"]
    assert bench(*arguments).code == 0
    (own / "bad" / "003.png").unlink()
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(own / "bad" / "new.png")
    Image.fromarray(np.full((16, 16), 9, np.uint8)).save(own / "good" / "004.png")
    answer = bench(*arguments)
    assert answer.code == 2
    assert "1 added (bad/new.png), 1 removed (bad/003.png), 1 changed (good/004.png); put them back" in answer.err


def test_an_image_of_another_class_is_said(bench: Any, tmp_path: Path) -> None:
    own = tree(tmp_path / "own", {"bad": 12, "good": 12})
    files = sorted(own.rglob("*.png"))
    table = tmp_path / "own" / "labels.csv"
    lines = [f"{file.relative_to(own)},{file.parent.name}" for file in files]
    table.write_text("\n".join(["image,label", *lines]))
    arguments = ["--dataset", f"table:{table}", "--ratio", "2", "--method", "focal"]
    assert bench(*arguments).code == 0
    table.write_text("\n".join(["image,label", lines[0].replace(",bad", ",good"), *lines[1:]]))
    answer = bench(*arguments)
    assert answer.code == 2
    assert "1 of another class (bad/000.png)" in answer.err


@pytest.mark.parametrize("workers", ["0", pytest.param("1", marks=pytest.mark.slow)])
def test_decoding_says_how_far_it_is(bench: Any, tmp_path: Path, monkeypatch: Any, workers: str) -> None:
    monkeypatch.setattr("datasets.progress.EVERY_S", 0.0 if workers == "0" else 1.0)
    monkeypatch.setattr("benchmarks.running.progress.LINE_EVERY_S", 0.0)
    own = tree(tmp_path / "own", {"bad": 12, "good": 12})
    answer = bench("--dataset", f"folder:{own}", "--ratio", "2", "--method", "focal", "--workers", workers)
    assert answer.code == 0, answer.err
    assert f"decoding folder:{own}: {24 if workers == '0' else 1} of 24" in answer.out


# ------------------------------------------------------------------ surroundings


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.EMFILE, "ulimit -n"), (errno.ELOOP, "circle"), (errno.EIO, "nothing finished is lost"), (None, "a file")],
)
def test_whatever_the_system_refuses_is_a_sentence(capsys: Any, number: int | None, said: str) -> None:
    def work() -> int:
        raise OSError(number, os.strerror(number), "a.png") if number else OSError("odd")

    assert ending(work, "") == 2
    assert said in capsys.readouterr().err


def test_a_fault_of_ours_is_owned_up_to_and_kept(capsys: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert ending(lambda: {}["x"], "") == EXIT_FAULT
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    (kept,) = tmp_path.iterdir()
    assert str(kept) in said
    assert "Traceback" in kept.read_text()


def test_out_of_memory_is_a_sentence(capsys: Any) -> None:
    assert ending(lambda: len(np.empty(2**60, np.uint8)), "") == 2
    assert "out of memory" in capsys.readouterr().err


def test_without_standard_output_a_run_goes_on(bench: Any, monkeypatch: Any) -> None:
    from benchmarks import run

    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    code = run.main(bench.arguments("--method", "focal"))
    for stream in (sys.stdout, sys.stderr):
        stream.close()
    assert code == 0
    assert len(list(Store(bench.results).records())) == 1


def test_when_nobody_reads_any_more_it_ends_quietly(monkeypatch: Any, capsys: Any, tmp_path: Path) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    def work() -> int:
        say(Screen(file=Closed()), "x")
        return 0

    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert ending(work, "") == 2
    assert capsys.readouterr().err == ""


def test_without_a_home_folder_it_asks_for_one(bench: Any, monkeypatch: Any, tmp_path: Path) -> None:
    def nowhere(cls: type[Path]) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", classmethod(nowhere))
    monkeypatch.delenv("IMBALANCE_DATA", raising=False)
    from benchmarks import run

    assert run.main(["--list"]) == 2
    assert "set HOME, or name folders with --cache" in bench.capsys.readouterr().err


def test_a_file_that_vanishes_while_the_folder_is_listed(bench: Any, monkeypatch: Any, tmp_path: Path) -> None:
    from datasets import listing

    own, true = tree(tmp_path / "own", {"bad": 12, "good": 12}), listing.fingerprint

    def late(root: Path, files: Any) -> str:
        (own / "bad" / "003.png").unlink(missing_ok=True)
        return true(root, files)

    monkeypatch.setattr(listing, "fingerprint", late)
    message = refused(bench, "--dataset", f"folder:{own}", "--ratio", "2")
    assert "1 of 24 listed images are missing" in message
    assert "003.png" in message


def test_a_file_that_vanishes_before_it_is_decoded(bench: Any, monkeypatch: Any, tmp_path: Path) -> None:
    from datasets import listing

    own, true = tree(tmp_path / "own", {"bad": 12, "good": 12}), listing.read_image

    def late(path: Path, *arguments: Any, **named: Any) -> np.ndarray:
        (own / "good" / "003.png").unlink(missing_ok=True)
        return true(path, *arguments, **named)

    monkeypatch.setattr(listing, "read_image", late)
    message = refused(bench, "--dataset", f"folder:{own}", "--ratio", "2")
    assert "good/003.png is not a readable image (no such file)" in message


def test_a_class_folder_that_vanishes_while_listed(bench: Any, monkeypatch: Any, tmp_path: Path) -> None:
    own = tree(tmp_path / "own", {"bad": 12, "good": 12})
    true = os.walk
    monkeypatch.setattr(os, "walk", lambda top, **named: true(tmp_path / "gone", **named))
    message = refused(bench, "--dataset", f"folder:{own}", "--ratio", "2")
    assert "no images" in message
