"""The sets of patches of `fresh.py` again, with the photograph of each image given as its group.

`python -m experiments.advice.grouped OUT/grouped MATERIAL [SET ...]` writes the same images and
OUT/grouped/user/SET/labels.csv, by which `rehearse.py` then runs them; `score.py` knows them by the folder's name.
"""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.advice.fresh import FRESH
from experiments.advice.sets import write

SETS = ("wallpapers", "arena", "flags", "foreign")
"""What is cut from few photographs, each whole on one side; tissue is one photograph, splice has many."""


if __name__ == "__main__":
    for chosen in sys.argv[3:] or SETS:
        write(chosen, Path(sys.argv[1]), Path(sys.argv[2]), FRESH, grouped=True)
