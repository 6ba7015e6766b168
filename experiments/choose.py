"""Choose what the default preset and the proposed method leave open: `python -m experiments.choose QUESTION`.

Candidates are compared on the development pools of `textures`, `elpv` and `magnetic_tile` alone, split anew by each
seed before anything is made imbalanced: images that no run trains on or tests. `dagm` has none, and takes no part. What
all methods share (`network`) is chosen on plain cross-entropy, so that it favours none of those that are compared with
it: depth and side by what balanced data show of them, at ratio 1, width and steps by ratio 20. Where candidates are
alike, the cheaper.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from joblib import Parallel, delayed  # type: ignore[import-untyped]
from rich.console import Console
from tabulate import tabulate

import datasets
import methods
from benchmarks.grid import presets as settings
from benchmarks.grid.cells import DataSpec
from benchmarks.running import cell
from benchmarks.running.isolation import deterministic
from benchmarks.running.prepare import prepare
from benchmarks.running.source import Source

DATASETS = {"textures": 140, "elpv": 140, "magnetic_tile": None}
"""Where to choose, and the images of each majority class there (None: all there are)."""
SIZES = {"textures": [128], "elpv": [160, 224, 300], "magnetic_tile": [128, 192]}
"""Sides of the images to compare; textures are drawn at theirs."""
VALIDATION_SHARE, VALIDATION_CAP = 0.3, 100


@dataclass(frozen=True)
class Candidate:
    """What is compared: a method with its parameters, and settings that differ from the default preset's."""

    method: str
    parameters: dict[str, Any] = field(default_factory=dict)
    size: int | None = None
    strides: tuple[int, ...] | None = None
    overrides: tuple[str, ...] = ()

    @property
    def shown(self) -> dict[str, Any]:
        """What a reader tells candidates apart by."""
        size = {"size": self.size} if self.size else {}
        strides = {"strides": " ".join(map(str, self.strides))} if self.strides else {}
        own = {"method": self.method} | self.parameters
        return own | size | strides | dict(override.split("=", 1) for override in self.overrides)


@dataclass(frozen=True)
class Point:
    """Where a candidate is tried."""

    dataset: str
    ratio: float
    seed: int


def networks(names: list[str]) -> Iterator[Candidate]:
    """Yield the images' side, the depth that the head reads, its width, and the steps."""
    for size, stride, width, steps in itertools.product(SIZES[names[0]], [16, 32], [32, 64], [100, 200]):
        overrides = (f"network.width={width}", f"budget.steps={steps}")
        yield Candidate("cross-entropy", size=size, strides=(stride,), overrides=overrides)


def schedules(names: list[str]) -> Iterator[Candidate]:
    """Yield schedules of the two stages: sampling, share and step size of the second, the loss's tau."""
    for (first, second), (share, rate), compensate in itertools.product(
        [(1.0, 0.0), (0.0, 1.0), (0.5, 1.0), (1.0, 0.5)],
        [(0.3, 0.3), (0.5, 0.5)],
        [0.0, 1.0, 1.5, 2.0],
    ):
        parameters = {
            "first_exponent": first,
            "second_exponent": second,
            "second_share": share,
            "second_rate": rate,
            "compensate": compensate,
        }
        yield Candidate("multiscale-two-stage-adjusted", parameters)


def dropouts(names: list[str]) -> Iterator[Candidate]:
    """Yield shares of the channels that the multi-scale network drops of the maps it reads."""
    for share in (0.0, 0.1, 0.2, 0.3):
        yield Candidate("multiscale-two-stage-adjusted", overrides=(f"network.channel_dropout={share}",))


def sources(names: list[str]) -> Iterator[Candidate]:
    """Yield the two-stage transfer with and without a source task, and the source's share of the steps."""
    yield Candidate("multiscale-two-stage-adjusted", {"source": (), "source_share": 0.3})
    for share in (0.2, 0.3, 0.5):
        yield Candidate("multiscale-two-stage-adjusted", {"source": ("textures", "elpv"), "source_share": share})


def retrainings(names: list[str]) -> Iterator[Candidate]:
    """Yield the step sizes at which decoupling learns its classifier anew, in units of its default."""
    for method, rate in itertools.product(["crt", "lws"], [0.1, 0.3, 1.0, 3.0]):
        yield Candidate(method, {"second_rate": rate})


QUESTIONS = {
    "network": (networks, [1.0, 20.0]),
    "dropout": (dropouts, [1.0, 10.0, 20.0, 40.0, 80.0]),
    "source": (sources, [1.0, 10.0, 20.0, 40.0, 80.0]),
    "schedule": (schedules, [1.0, 10.0, 20.0, 40.0, 80.0]),
    "retraining": (retrainings, [10.0, 40.0]),
}
"""What can be chosen: its candidates, and the ratios where they are compared."""


def evaluate(candidate: Candidate, point: Point, cache: Path) -> float | None:
    """Return the accuracy on the validation part, or None where the pool cannot give the ratio."""
    preset = settings.load("default", list(candidate.overrides))
    chosen = preset.dataset_settings(point.dataset).model_copy(update={"majority": DATASETS[point.dataset]})
    own = {"size": candidate.size, "strides": candidate.strides}
    chosen = chosen.model_copy(update={name: value for name, value in own.items() if value})
    size = chosen.size or datasets.create(point.dataset).size
    spec = DataSpec(name=point.dataset, size=size, settings=chosen)
    backbone = preset.backbone_for(chosen)
    prepared = prepare(spec, backbone, cache, "cpu")
    index = prepared.imageset.index
    parts = datasets.split(index, point.seed, test_fraction=VALIDATION_SHARE, test_cap=VALIDATION_CAP, development=True)
    try:
        rows = datasets.subset(
            index.labels,
            parts.train,
            datasets.Level("step", ratio=point.ratio),
            point.seed,
            majority=chosen.majority,
            dataset=f"{point.dataset}/development",
        )
    except datasets.UnsupportedRatio:
        return None
    train = prepared.train_set(rows)
    method = methods.create(candidate.method, **candidate.parameters)
    source = Source(spec, backbone, point.seed, cache, torch.device("cpu"))
    head = method.required_head() or preset.network.head
    context = methods.Context(
        seed=f"choose/{point.dataset}/{point.ratio}/{point.seed}",
        device=torch.device("cpu"),
        budget=preset.budget,
        optimizer=preset.optimizer_for(head),
        augmentation=preset.augmentation,
        network=preset.network_for(head),
        source=source.load,
        shared=source.learnt,
    )
    with deterministic(context.device):
        method.fit(train, context)
        logits = cell.predict(method, prepared, train, parts.test)
    return float((logits.argmax(1) == prepared.imageset.labels[parts.test]).mean())


def compare(candidates: list[Candidate], points: list[Point], cache: Path, console: Console) -> list[list[Any]]:
    """Try every candidate at every point, on all cores; return a row each: what it is, accuracies, their mean."""
    where = list(dict.fromkeys((point.dataset, point.ratio) for point in points))
    tried = Parallel(n_jobs=-1, return_as="generator")(
        delayed(evaluate)(candidate, point, cache) for candidate in candidates for point in points
    )
    rows = []
    for candidate in candidates:
        found: dict[tuple[str, float], list[float | None]] = {each: [] for each in where}
        for point, accuracy in zip(points, tried):  # noqa: B905 - the next candidate goes on where this one ends
            found[point.dataset, point.ratio].append(accuracy)
        means = [mean(values) for values in found.values()]
        rows.append([*candidate.shown.values(), *means, mean([m for m in means if m is not None])])
        console.print(f"{len(rows)}/{len(candidates)} {candidate.shown}", highlight=False, soft_wrap=True)
    return rows


def mean(values: list[float | None]) -> float | None:
    """Return the mean, or None where a value is missing."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) and known else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare all candidates and print them, best first: on each dataset where it is about the network, on all else."""
    parser = argparse.ArgumentParser(prog="python -m experiments.choose", description=__doc__)
    parser.add_argument("question", choices=list(QUESTIONS), help="what to choose")
    parser.add_argument("--ratio", action="append", type=float, help="repeatable")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=datasets.cache_root())
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: at least one is needed")
    make, ratios = QUESTIONS[options.question]
    available = [name for name in DATASETS if datasets.availability(datasets.create(name)) is None]
    groups = [[name] for name in available] if options.question == "network" else [available]
    console = Console()
    try:
        for names in groups:
            points = [Point(*each) for each in itertools.product(names, options.ratio or ratios, range(options.seeds))]
            _compare_and_print(list(make(names)), points, options.cache, console)
    except datasets.UserError as error:
        Console(stderr=True).print(f"error: {error}", style="bold red", markup=False, soft_wrap=True)
        return 2
    return 0


def _compare_and_print(candidates: list[Candidate], points: list[Point], cache: Path, console: Console) -> None:
    rows = compare(candidates, points, cache, console)
    rows.sort(key=lambda row: -(row[-1] or 0.0))
    where = dict.fromkeys((point.dataset, point.ratio) for point in points)
    head = [*candidates[0].shown, *(f"{name} IR {ratio:g}" for name, ratio in where), "mean"]
    table = tabulate(rows, head, tablefmt="github", floatfmt=".3f", missingval="n/a")
    console.print(table, soft_wrap=True, markup=False)


if __name__ == "__main__":
    sys.exit(main())
