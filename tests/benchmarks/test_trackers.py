"""--track: one run per recorded cell, and nothing changes in the results."""

from __future__ import annotations

import importlib.util

import pytest

from benchmarks.records.store import Store


def test_tensorboard_holds_one_run_per_cell(bench) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert bench("--track", "tensorboard").code == 0
    records = {record.id: record for record in Store(bench.results).records()}
    folders = {path.name: path for path in (bench.results / "tensorboard").iterdir()}
    assert folders.keys() == records.keys()
    for name, folder in folders.items():
        events = EventAccumulator(str(folder)).Reload()
        (point,) = events.Scalars("balanced_accuracy")
        assert point.value == pytest.approx(records[name].metrics.balanced_accuracy)
        assert "_hparams_/session_start_info" in events.summary_metadata


def test_mlflow_holds_one_run_per_cell_and_marks_the_failed(bench, monkeypatch) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow.tracking import MlflowClient

    assert (
        bench("--track", "mlflow", "--method", "focal", "--method", "under-bagging", "--set", "budget.steps=3").code
        == 1
    )
    client = MlflowClient((bench.results / "mlruns").absolute().as_uri())
    experiment = client.get_experiment_by_name("class imbalance")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    records = {record.id: record for record in Store(bench.results).records()}
    assert runs.keys() == records.keys()
    for name, run in runs.items():
        record = records[name]
        assert run.info.status == ("FINISHED" if record.status == "done" else "FAILED")
        assert run.data.params["method"] == record.cell["method"]
        if record.metrics is not None:
            assert run.data.metrics["accuracy"] == pytest.approx(record.metrics.accuracy)
        else:
            assert "Traceback" in run.data.tags["mlflow.note.content"]


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_a_tracker_that_is_not_installed_names_the_extra(bench, monkeypatch, name) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *more: None if n == name else found(n, *more))
    answer = bench("--track", name)
    assert answer.code == 2
    assert ".[trackers]" in answer.err
    assert not bench.results.exists()


def test_an_unknown_tracker_is_answered_by_the_nearest(bench) -> None:
    answer = bench("--track", "tensorbord")
    assert answer.code == 2
    assert "did you mean 'tensorboard'" in answer.err


def test_a_tracker_that_fails_loses_no_result(bench, monkeypatch) -> None:
    pytest.importorskip("tensorboard")

    def refuse(*_: object) -> None:
        raise ConnectionError("nobody there")

    monkeypatch.setattr("benchmarks.running.trackers.TensorBoard.write", refuse)
    answer = bench("--track", "tensorboard")
    assert answer.code == 2
    assert "nobody there" in answer.err
    assert len(list(Store(bench.results).records())) == 1
    assert bench().code == 0
