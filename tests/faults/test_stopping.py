"""Stopped at any point, the same command continues, and ends with the bits of a run that was left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.records.store import Store
from tests.conftest import default_signals

ROOT = Path(__file__).parents[2]
PLUGIN = '''
import os, signal, time
from pathlib import Path

from methods import NetworkMethod, register

def first_time(name):
    marker = Path(os.environ["MARKERS"]) / name
    new = not marker.exists()
    marker.touch()
    return new

@register("interrupted", family="baseline", source="a test")
class Interrupted(NetworkMethod):
    """Ctrl-C in the middle of its first training."""

    def fit(self, train, context):
        if first_time("interrupted"):
            signal.raise_signal(signal.SIGINT)
        super().fit(train, context)

@register("killed", family="baseline", source="a test")
class Killed(NetworkMethod):
    """kill -9 in the middle of its first training."""

    def fit(self, train, context):
        if first_time("killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        super().fit(train, context)

@register("deadly", family="baseline", source="a test")
class Deadly(NetworkMethod):
    """kill -9 in the middle of every training."""

    def fit(self, train, context):
        os.kill(os.getpid(), signal.SIGKILL)

@register("slow", family="baseline", source="a test")
class Slow(NetworkMethod):
    """Slow, until it is in a hurry."""

    def fit(self, train, context):
        time.sleep(0.0 if (Path(os.environ["MARKERS"]) / "in a hurry").exists() else 0.7)
        super().fit(train, context)
'''

pytestmark = [pytest.mark.usefixtures("forget_plugins"), pytest.mark.skipif(os.name != "posix", reason="POSIX signals")]


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "markers").mkdir()
    monkeypatch.setenv("MARKERS", str(tmp_path / "markers"))
    path = tmp_path / "ends.py"
    path.write_text(PLUGIN)
    return ["--plugin", str(path)]


def undisturbed(bench: Any, *arguments: str) -> Path:
    """Run the same again elsewhere, now that nothing interrupts it."""
    bench.results = bench.root / "undisturbed"
    assert bench(*arguments).code == 0
    return bench.results


def left_alone(group: int) -> bool:
    """Whether every process of a group has ended, within ten seconds."""
    for _ in range(100):
        if not any(_alive(process, group) for process in psutil.process_iter()):
            return True
        time.sleep(0.1)
    return False


def _alive(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.Error):
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_tests_start_processes_that_heed_signals(number) -> None:
    """Also where the shell that started the tests ignores them, as one does for what runs in the background."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with default_signals():
            child = subprocess.Popen(["sleep", "60"])
            child.send_signal(number)
            assert child.wait(timeout=30) == -number
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_ctrl_c_keeps_what_is_finished(bench, plugin) -> None:

    arguments = [*plugin, "--method", "focal", "--method", "interrupted", "--method", "mixup"]
    first = bench(*arguments)
    assert first.code == 130
    assert "the same command continues" in first.out
    assert "stopping: 1 cell in hand; once more to leave them" in first.out
    done = {record.cell["method"] for record in Store(bench.results).records()}
    assert "interrupted" not in done
    second = bench(*arguments)
    assert second.code == 0
    assert f"{3 - len(done)} to do" in second.out
    assert bench.same_bits(bench.results, undisturbed(bench, *arguments))


@pytest.mark.slow
def test_kill_9_keeps_what_is_finished(bench, plugin) -> None:

    arguments = [*plugin, "--method", "cross-entropy", "--method", "killed", "--method", "mixup"]
    process = subprocess.run(bench.command(*arguments), cwd=ROOT, capture_output=True, timeout=600, check=False)
    assert process.returncode == -signal.SIGKILL
    assert [record.status for record in Store(bench.results).records()] == ["done"]
    assert bench(*arguments).code == 0
    assert bench.same_bits(bench.results, undisturbed(bench, *arguments))


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_ends_the_workers_without_a_traceback(bench, plugin) -> None:
    """A terminal sends the signal to the whole group: command, workers and their helpers."""

    seeds = [part for seed in range(12) for part in ("--seed", str(seed))]
    arguments = [*plugin, "--method", "slow", *seeds]
    process = subprocess.Popen(
        bench.command(*arguments, "--workers", "1"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 500
    while len(list(bench.results.glob("cells/*.json"))) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 130, out + err
    assert "the same command continues" in out
    assert err == ""
    assert left_alone(process.pid)
    done = list(Store(bench.results).records())
    assert 2 <= len(done) < 12
    assert {record.status for record in done} == {"done"}
    (bench.root / "markers" / "in a hurry").touch()
    assert bench(*arguments).code == 0
    assert bench.same_bits(bench.results, undisturbed(bench, *arguments))


@pytest.mark.slow
def test_a_killed_worker_is_survived_and_a_deadly_cell_is_one_failure(bench, plugin) -> None:
    names = ("cross-entropy", "killed", "deadly", "focal")
    arguments = [*plugin, *(part for name in names for part in ("--method", name))]
    answer = bench(*arguments, "--workers", "1")
    assert answer.code == 1, answer.out + answer.err
    records = {record.cell["method"]: record for record in Store(bench.results).records()}
    assert {name: records[name].status for name in names} == dict.fromkeys(names, "done") | {"deadly": "failed"}
    assert "memory" in records["deadly"].failure.message
    expected = undisturbed(bench, *plugin, "--method", "cross-entropy", "--method", "killed", "--method", "focal")
    assert bench.same_bits(bench.root / "results", expected)
