"""What one cell produced: the model of its record, which refuses what no run can have written."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from benchmarks.records.files import first_problem
from datasets import Level

SCHEMA = 2
Status = Literal["done", "failed"]

MOST = 2**53
"""The largest whole number that a float holds."""
_ROUNDING = 1e-9
Count = Annotated[int, Field(ge=0, le=MOST)]
Number = Annotated[float, Field(ge=0, le=MOST, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=-_ROUNDING, le=1 + _ROUNDING, allow_inf_nan=False)]
Correlation = Annotated[float, Field(ge=-1 - _ROUNDING, le=1 + _ROUNDING, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]


def _countable(level: Level) -> Level:
    if level.value > MOST:
        raise ValueError(f"no run has a level of {level.value:g}")
    return level


Place = Annotated[Level, AfterValidator(_countable)]
"""A level that a run can have."""


class Data(BaseModel):
    """What a cell learnt from and was tested on; `counts` are training images per class."""

    content: str
    train_hash: str
    test_hash: str
    class_names: list[str]
    counts: list[Count]
    test_counts: list[Count]
    notes: list[str] = []

    @model_validator(mode="after")
    def _one_a_class(self) -> Self:
        if not 0 < len(self.class_names) == len(self.counts) == len(self.test_counts):
            raise ValueError("the classes have a different number of names and counts")
        return self


class Metrics(BaseModel):
    """All on the class-balanced test set; None where a metric is not defined."""

    accuracy: Share
    balanced_accuracy: Share
    macro_f1: Share
    g_mean: Share
    mcc: Correlation
    roc_auc: Share | None
    average_precision: Share | None
    ece: Share
    recall: list[Share | None]
    confusion: list[list[Count]]
    """confusion[i][j]: images of class i predicted as class j."""

    @model_validator(mode="after")
    def _one_a_class(self) -> Self:
        classes = len(self.recall)
        if len(self.confusion) != classes or any(len(row) != classes for row in self.confusion):
            raise ValueError("recall and confusion are of different numbers of classes")
        return self


class Cost(BaseModel):
    """What a cell took; `steps` counts gradient steps over all members and stages."""

    steps: Count
    batch_size: Count
    seconds: dict[str, Number]
    """By phase: load, fit, predict, total."""
    peak_memory_mb: Number

    @model_validator(mode="after")
    def _all_phases(self) -> Self:
        if missing := {"fit", "predict", "total"} - self.seconds.keys():
            raise ValueError(f"no seconds for {', '.join(sorted(missing))}")
        return self


class Failure(BaseModel):
    """Why a cell failed."""

    type: str
    message: str
    traceback: str


class _Budget(BaseModel):
    steps: Count


class _Backbone(BaseModel):
    name: str
    weights: str


class _Settings(BaseModel):
    budget: _Budget
    backbone: _Backbone


class _Network(BaseModel):
    head: str


class _Specification(BaseModel):
    """What a report needs of a cell, see `benchmarks.grid.cells.Cell`; the rest is as it may be."""

    dataset: Name
    data: dict[str, Any]
    level: Place
    seed: Annotated[int, Field(ge=-MOST, le=MOST)]
    method: Name
    label: Name
    family: str
    comparison: str
    parameters: dict[str, Any]
    network: _Network
    settings: _Settings


class _Tuning(BaseModel):
    trials: Count
    chosen: dict[str, Any]


def _as_specified(cell: Any) -> Any:
    try:
        _Specification.model_validate(cell)
    except ValidationError as error:
        raise ValueError(first_problem(error)) from error
    return cell


def _as_tuned(tuning: Any) -> Any:
    if tuning is not None:
        _Tuning.model_validate(tuning)
    return tuning


class Record(BaseModel):
    """What one cell produced.

    `cell` is the whole specification, see `benchmarks.grid.cells.Cell`: dataset, level, seed, method, family,
    parameters, settings. `scores_digest` is that of its scores; empty where they have none, or are older.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA
    id: Name
    cell: Annotated[dict[str, Any], BeforeValidator(_as_specified)]
    status: Status
    data: Data | None = None
    metrics: Metrics | None = None
    cost: Cost | None = None
    failure: Failure | None = None
    environment: dict[str, Any] = {}
    created: str
    tuning: Annotated[dict[str, Any] | None, BeforeValidator(_as_tuned)] = None
    scores_digest: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.status == "failed":
            return self
        if self.data is None or self.metrics is None or self.cost is None:
            raise ValueError("status done without data, metrics and cost")
        if len(self.data.class_names) != len(self.metrics.recall):
            raise ValueError("data and metrics are of different numbers of classes")
        return self
