"""Records judged again at the prior and the costs of their use."""

from __future__ import annotations

import logging
import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.records.store import Damaged, Store
from benchmarks.report.rescore.scores import Use, brier, judge
from datasets import UserError

LOG = logging.getLogger(__name__)
Scores = tuple[np.ndarray, np.ndarray]
COLUMNS = (
    "deployed_accuracy",
    "expected_cost",
    "deployed_precision",
    "recall_at_1",
    "recall_at_5",
    "brier",
    "deployed_ece",
)
RULE = (
    "Judged again at prior {prior} and costs {miss:g} : {false_alarm:g} (missed defect : false alarm): test "
    "images are weighted to the prior, and probabilities are moved to it from the training prior or from a "
    "balanced one, whichever gave the lower Brier score on the method's other seeds (the training prior where "
    "there are none). Nothing was trained again."
)


def parse_cost(text: str) -> tuple[float, float]:
    """Read `20:1`, the cost of a missed defect to that of a false alarm.

    Raises:
        UserError: it is not two positive numbers.
    """
    try:
        miss, false_alarm = (float(part) for part in text.split(":"))
    except ValueError:
        miss, false_alarm = 0.0, 0.0
    if not (0 < miss < np.inf and 0 < false_alarm < np.inf):
        raise UserError(f"--cost {text}: two positive numbers are needed, MISSED:FALSE_ALARM, such as 20:1")
    return miss, false_alarm


def parse_prior(text: str) -> str | tuple[float, ...]:
    """Read `balanced`, `training` or the shares of the classes: `0.99,0.01`, or only the last one's, of two, `0.01`.

    Raises:
        UserError: they are no shares.
    """
    if text in ("balanced", "training"):
        return text
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if len(shares) == 1:
        shares = (1 - shares[0], shares[0])
    if not shares or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise UserError(
            f"--prior {text}: balanced, training, the share of the second of two classes such as 0.01, or all shares "
            "in the order of the classes, which add to 1"
        )
    return shares


def judged(
    frame: pd.DataFrame, prior: str | Sequence[float], cost: tuple[float, float], problems: list[str] | None = None
) -> pd.DataFrame:
    """Add what stored scores are worth at another prior and at these costs (`COLUMNS`); NaN without scores.

    `problems` is told of scores that cannot be used.

    Raises:
        UserError: no cell has scores, or the number of shares is not that of the classes.
    """
    frame = frame.reset_index(drop=True)
    done = frame[frame["status"].eq("done")]
    kept = {
        int(place): scores
        for place, cell in zip(done.index, done.to_dict("records"), strict=True)
        if (scores := read_scores(cell, problems)) is not None
    }
    if not kept:
        raise UserError("--prior and --cost need the scores that a run keeps in its folder `scores`; there are none")
    counts = {place: list(frame["counts"][place]) for place in kept}
    uses = {place: _use(sizes, prior, cost) for place, sizes in counts.items()}
    values = np.full((len(frame), len(COLUMNS)), np.nan)
    for _, cells in done.groupby(["comparison", "dataset", "protocol", "level", "label"], sort=False):
        mine = [int(place) for place in cells.index if place in kept]
        for place in mine:
            found = judge(*kept[place], uses[place], _trained(place, mine, kept, counts, uses))
            values[place] = [found[name] for name in COLUMNS]
    return frame.assign(**dict(zip(COLUMNS, values.T, strict=True)))


def read_scores(cell: Mapping[Hashable, Any], problems: list[str] | None = None) -> Scores | None:
    """Return logits (M, C) and labels (M,) of a cell.

    Args:
        cell: a row of the frame.
        problems: is told of scores that cannot be used.

    Returns:
        None where a run kept none, or they cannot be used.
    """
    store = Store(Path(str(cell["folder"])))
    if not os.path.lexists(store.scores / f"{cell['id']}.npz"):
        return None
    try:
        scores = store.read_scores(str(cell["id"]), cell["scores_digest"])
        if scores["logits"].shape[1] != len(cell["counts"]):
            raise Damaged(store.scores / f"{cell['id']}.npz", "of another number of classes")
    except Damaged as error:
        if problems is not None and (problem := f"left out: {error}") not in problems:
            problems.append(problem)
            LOG.warning(problem)
        return None
    return scores["logits"], scores["labels"]


def shares(counts: Sequence[int]) -> np.ndarray:
    """Return the training prior; a class without images counts as half an image."""
    sizes = np.maximum(np.asarray(counts, dtype=float), 0.5)
    return np.asarray(sizes / sizes.sum())


def _use(counts: Sequence[int], prior: str | Sequence[float], cost: tuple[float, float]) -> Use:
    if prior == "training":
        given = shares(counts)
    elif prior == "balanced":
        given = np.full(len(counts), 1 / len(counts))
    else:
        given = np.asarray(prior, dtype=float)
    if len(given) != len(counts):
        raise UserError(f"--prior names {len(given)} classes, the data have {len(counts)}")
    return Use(given, *cost)


def _trained(
    cell: int, cells: list[int], scores: dict[int, Scores], counts: dict[int, list[int]], uses: dict[int, Use]
) -> np.ndarray:
    """Choose the prior that probabilities are for by the other seeds: a loss may have balanced them already."""
    own = shares(counts[cell])
    even = np.full(len(own), 1 / len(own))
    others = [place for place in cells if place != cell]
    if not others:
        return own
    as_trained = sum(brier(*scores[place], uses[place], shares(counts[place])) for place in others)
    as_even = sum(brier(*scores[place], uses[place], even) for place in others)
    return own if as_trained <= as_even else even
