"""What comes with the suite as experience: how methods did on images that are not the reader's own."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pandas as pd

from benchmarks.report.advice.places import Place, decided_by, places
from benchmarks.report.data.points import comparable

LOG = logging.getLogger(__name__)
RESULTS = Path(__file__).parents[3] / "results"
REFERENCE = RESULTS / "reference" / "records.csv.gz"
ELSEWHERE = RESULTS / "elsewhere" / "records.csv.gz"
"""Runs on image sets of other kinds, one level each (`experiments/advice`); they know balanced accuracy alone."""
NEEDED = ["status", "comparison", "dataset", "protocol", "level", "label", "seed", "counts"]


@cache
def experience(metric: str, paths: Iterable[Path] = (REFERENCE, ELSEWHERE)) -> tuple[Place, ...]:
    """Return the places of the results that come with the suite; none where they are not there."""
    return tuple(place for path in paths for place in _read(path, metric))


def _read(path: Path, metric: str) -> list[Place]:
    if not path.is_file():
        LOG.info("no results at %s: the advice does without", path)
        return []
    column = decided_by(metric)
    try:
        frame = pd.read_csv(path, usecols=[*NEEDED, column])
    except ValueError as error:
        LOG.info("%s does not hold what advice is made from (%s): it does without", path, error)
        return []
    return places(comparable(frame), metric)
