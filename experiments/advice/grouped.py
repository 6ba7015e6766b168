"""The sets of patches again, with the photograph of each image given as its group.

`python -m experiments.advice.grouped OUT MATERIAL SEEDS METHODS [SET ...]`, where `fresh.py` has written OUT from
MATERIAL, writes OUT/grouped/user/SET/labels.csv and trains a user's run on it (`--dataset table:...`); then
`python -m experiments.advice.rehearse OUT/grouped` scores that as it scores the runs without groups.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from experiments.advice import fresh, rehearse
from experiments.advice.draw import Array
from experiments.advice.sets import drawn

SETS = ("wallpapers", "arena", "flags", "foreign")
"""What is cut from few photographs, each whole on one side; tissue is one photograph, splice has many."""


def label(name: str, out: Path, material: Path) -> Path:
    """Write the table of a set's images, the photograph as group.

    The images are drawn again, to see that they are these.

    Raises:
        SystemExit: an image is another than the one on disk.
    """
    used: list[int] = []
    known: dict[int, int] = {}

    def noted(*asked: Any) -> list[Array]:
        made = list(fresh.cuts(*asked))
        used[:] = [known.setdefault(id(photo), len(known)) for photo, _ in made]
        return [image for _, image in made]

    table = out / "grouped" / "user" / name / "labels.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    with patch.object(fresh, "_patches", noted), table.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label", "group"])
        for kind, images, own in drawn(name, material, fresh.FRESH):
            for number, photo in enumerate(used[:own]):
                path = (out / "user" / name / kind / f"{number:05d}.png").resolve()
                with Image.open(path) as there:
                    if not np.array_equal(np.asarray(there), images[number]):
                        raise SystemExit(f"{path} is not the image that {name} draws; write the set again")
                rows.writerow([path, kind, photo])
    return table


if __name__ == "__main__":
    out, material = map(Path, sys.argv[1:3])
    for chosen in sys.argv[5:] or SETS:
        seeds = [int(seed) for seed in sys.argv[3].split(",")]
        rehearse.measure(out, seeds, sys.argv[4].split(","), chosen, label(chosen, out, material))
