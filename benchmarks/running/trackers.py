"""Optional trackers: every cell that is recorded also becomes one run of TensorBoard or MLflow.

Look at them with `tensorboard --logdir <results>/tensorboard`, where each cell has a folder of its own, and with
`mlflow ui --backend-store-uri <results>/mlruns`; $MLFLOW_TRACKING_URI names another place for the latter.
"""

from __future__ import annotations

import importlib.util
import os
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

from benchmarks.records.store import Record
from datasets import UserError
from datasets.hints import did_you_mean

EXPERIMENT = "class imbalance"


class Tracker(AbstractContextManager["Tracker"], ABC):
    """Hears of every record that is stored."""

    package: ClassVar[str]
    """What has to be installed."""

    def __init__(self, results: Path) -> None:
        self.results = results

    @abstractmethod
    def write(self, record: Record) -> None:
        """Make one run of a record."""

    def track(self, record: Record) -> None:
        """Make one run of a record.

        Raises:
            UserError: the tracker cannot; the record itself is stored already.
        """
        try:
            self.write(record)
        except Exception as error:  # every tracker and server has errors of its own
            raise UserError(
                f"tracker {type(self).__name__} failed ({type(error).__name__}: {error}); fix that or leave out "
                "--track, and run the same command again; nothing finished is lost"
            ) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open between two records."""


class TensorBoard(Tracker):
    """One folder of event files for each cell: its settings as hyper-parameters, its metrics as scalars."""

    package = "tensorboard"

    def write(self, record: Record) -> None:
        """Write one cell's event files."""
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(self.results / "tensorboard" / record.id)) as writer:
            writer.add_hparams(settings(record), numbers(record), run_name=".")
            if record.failure is not None:
                writer.add_text("failure", record.failure.traceback)


class Mlflow(Tracker):
    """One MLflow run for each cell, in a file store unless $MLFLOW_TRACKING_URI names a place."""

    package = "mlflow"

    def __init__(self, results: Path) -> None:
        super().__init__(results)
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # newer releases ask for a word on it
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow.tracking import MlflowClient

        uri = os.environ.get("MLFLOW_TRACKING_URI") or (results / "mlruns").absolute().as_uri()
        self._client = MlflowClient(uri)
        self._experiment: str | None = None

    def write(self, record: Record) -> None:
        """Log one cell as a run that is finished, or failed."""
        from mlflow.entities import Metric, Param

        tags = {"cell": record.id, "mlflow.note.content": record.failure.traceback if record.failure else ""}
        run = self._client.create_run(self.experiment(), run_name=record.id, tags=tags).info.run_id
        self._client.log_batch(
            run,
            metrics=[Metric(name, value, 0, 0) for name, value in numbers(record).items()],
            params=[Param(name, str(value)) for name, value in settings(record).items()],
        )
        self._client.set_terminated(run, "FINISHED" if record.status == "done" else "FAILED")

    def experiment(self) -> str:
        """Return the id of the suite's experiment, made on first use."""
        if self._experiment is None:
            known = self._client.get_experiment_by_name(EXPERIMENT)
            self._experiment = known.experiment_id if known else self._client.create_experiment(EXPERIMENT)
        return self._experiment


TRACKERS: dict[str, type[Tracker]] = {"tensorboard": TensorBoard, "mlflow": Mlflow}


def require(name: str) -> None:
    """See that a tracker exists and is installed.

    Raises:
        UserError: it is not.
    """
    if name not in TRACKERS:
        hint = did_you_mean(name, TRACKERS)
        raise UserError(f"unknown tracker {name!r}{hint} Known: {', '.join(TRACKERS)}")
    package = TRACKERS[name].package
    if importlib.util.find_spec(package) is None:
        raise UserError(
            f"--track {name} needs {package}, which is not installed; install it with: pip install '.[trackers]'"
        )


def create(name: str, results: Path) -> Tracker:
    """Make a tracker for a results folder."""
    return TRACKERS[name](results)


def settings(record: Record) -> dict[str, bool | int | float | str]:
    """Return a cell's specification as flat names and plain values."""
    cell = record.cell
    names = ("dataset", "seed", "method", "label", "family", "comparison", "tune")
    nested = {f"method.{name}": value for name, value in cell["parameters"].items()}
    nested |= {f"tuned.{name}": value for name, value in ((record.tuning or {}).get("chosen") or {}).items()}
    for part in ("budget", "optimizer", "backbone"):
        nested |= {f"{part}.{name}": value for name, value in cell["settings"][part].items()}
    values = {name: cell[name] for name in names} | cell["level"] | nested
    plain = (bool, int, float, str)
    return {k: v if isinstance(v, plain) else str(v) for k, v in values.items() if v is not None}


def numbers(record: Record) -> dict[str, float]:
    """Return a cell's metrics and cost; nothing but the status where it failed."""
    found: dict[str, Any] = {"failed": float(record.status == "failed")}
    if record.metrics is not None:
        metrics = record.metrics.model_dump(exclude={"recall", "confusion"})
        recall = {f"recall.{label}": value for label, value in enumerate(record.metrics.recall)}
        found |= metrics | recall
    if record.cost is not None:
        found |= {"steps": float(record.cost.steps), "seconds": record.cost.seconds["total"]}
    return {name: float(value) for name, value in found.items() if value is not None}
