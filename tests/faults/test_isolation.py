"""What one method does to its process does not reach another cell, and nothing that it raises ends the run."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.commands.request import Request
from benchmarks.records.store import Store
from benchmarks.running.connection import CONNECT_S, open_client
from tests.conftest import default_signals

ROOT = Path(__file__).parents[2]
PLUGIN = '''
import asyncio, sys, time
import torch
from methods import NetworkMethod, register

@register("careless", family="baseline", source="a test")
class Careless(NetworkMethod):
    """Leaves all of torch's global switches changed."""

    def fit(self, train, context):
        super().fit(train, context)
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        torch.set_flush_denormal(True)
        torch.set_float32_matmul_precision("medium")
        torch._C._set_mkldnn_enabled(False)
        torch.set_num_threads(2)

class Panic(BaseException):
    """As a native library raises it."""

def ending(name, raised):
    @register(name, family="baseline", source="a test")
    class Ends(NetworkMethod):
        def fit(self, train, context):
            raise raised

ending("exits", SystemExit(0))
ending("cancelled", asyncio.CancelledError())
ending("panics", Panic("index out of range"))

@register("endless", family="baseline", source="a test")
class Endless(NetworkMethod):
    def fit(self, train, context):
        while True:
            time.sleep(0.01)
'''

pytestmark = pytest.mark.usefixtures("forget_plugins")


@pytest.fixture
def plugin(tmp_path: Path) -> list[str]:
    path = tmp_path / "careless.py"
    path.write_text(PLUGIN)
    return ["--plugin", str(path)]


def named(*names: str) -> list[str]:
    return [part for name in names for part in ("--method", name)]


def test_switches_that_a_method_leaves_changed_reach_no_other_cell(bench, plugin) -> None:
    import torch

    before = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_float32_matmul_precision()
    assert bench(*plugin, *named("careless", "focal", "smote")).code == 0
    after = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_float32_matmul_precision()
    assert before == after
    assert torch._C._get_mkldnn_enabled()
    found = {record.cell["method"]: record for record in Store(bench.results).records()}
    careless = {name: Store(bench.results).read_scores(found[name].id)["logits"] for name in ("focal", "smote")}
    bench.results = bench.root / "alone"
    assert bench(*named("focal", "smote")).code == 0
    for name, logits in careless.items():
        assert logits.tobytes() == Store(bench.results).read_scores(found[name].id)["logits"].tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "1"], ids=["this process", "another"])
def test_whatever_a_method_raises_or_does_too_long_is_a_failed_record(bench, plugin, workers) -> None:
    names = named("exits", "cancelled", "panics", "endless", "focal")
    answer = bench(*plugin, *names, "--workers", workers, "--timeout", "4")
    assert answer.code == 1, answer.out + answer.err
    records = {record.cell["method"]: record for record in Store(bench.results).records()}
    assert {name: record.failure and record.failure.type for name, record in records.items()} == {
        "exits": "SystemExit",
        "cancelled": "CancelledError",
        "panics": "Panic",
        "endless": "OutOfTime",
        "focal": None,
    }
    assert records["endless"].failure.message == "longer than --timeout 4 s"
    assert records["focal"].status == "done"


@pytest.mark.slow
def test_sigterm_says_how_to_go_on_and_leaves_no_traceback(bench, plugin) -> None:
    command = bench.command(*plugin, *named("focal", "endless"), "--workers", "1")
    with default_signals():
        run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 100
    while not list(bench.results.glob("cells/*.json")) and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGTERM)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 143, out + err
    assert "the same command continues" in out
    assert err == ""


@pytest.mark.slow
def test_the_local_cluster_takes_work_from_nobody_else() -> None:
    from distributed import Client

    with open_client(1, Request(results=Path("unused"))) as client:
        assert client.scheduler.address.startswith("tls://")
        assert client.submit(sum, [1, 2]).result() == 3
        plain = client.scheduler.address.replace("tls://", "tcp://")
        with pytest.raises((OSError, TimeoutError)):
            Client(plain, timeout=CONNECT_S / 10)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scheduler", "tls://127.0.0.1:9"], "--tls-ca FILE"),
        (["--scheduler", "tcp://127.0.0.1:9", "--tls-ca", "x.pem"], "has a tls:// address"),
        (["--timeout", "-1"], "--timeout"),
        (["--set", "dataset.texture.size=24"], "no dataset of this run is named 'texture'; did you mean 'textures'?"),
        (["--set", "dataset.textures[1].size=24"], "no dataset of this run is named 'textures[1]'"),
        (["--set", 'dataset."texture[s]".size=24'], "no dataset of this run is named 'texture[s]'"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(bench: Any, arguments: list[str], said: str) -> None:
    answer = bench(*arguments)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1
