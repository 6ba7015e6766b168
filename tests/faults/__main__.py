"""`make faults`: kills, images, settings, tampered files and plug-ins by the hundred, and what came of them."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks import run
from benchmarks.commands.ending import EXIT_FAULT
from benchmarks.commands.terminal import say
from benchmarks.records.store import Store
from benchmarks.report.__main__ import main as report
from tests.conftest import PRESET
from tests.datasets.odd_images import SIDE, corpus
from tests.datasets.test_odd_images import read
from tests.faults import test_bad_input, test_strange_surroundings
from tests.faults.plugins import BODIES, source
from tests.faults.test_tampered_files import damaged_folder

METHODS = ["cross-entropy", "focal", "mixup", "smote", "crt"]


def main() -> int:
    """Try all, and print the five counts."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=60, help="how many runs are killed at random moments")
    options = parser.parse_args()
    total = Counter[str]()
    console = Console()
    say(console, "| tried | how many | lost | silently wrong | tracebacks |\n| --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "tiny.toml").write_text(PRESET)
        parts = {
            "kills at random moments": lambda: kills(root, options.kills),
            "images": lambda: images(root),
            "settings": lambda: wrong_settings(root),
            "tampered files": lambda: tampered(root),
            "plug-ins": lambda: plugins(root),
        }
        for title, tried in parts.items():
            found = tried()
            counts = " | ".join(str(found[name]) for name in ("tried", "lost", "wrong", "traceback"))
            say(console, f"| {title} | {counts} |")
            total += found
    return 1 if total["lost"] + total["wrong"] + total["traceback"] else 0


def arguments(root: Path, results: str, *more: str) -> list[str]:
    fixed = ["--preset", root / "tiny.toml", "--results", root / results, "--cache", root / "cache", "--device", "cpu"]
    return [*map(str, fixed), "--workers", "0", *more]


def quietly(command: list[str]) -> tuple[int, str]:
    """Run a command in this process; return its exit code and what it said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = run.main(command)
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException as error:  # what must not happen
            code = EXIT_FAULT
            said.write(f"Traceback: {error!r}")
    return code, said.getvalue()


def scores(results: Path) -> dict[str, bytes]:
    store = Store(results)
    return {one.id: store.read_scores(one.id)["logits"].tobytes() for one in store.records() if one.status == "done"}


def kills(root: Path, times: int) -> Counter[str]:
    """Kill a run at random moments until it is done, again and again; a finished cell must stay, with its bits."""
    named = [part for name in METHODS for part in ("--method", name)]
    grid = ["--dataset", "textures", "--ratio", "2", "--ratio", "5", *named, "--no-report"]
    start = time.monotonic()
    quietly(arguments(root, "alone", *grid))
    took, expected = time.monotonic() - start, scores(root / "alone")
    found, rng, kept = Counter(tried=times), random.Random(0), set[str]()
    for number in range(times):
        place = f"killed{number // 6}"
        child = os.fork()
        if not child:
            quietly(arguments(root, place, *grid))
            os._exit(0)
        time.sleep(rng.uniform(0, took / 2))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        there = scores(root / place)
        kept = kept if number % 6 else set()
        found["lost"] += len(kept - there.keys())
        found["wrong"] += sum(there[name] != expected[name] for name in there)
        kept = set(there)
    for place in {f"killed{number // 6}" for number in range(times)}:
        code, said = quietly(arguments(root, place, *grid))
        found["traceback"] += code != 0 or "Traceback" in said
        found["wrong"] += scores(root / place) != expected
    return found


def images(root: Path) -> Counter[str]:
    """Read each odd image: as what it shows, or refused."""
    found = Counter[str]()
    for odd in corpus():
        found["tried"] += 1
        path = root / odd.name
        path.write_bytes(odd.data)
        try:
            shown = read(path, SIDE if odd.pixels is None else odd.pixels.shape[1])
        except Exception:  # what must not happen
            found["traceback"] += 1
            continue
        if isinstance(shown, str):
            found["lost"] += odd.pixels is not None and not odd.or_refused
        else:
            found["wrong"] += odd.pixels is None or bool(np.abs(shown - odd.pixels).max() > odd.within)
    return found


def wrong_settings(root: Path) -> Counter[str]:
    """Ask for what cannot be meant: code 2 and one line."""
    found = Counter[str]()
    asked = [case[0] for test in (test_bad_input, test_strange_surroundings) for case in cases(test)]
    for more in asked:
        found["tried"] += 1
        data = [] if "--dataset" in more else ["--dataset", "textures"]
        code, said = quietly(arguments(root, "settings", *data, "--no-report", *more))
        found["traceback"] += code == EXIT_FAULT or "Traceback" in said
        found["wrong"] += code != 2
    return found


def cases(module: object) -> list[tuple[list[str], object]]:
    name = "test_a_wrong_name_or_value_is_answered_by_what_there_is"
    test = getattr(module, name, None) or module.test_is_refused_in_a_line  # type: ignore[attr-defined]
    return list(test.pytestmark[0].args[1])


def tampered(root: Path) -> Counter[str]:
    """Damage result files in every way: each is named, and the report is made of the others."""
    folder, damaged = damaged_folder(root / "tampered")
    found = Counter(tried=len(damaged))
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        code = report(["--results", str(folder), "--no-figures"])
    summary = (folder / "summary.md").read_text().replace("\\", "") if code == 0 else ""
    found["wrong"] = sum(f"left out: {path} cannot be used (" not in summary for path in damaged)
    found["traceback"] = int(code != 0) + said.getvalue().count("Traceback")
    return found


def plugins(root: Path) -> Counter[str]:
    """Run methods that misbehave beside one that does not, whose bits must stay."""
    (root / "odd.py").write_text(source(list(BODIES)))
    grid = ["--dataset", "textures", "--method", "focal", "--no-report"]
    quietly(arguments(root, "focal", *grid))
    expected, found = scores(root / "focal"), Counter[str]()
    here = os.getcwd()
    for name in BODIES:
        found["tried"] += 1
        odd = ["--plugin", str(root / "odd.py"), "--timeout", "5", "--method", f"odd-{name}"]
        code, said = quietly(arguments(root, f"odd-{name}", *odd, *grid))
        os.chdir(here)
        records = {one.cell["method"]: one for one in Store(root / f"odd-{name}").records()}
        found["lost"] += len(records) != 2
        found["traceback"] += code not in (0, 1) or "Traceback (most" in said
        kept = scores(root / f"odd-{name}")
        found["wrong"] += any(kept.get(cell) != bits for cell, bits in expected.items())
    return found


if __name__ == "__main__":
    sys.exit(main())
