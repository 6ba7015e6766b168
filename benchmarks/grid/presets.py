"""Presets: named, complete sets of settings, read from TOML and checked; any value can be overridden by its key."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat, PositiveInt, ValidationError, model_validator

import datasets
from datasets import Protocol, UserError
from datasets.files import is_file
from datasets.hints import did_you_mean, nearest, short
from methods.training.settings import (
    MOST,
    Augmentation,
    BackboneSettings,
    Budget,
    HeadName,
    NetworkSettings,
    Optimizer,
    Settings,
)

PRESETS = Path(__file__).parents[1] / "presets"
SMALLEST, LARGEST = 4, 8192
"""Sides of images in pixels."""
MOST_BYTES = 2**20

Comparison = Literal["as-in-paper", "equal-footing"]


class DatasetSettings(Settings):
    """How one dataset is used; None leaves the dataset's own default.

    `majority` is the number of training images of each majority class, the same at every ratio; by default all that
    there are. `folds` seeds in a row test every image of the smallest class once, where there is no official split;
    `test_fraction` then has no say. `strides` are the depths of the backbone whose maps are read. `parameters` go to
    the dataset's constructor.
    """

    size: int | None = Field(default=None, ge=SMALLEST, le=LARGEST)
    majority: int | None = Field(default=None, gt=0, le=MOST)
    test_fraction: float = Field(default=0.4, gt=0, lt=1)
    test_cap: int = Field(default=200, gt=0, le=MOST)
    folds: int | None = Field(default=None, ge=2, le=MOST)
    strides: tuple[PositiveInt, ...] | None = Field(default=None, min_length=1)
    parameters: dict[str, Any] = {}


class HeadSettings(Settings):
    """What one head has of its own in the recipe; None leaves what `optimizer` and `network` say.

    A head with layers learns at another rate than a linear classifier does, whichever method stands on it.
    """

    learning_rate: PositiveFloat | None = None
    weight_decay: NonNegativeFloat | None = None
    width: PositiveInt | None = None
    dropout: float | None = Field(default=None, ge=0, lt=1)
    channel_dropout: float | None = Field(default=None, ge=0, lt=1)


class Preset(Settings):
    """Everything that decides what a run computes.

    A list in `budget.steps` or `backbone.name` is an axis of the grid, as `ratios` is: it is kept in `steps` or
    `backbones`, and the first value in its place.
    """

    description: str = ""
    datasets: tuple[str, ...] = ("elpv", "textures")
    methods: tuple[str, ...] = ("*",)
    protocols: tuple[Protocol, ...] = ("step",)
    ratios: tuple[Annotated[float, Field(gt=0, le=MOST)], ...] = (1, 5, 10, 20, 40, 80)
    minorities: tuple[Annotated[int, Field(ge=0, le=MOST)], ...] = (0, 1, 3, 5, 10, 20, 50)
    seeds: tuple[Annotated[int, Field(ge=-MOST, le=MOST)], ...] = (0, 1, 2)
    comparisons: tuple[Comparison, ...] = ("as-in-paper",)
    budget: Budget = Budget()
    optimizer: Optimizer = Optimizer()
    augmentation: Augmentation = Augmentation()
    network: NetworkSettings = NetworkSettings()
    backbone: BackboneSettings = BackboneSettings()
    scratch: BackboneSettings = BackboneSettings(name="small-cnn", weights="none", frozen=False)
    skip_bad_images: bool = False
    head: dict[HeadName, HeadSettings] = {}
    dataset: dict[str, DatasetSettings] = {}
    method: dict[str, dict[str, Any]] = {}
    steps: tuple[Annotated[int, Field(gt=0, le=MOST)], ...] = ()
    backbones: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _axes(cls, values: Any) -> Any:
        for part, key, axis in (("budget", "steps", "steps"), ("backbone", "name", "backbones")):
            own = values.get(part) if isinstance(values, dict) else None
            if isinstance(own, dict) and isinstance(own.get(key), list) and own[key]:
                values = {**values, axis: own[key], part: {**own, key: own[key][0]}}
        return values

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """The budgets of the grid."""
        return tuple(self.budget.model_copy(update={"steps": steps}) for steps in self.steps or (self.budget.steps,))

    def backbones_for(self, settings: DatasetSettings) -> tuple[BackboneSettings, ...]:
        """Return the backbones of the grid as a dataset reads them."""
        first = self.backbone_for(settings)
        return tuple(first.model_copy(update={"name": name}) for name in self.backbones or (first.name,))

    def dataset_settings(self, name: str) -> DatasetSettings:
        """Return the settings of a dataset: those of the last pattern in `dataset` that its name matches.

        A path in a pattern may be spelt in any way.
        """
        found = DatasetSettings()
        for pattern, settings in self.dataset.items():
            if matches(name, pattern):
                found = settings
        if self.skip_bad_images and issubclass(datasets.get(name), datasets.FileDataset):
            found = found.model_copy(update={"parameters": found.parameters | {"skip_bad_images": True}})
        return found

    def backbone_for(self, settings: DatasetSettings) -> BackboneSettings:
        """Return the backbone as a dataset reads it."""
        own = {} if settings.strides is None else {"strides": settings.strides}
        return self.backbone.model_copy(update=own)

    def network_for(self, head: HeadName) -> NetworkSettings:
        """Return the network with a head, as its recipe has it."""
        return self.network.model_copy(update={"head": head} | self._own(head, NetworkSettings))

    def optimizer_for(self, head: HeadName) -> Optimizer:
        """Return the optimiser as a head's recipe has it."""
        return self.optimizer.model_copy(update=self._own(head, Optimizer))

    def _own(self, head: HeadName, part: type[Settings]) -> dict[str, Any]:
        own = self.head.get(head, HeadSettings()).model_dump(exclude_none=True)
        return {name: value for name, value in own.items() if name in part.model_fields}


TABLES: dict[str, type[Settings]] = {"dataset": DatasetSettings, "head": HeadSettings}
"""What a preset has a table of for each dataset, and for each head."""


def matches(name: str, pattern: str) -> bool:
    """Say whether a dataset has a name, in any spelling of a path, or is meant by a pattern of `*` and `?`."""
    return name in (pattern, datasets.canonical(pattern)) or fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def check_matches(overrides: Iterable[str], names: Sequence[str]) -> None:
    """See that every override of a dataset's settings is of a dataset that is run.

    Raises:
        UserError: one matches none.
    """
    for override in overrides:
        part, *rest = _keys(override.partition("=")[0])
        if part == "dataset" and rest and not any(matches(name, rest[0]) for name in names):
            hint = did_you_mean(rest[0], names)
            raise UserError(
                f"--set {override}: no dataset of this run is named {rest[0]!r}{hint} They are: {', '.join(names)}"
            )


def preset_names() -> list[str]:
    """Return the names of the presets that come with the suite."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def load(name: str, overrides: list[str] | None = None) -> Preset:
    """Read a preset and apply overrides such as `budget.steps=100`.

    Args:
        name: of a preset that comes with the suite, or the path of a TOML file.
        overrides: `key=value`, the value in TOML's notation; what is not TOML is taken as a string.

    Raises:
        UserError: no such preset, unknown key, wrong type; it names the nearest valid one.
    """
    values = _read(name)
    for override in overrides or []:
        _apply(values, override)
    try:
        return Preset.model_validate(values)
    except ValidationError as error:
        raise UserError(explain(error, f"preset {name!r}")) from error


def _read(name: str) -> dict[str, Any]:
    path = Path(name) if name.endswith(".toml") else PRESETS / f"{name}.toml"
    if not is_file(path):
        hint = did_you_mean(name, preset_names())
        raise UserError(
            f"unknown preset {short(name)}{hint} Known: {', '.join(preset_names())}, or the path of a .toml file"
        )
    try:
        with path.open("rb") as file:
            if len(text := file.read(MOST_BYTES + 1)) > MOST_BYTES:
                raise ValueError("more than a megabyte")
        return tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:  # a number of more digits than Python reads is a ValueError too
        raise UserError(f"preset {path} is not valid TOML: {error}") from error


def _apply(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise UserError(f"--set {short(override)} is not of the form key=value, such as budget.steps=100")
    # a name with dots, such as that of a folder, stands in quotes: dataset."folder:/my.images".size
    *parents, last = _keys(key)
    at = values
    for parent in parents:
        at = at.setdefault(parent, {})
        if not isinstance(at, dict):
            raise UserError(f"--set {short(override)}: {short(parent)} has no keys of its own")
    try:
        at[last] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        at[last] = text
    except (ValueError, RecursionError) as error:
        raise UserError(f"--set {override[:80]!r}: {error}") from error


def _keys(key: str) -> list[str]:
    """Split `dataset."folder:/my.images".size` at the dots outside quotes."""
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|([^."]+)', key.strip())] or [key]


def explain(error: ValidationError, where: str) -> str:
    """Say what is wrong with settings: the key, the value, and the nearest valid key."""
    lines = []
    for problem in error.errors():
        location = [str(part) for part in problem["loc"]]
        key = ".".join(location)
        if problem["type"] == "extra_forbidden":
            known = _keys_at(location[:-1])
            near = nearest(location[-1], known)
            hint = f"did you mean {'.'.join([*location[:-1], near])!r}?" if near else f"known: {', '.join(known)}"
            lines.append(f"unknown setting {key!r}; {hint}")
        else:
            lines.append(f"setting {key}={short(problem.get('input'))}: {problem['msg']}")
    return f"{where}: {'; '.join(lines)}"


def _keys_at(location: list[str]) -> list[str]:
    model: type[BaseModel] = Preset
    for i, part in enumerate(location):
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        elif part in TABLES and i + 1 < len(location):
            return list(TABLES[part].model_fields)
    return list(model.model_fields)
