"""A method that fails is one failed record; the rest of the grid goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.records.store import Store

PLUGIN = """
from pathlib import Path

import torch

from methods import NetworkMethod, register

@register("raises", family="baseline", source="a test")
class Raises(NetworkMethod):
    def fit(self, train, context):
        raise KeyError("something of its own [red]")

@register("turns-nan", family="baseline", source="a test")
class TurnsNan(NetworkMethod):
    def criterion(self, counts, progress):
        return lambda logits, targets: logits.sum() * (float("nan") if progress > 0.5 else 1.0)

@register("predicts-nan", family="baseline", source="a test")
class PredictsNan(NetworkMethod):
    def adjust(self, logits, counts):
        return logits * float("inf")

@register("wrong-shape", family="baseline", source="a test")
class WrongShape(NetworkMethod):
    def adjust(self, logits, counts):
        return logits[:, :1]

@register("heals", family="baseline", source="a test")
class Heals(NetworkMethod):
    def fit(self, train, context):
        if not (Path(__file__).parent / "healed").exists():
            raise RuntimeError("not yet")
        super().fit(train, context)
"""

pytestmark = pytest.mark.usefixtures("forget_plugins")


@pytest.fixture
def plugin(tmp_path: Path) -> list[str]:
    path = tmp_path / "failing.py"
    path.write_text(PLUGIN)
    return ["--plugin", str(path)]


@pytest.mark.parametrize(
    ("method", "kind", "message"),
    [
        ("raises", "KeyError", "something of its own"),
        ("turns-nan", "DivergedError", "nan"),
        ("predicts-nan", "RuntimeError", "not finite"),
        ("wrong-shape", "RuntimeError", "shape"),
    ],
)
def test_a_failing_method_is_one_failed_record(bench, plugin, method, kind, message) -> None:
    answer = bench(*plugin, "--method", method, "--method", "focal")
    assert answer.code == 1
    records = {record.cell["method"]: record for record in Store(bench.results).records()}
    assert records["focal"].status == "done"
    failed = records[method]
    assert failed.status == "failed"
    assert failed.failure.type == kind
    assert message in failed.failure.message
    assert failed.failure.traceback.startswith("Traceback")
    assert failed.metrics is None
    assert not (bench.results / "scores" / f"{failed.id}.npz").exists()
    assert f"{kind}: {failed.failure.message}" in answer.out
    assert "Traceback" not in answer.out + answer.err


def test_a_failed_cell_runs_again_only_when_asked(bench, plugin, tmp_path) -> None:
    arguments = [*plugin, "--method", "heals", "--method", "focal"]
    assert bench(*arguments).code == 1
    (tmp_path / "healed").touch()
    assert "none to do" in bench(*arguments).out
    assert {record.status for record in Store(bench.results).records()} == {"done", "failed"}
    answer = bench(*arguments, "--retry-failed")
    assert answer.code == 0
    assert "2 cells, 1 to do" in answer.out
    assert [record.status for record in Store(bench.results).records()] == ["done", "done"]


def test_a_report_is_made_beside_failed_cells(bench, plugin) -> None:
    assert bench(*plugin, "--method", "raises", "--method", "focal", "--with-report").code == 1
    assert list((bench.results / "tables").iterdir())
