"""What a command line asks for, checked and typed."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeInt, ValidationError

from datasets import UserError
from datasets.files import readable
from datasets.hints import short


def _path(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("an empty path; name a folder or a file")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a path with a NUL character; name another")
    if isinstance(value, str | Path) and str(value).startswith("~"):
        try:
            Path(value).expanduser()
        except RuntimeError as error:
            raise ValueError(f"{error}; name another") from error
    return value


Place = Annotated[Path, BeforeValidator(_path)]


class Request(BaseModel):
    """What to run, how, and where; () and None leave the choice to the preset or the machine.

    Attributes:
        command: the command line, as a shell would take it.
        all: every dataset of the preset that is available here.
        minority: comma-separated numbers of minority images.
        set: overrides such as `budget.steps=100`.
        tune: trials of tuning; every method is then run tuned as well.
        workers: processes; 0 is this one.
        scheduler: address of a running Dask scheduler, instead of local processes; the three files are for TLS.
        timeout: seconds that a cell may take.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    command: str = ""
    preset: str = "default"
    all: bool = False
    dataset: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    ratio: tuple[float, ...] = ()
    seed: tuple[int, ...] = ()
    protocol: tuple[str, ...] = ()
    minority: str = ""
    comparison: tuple[str, ...] = ()
    steps: tuple[int, ...] = ()
    backbone: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    tune: NonNegativeInt = 0
    plugin: tuple[Place, ...] = ()
    device: str = "auto"
    workers: NonNegativeInt | None = None
    scheduler: str | None = None
    tls_ca: Place | None = None
    tls_cert: Place | None = None
    tls_key: Place | None = None
    timeout: float | None = Field(default=None, gt=0, le=threading.TIMEOUT_MAX)
    results: Place
    cache: Place | None = None
    retry_failed: bool = False
    track: tuple[str, ...] = ()
    skip_bad_images: bool = False
    no_report: bool = False

    @classmethod
    def of(cls, options: argparse.Namespace, command: str = "", **fixed: Any) -> Request:
        """Check the options of a command line.

        Args:
            options: parsed; what has the value None stays at its default.
            command: the command line.
            fixed: values that stand above the options.

        Raises:
            UserError: a value is out of range; the message names its option.
        """
        given = {name: value for name, value in vars(options).items() if value is not None}
        try:
            return cls.model_validate(given | {"command": readable(command)} | fixed)
        except ValidationError as error:
            problems = [
                f"--{str(problem['loc'][0]).replace('_', '-')} {short(problem['input'])}: {problem['msg']}"
                for problem in error.errors()
            ]
            raise UserError("; ".join(problems)) from error

    def overrides(self) -> list[str]:
        """Return the axes named on the command line as settings, after those of `--set`."""
        lists = {
            "methods": self.method,
            "ratios": self.ratio,
            "seeds": self.seed,
            "protocols": self.protocol,
            "comparisons": self.comparison,
            "budget.steps": self.steps,
            "backbone.name": self.backbone,
        }
        texts = [f"{key}={list(values)!r}" for key, values in lists.items() if values]
        texts += ["skip_bad_images=true"] if self.skip_bad_images else []
        return [*self.set, *texts, *([f"minorities=[{self.minority}]"] if self.minority else [])]
