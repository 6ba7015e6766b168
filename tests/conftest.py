"""What tests of the real command share: a tiny preset, one cache, and plug-ins that are gone after the test."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a test process a core; their children inherit it

PRESET = """
datasets = ["textures"]
methods = ["cross-entropy", "focal"]
ratios = [5]
seeds = [0]

[budget]
steps = 6
batch_size = 8

[backbone]
name = "small-cnn"
weights = "none"
frozen = false
strides = [16]

[scratch]
name = "small-cnn"
weights = "none"
frozen = false
strides = [16]

[dataset."*"]
size = 32
test_cap = 10

[dataset.textures]
size = 32
test_cap = 10
majority = 20
parameters = { number = [60, 60] }
"""


QUICK_S = 2.0
"""Seconds of processor time, its children's included, that a test may take which is not marked slow."""


def _processor_seconds() -> float:
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    before = _processor_seconds()
    try:
        return (yield)
    finally:
        item.user_properties.append(("processor", round(_processor_seconds() - before, 2)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that want the mark: by processor time, so that a busy machine is no reason."""
    passed = terminalreporter.stats.get("passed", [])
    took = {
        report.nodeid: dict(report.user_properties)["processor"] for report in passed if "slow" not in report.keywords
    }
    long = sorted(((seconds, name) for name, seconds in took.items() if seconds > QUICK_S), reverse=True)
    if long:
        terminalreporter.section(f"more than {QUICK_S:g} s of processor time, and not marked slow")
    for seconds, name in long:
        terminalreporter.write_line(f"{seconds:6.1f} s  {name}")


@contextmanager
def default_signals() -> Iterator[None]:
    """Give this process and its children a terminal's dispositions: the shell that started it may ignore some."""
    defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    defaults |= {getattr(signal, name): signal.SIG_DFL for name in ("SIGHUP", "SIGQUIT") if hasattr(signal, name)}
    before = {number: signal.getsignal(number) for number in defaults}
    ignored = [number for number, handler in before.items() if handler is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, defaults[number])
    yield
    for number in ignored:
        signal.signal(number, before[number])


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the width of somebody's terminal: it would cut the tables that are read here."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session", autouse=True)
def _default_signals() -> Iterator[None]:
    with default_signals():
        yield


@dataclass
class Answer:
    """What a call of the command came to; `err` is standard error."""

    code: int
    out: str
    err: str


@dataclass
class Bench:
    """The command line, with a tiny preset, in this process and without a report unless asked for."""

    root: Path
    cache: Path
    capsys: pytest.CaptureFixture[str]
    preset: Path = field(init=False)
    results: Path = field(init=False)

    def __post_init__(self) -> None:
        self.results = self.root / "results"
        self.preset = self.root / "tiny.toml"
        self.preset.write_text(PRESET)

    def arguments(self, *more: str) -> list[str]:
        names = {"--preset": self.preset, "--results": self.results, "--cache": self.cache, "--device": "cpu"}
        fixed = [part for name, value in names.items() if name not in more for part in (name, str(value))]
        data = [] if {"--dataset", "--all"} & set(more) else ["--dataset", "textures"]
        workers = [] if {"--workers", "--scheduler"} & set(more) else ["--workers", "0"]
        report = [] if "--with-report" in more else ["--no-report"]
        return [*fixed, *data, *workers, *report, *(part for part in more if part != "--with-report")]

    def __call__(self, *more: str) -> Answer:
        from benchmarks import run

        self.capsys.readouterr()
        code = run.main(self.arguments(*more))
        said = self.capsys.readouterr()
        return Answer(code, said.out, said.err)

    def command(self, *more: str) -> list[str]:
        """The same as another process's command."""
        return [sys.executable, "-m", "benchmarks.run", *self.arguments(*more)]

    def same_bits(self, one: Path, other: Path) -> bool:
        """Whether two results folders hold the same cells with the same scores, bit for bit."""
        a, b = _scores(one), _scores(other)
        return bool(a) and a == b


def _scores(results: Path) -> dict[tuple[str, str], bytes]:
    found = {}
    for path in (results / "scores").glob("*.npz"):
        with np.load(path, allow_pickle=False) as arrays:
            found |= {(path.stem, name): arrays[name].tobytes() for name in arrays.files}
    return found


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def bench(tmp_path: Path, shared_cache: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(tmp_path, shared_cache, capsys)


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan's promise without timed steps: seconds of a core, where the promise is not what is tested."""
    monkeypatch.setattr("benchmarks.running.outlook.promise", lambda *_: (1.0, "not timed in this test"))


@pytest.fixture
def forget_plugins() -> Iterator[None]:
    """Take back what plug-ins register while a test runs."""
    from benchmarks.commands import plugins

    before = plugins.registered()
    yield
    plugins.forget_since(before)
    for name in [name for name in sys.modules if name.startswith(plugins.MODULES)]:
        del sys.modules[name]
