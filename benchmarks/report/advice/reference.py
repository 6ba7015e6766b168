"""The reference results as experience: how methods did on datasets that are not the reader's own."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

import pandas as pd

from benchmarks.report.advice.places import Place, decided_by, places
from benchmarks.report.data.points import comparable

LOG = logging.getLogger(__name__)
REFERENCE = Path(__file__).parents[3] / "results" / "reference" / "records.csv.gz"
NEEDED = ["status", "comparison", "dataset", "protocol", "level", "label", "seed", "counts"]


@cache
def experience(metric: str, path: Path = REFERENCE) -> tuple[Place, ...]:
    """Return the places of the reference results that come with the suite; none where they are not there."""
    if not path.is_file():
        LOG.info("no reference results at %s: the advice rests on this run alone", path)
        return ()
    column = decided_by(metric)
    try:
        frame = pd.read_csv(path, usecols=[*NEEDED, column])
    except ValueError as error:
        LOG.info("%s does not hold what advice is made from (%s): it rests on this run alone", path, error)
        return ()
    return tuple(places(comparable(frame), metric))
