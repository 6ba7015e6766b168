"""What is chosen: the candidates of each question, and where they are compared."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets.seeds import generator
from experiments.recipe.tasks import Candidate, Point

TRIALS = 8
"""Of each method whose settings are drawn, its defaults among them."""
KEPT = 1
"""How many of them are tried again, on other splits, beside the defaults."""
BEFORE: dict[str, Any] = {
    "first_exponent": 1.0,
    "second_exponent": 0.0,
    "second_share": 0.3,
    "second_rate": 0.3,
    "source": ["elpv", "magnetic_tile", "textures"],
    "source_share": 0.3,
}
"""The defaults of `multiscale-two-stage` until `stages` was asked."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        candidates: to compare; the first of a method is its defaults.
        points: where all of them are tried.
        again: where the defaults and the `KEPT` best of each method are tried besides, which judges them.
    """

    candidates: Callable[[], Iterator[Candidate]]
    points: tuple[Point, ...]
    again: tuple[Point, ...] = ()


def heads() -> Iterator[Candidate]:
    """Yield learning rate, steps and width of the multi-scale head, and ways to hold it back."""
    both = ("cross-entropy", "logit-adjustment")
    for method in both:
        yield Candidate(method, settings={"network.head": "pooled"})
        for rate, steps, width in itertools.product((1e-3, 4e-3), (200, 600), (32, 64)):
            yield Candidate(method, settings=_multi_scale(rate, steps, width))
    for held_back in ({"head.multi-scale.channel_dropout": 0.4}, {"head.multi-scale.weight_decay": 0.5}):
        yield Candidate("logit-adjustment", settings=_multi_scale(4e-3, 200, 32) | held_back)


def _multi_scale(rate: float, steps: int, width: int) -> dict[str, Any]:
    own = {"head.multi-scale.learning_rate": rate, "head.multi-scale.width": width}
    return {"network.head": "multi-scale", "budget.steps": steps} | own


def stages() -> Iterator[Candidate]:
    """Yield the two-stage methods' settings, and as many of the control's and of a common method's."""
    before = Candidate("multiscale-two-stage", BEFORE)
    yield from _drawn(before, lambda rng: Candidate("multiscale-two-stage", _schedule(rng)))
    yield from _drawn(Candidate("multiscale-two-stage-adjusted"), _adjusted)
    yield from _drawn(Candidate("multiscale-logit-adjustment"), _control)
    yield from _drawn(Candidate("weighted-cross-entropy", settings={"network.head": "single-scale"}), _rival)


def _drawn(default: Candidate, draw: Callable[[np.random.Generator], Candidate]) -> Iterator[Candidate]:
    yield default
    rng = generator("choose", "stages", default.method)
    for _ in range(TRIALS - 1):
        yield draw(rng)


def _schedule(rng: np.random.Generator) -> dict[str, Any]:
    """Draw what the abstract leaves open: how the stages sample (not alike), how long, with which steps, from where."""
    sampling = [(1.0, 0.0), (0.5, 0.0), (1.0, 0.5), (0.0, 1.0), (0.0, 0.5), (0.5, 1.0)]
    first, second = sampling[int(rng.integers(len(sampling)))]
    sources = [["elpv", "magnetic_tile", "textures"], ["textures", "elpv"]]
    return {
        "first_exponent": first,
        "second_exponent": second,
        "second_share": round(float(rng.uniform(0.2, 0.6)), 2),
        "second_rate": round(float(10 ** rng.uniform(-1, 0.3)), 2),
        "source": sources[int(rng.integers(len(sources)))],
        "source_share": [0.15, 0.3, 0.5][int(rng.integers(3))],
    }


def _adjusted(rng: np.random.Generator) -> Candidate:
    own = _schedule(rng) | {"compensate": round(float(rng.uniform(0.5, 2.5)), 2)}
    return Candidate("multiscale-two-stage-adjusted", own | ({"source": []} if rng.random() < 1 / 3 else {}))


def _control(rng: np.random.Generator) -> Candidate:
    tau = {"tau": round(float(rng.uniform(0.5, 2.5)), 2)}
    return Candidate("multiscale-logit-adjustment", tau, _trained("multi-scale", rng))


def _rival(rng: np.random.Generator) -> Candidate:
    gamma = {"gamma": round(float(rng.uniform(0.25, 1.5)), 2)}
    return Candidate("weighted-cross-entropy", gamma, {"network.head": "single-scale"} | _trained("single-scale", rng))


def _trained(head: str, rng: np.random.Generator) -> dict[str, Any]:
    """Draw how a method without stages is trained."""
    return {
        f"head.{head}.learning_rate": round(float(10 ** rng.uniform(-3.5, -2.4)), 5),
        f"head.{head}.dropout": [0.0, 0.2, 0.5][int(rng.integers(3))],
        f"head.{head}.channel_dropout": [0.0, 0.1, 0.3][int(rng.integers(3))],
    }


def parts() -> Iterator[Candidate]:
    """Yield what won for `multiscale-two-stage`, and the same with one part as it was before."""
    won = list(stages())[TRIALS - 1].parameters
    yield Candidate("multiscale-two-stage", won)
    for names in (("first_exponent", "second_exponent"), ("second_share", "second_rate"), ("source", "source_share")):
        yield Candidate("multiscale-two-stage", won | {name: BEFORE[name] for name in names})


def retrainings() -> Iterator[Candidate]:
    """Yield the step sizes at which decoupling learns its classifier anew, in units of its default."""
    for method, rate in itertools.product(["crt", "lws"], [1.0, 0.1, 0.3, 3.0]):
        yield Candidate(method, {"second_rate": rate})


def _points(*where: tuple[str, float], seeds: tuple[int, ...]) -> tuple[Point, ...]:
    return tuple(Point(task, ratio, seed) for seed in seeds for task, ratio in where)


AGAIN = (("tex128", 10.0), ("tex128", 40.0), ("elpv", 10.0), ("elpv", 40.0), ("tile2", 10.0), ("tex256", 80.0))
QUESTIONS = {
    "heads": Question(
        heads,
        (
            *_points(("tex256", 80.0), ("tex128", 40.0), ("elpv", 40.0), seeds=(0, 1)),
            *_points(("tex256", 10.0), ("elpv", 1.0), seeds=(0,)),
        ),
    ),
    "stages": Question(stages, _points(*AGAIN[:4], seeds=(0,)), _points(*AGAIN, seeds=(1, 2))),
    "parts": Question(parts, _points(*AGAIN, seeds=(1,))),
    "retraining": Question(retrainings, _points(("tex128", 10.0), ("tex128", 40.0), ("elpv", 10.0), seeds=(0, 1))),
}
