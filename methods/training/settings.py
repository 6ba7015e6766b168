"""Settings shared by all methods of one comparison; what is not here is a parameter of a method."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

from datasets.files import is_text

MOST = 2**31 - 1
"""No count of a setting is larger."""


class Settings(BaseModel):
    """Base of all settings: unknown keys and wrong types are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse `true` where a number is meant; Python would take it for 1."""
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("true and false are not values of this setting")
        if isinstance(value, str) and not is_text(value):
            raise ValueError("it has characters that a name cannot have")
        return value

    @functools.cached_property
    def text(self) -> str:
        """The values as JSON with sorted keys."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with other values, and without what was kept of these."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied

    def __hash__(self) -> int:
        """Hash the values, also where one is a dictionary."""
        return hash(self.text)


class Budget(Settings):
    """What a method may spend: `steps` gradient steps on batches of `batch_size`, over all its stages and members."""

    steps: int = Field(default=150, gt=0, le=MOST)
    batch_size: int = Field(default=32, gt=0, le=MOST)


class Optimizer(Settings):
    """The optimiser and its learning-rate schedule, which runs over each stage once.

    `cosine` decays to zero; `step` multiplies by 0.01 at 80 % and 0.0001 at 90 % (Cao et al. 2019); `warmup` is the
    share of the stage with a linear rise.
    """

    name: Literal["adamw", "sgd"] = "adamw"
    learning_rate: PositiveFloat = 1e-3
    weight_decay: NonNegativeFloat = 1e-2
    momentum: float = Field(default=0.9, ge=0, lt=1)
    schedule: Literal["cosine", "step", "constant"] = "cosine"
    warmup: float = Field(default=0.05, ge=0, lt=1)


class Augmentation(Settings):
    """What is done to a training image, at random and for each image apart.

    `crop` shifts by up to that many pixels, zeros coming in (random crop after padding); it applies to images only.
    """

    horizontal_flip: bool = True
    vertical_flip: bool = True
    crop: NonNegativeInt = 0


HeadName = Literal["single-scale", "multi-scale", "pooled", "average"]


class NetworkSettings(Settings):
    """The layers trained on top of the backbone.

    `dropout` is of the features that enter the classifier; `channel_dropout` is of whole channels of the maps that the
    heads with layers of their own read, single-scale and multi-scale alike (Tompson et al. 2015, arXiv 1411.4280).
    """

    head: HeadName = "single-scale"
    width: PositiveInt = 64
    dropout: float = Field(default=0.2, ge=0, lt=1)
    channel_dropout: float = Field(default=0.1, ge=0, lt=1)


class BackboneSettings(Settings):
    """The transferred feature extractor.

    `name` is any timm model with feature maps, with the tag of its weights (`resnet18.a1_in1k`) or without, `small-cnn`
    or `resnet32`. `strides` are the depths whose maps the head reads, by their reduction of the image's side. `weights`
    are `imagenet` (those that timm has for the name), `none`, or a file of a model's weights under timm's names;
    `digest` is that file's, found when a run is planned. A frozen backbone is not trained: its maps are computed
    once.
    """

    name: str = "tf_efficientnet_lite0"
    weights: str = Field(default="imagenet", min_length=1)
    frozen: bool = True
    strides: tuple[PositiveInt, ...] = Field(default=(16,), min_length=1)
    digest: str = ""

    @property
    def is_file(self) -> bool:
        """Whether the weights are a file of the user's."""
        return self.weights not in ("imagenet", "none")
