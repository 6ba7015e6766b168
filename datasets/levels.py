"""Levels: where a training subset stands on its protocol's axis."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Literal, get_args

from datasets.base import UserError
from datasets.registry import unknown

Protocol = Literal["step", "long-tail", "few", "natural"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
"""Ways of making a training subset imbalanced, in the order in which they are shown."""

BY_RATIO: tuple[Protocol, ...] = ("step", "long-tail")


@functools.total_ordering
@dataclass(frozen=True)
class Level:
    """One place on a protocol's axis: an imbalance ratio, a number of minority images, or the natural imbalance.

    Its JSON form is the object of its fields. Levels are ordered by protocol, then by number.

    Attributes:
        protocol: one of `PROTOCOLS`.
        ratio: n_max / n_min, at least 1; under `step` and `long-tail` only.
        minority: images of each minority class, 0 or more; under `few` only.

    Raises:
        UserError: no such protocol, or a number that is missing, out of range, or not the protocol's.
    """

    protocol: Protocol
    ratio: float | None = None
    minority: int | None = None

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise unknown("protocol", self.protocol, PROTOCOLS)
        by_ratio, few = self.protocol in BY_RATIO, self.protocol == "few"
        if by_ratio and (self.ratio is None or not 1 <= self.ratio < math.inf):
            raise UserError(f"protocol {self.protocol!r} needs an imbalance ratio of at least 1, not {self.ratio}")
        if few and (self.minority is None or self.minority < 0 or self.minority != int(self.minority)):
            raise UserError(
                f"protocol 'few' needs minority, the images of each minority class: 0 or more, not {self.minority}"
            )
        for name, value, used in (("ratio", self.ratio, by_ratio), ("minority", self.minority, few)):
            if value is not None and not used:
                raise UserError(f"protocol {self.protocol!r} takes no {name}; leave out {name}={value}")
        if self.ratio is not None:  # 20 and 20.0 are one level, and have one text
            object.__setattr__(self, "ratio", float(self.ratio))

    @classmethod
    def at(cls, protocol: str, value: float) -> Level:
        """Return the level of a protocol whose `value` is given; `natural` has one level, whatever the value.

        Raises:
            UserError: see the class.
        """
        if protocol == "few":
            return cls("few", minority=int(value))
        return cls(protocol, ratio=value if protocol in BY_RATIO else None)  # type: ignore[arg-type]

    @property
    def value(self) -> float:
        """The number on the axis; 0 for the natural imbalance."""
        return float(self.ratio if self.ratio is not None else self.minority or 0)

    @property
    def name(self) -> str:
        """The level in words: `IR 10`, `5 minority images`, `natural`."""
        if self.protocol == "few":
            return f"{self.minority} minority image{'' if self.minority == 1 else 's'}"
        return "natural" if self.ratio is None else f"IR {self.ratio:g}"

    @property
    def short(self) -> str:
        """The level in a file's name: `ir10`, `n5`, `all`."""
        if self.protocol == "few":
            return f"n{self.minority}"
        return "all" if self.ratio is None else f"ir{self.ratio:g}"

    def __str__(self) -> str:
        return f"{self.protocol}, {self.name}" if self.protocol != "natural" else self.name

    def __lt__(self, other: Level) -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[int, float]:
        return PROTOCOLS.index(self.protocol), self.value
