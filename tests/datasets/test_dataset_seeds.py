from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from datasets import generator

_IDENTITIES = [
    ("a", "b"),
    ("ab",),
    ("a,b",),
    ("b", "a"),
    ("a", "b", 0),
    ("a", "b", 0.5),
    ("a", "b", "0"),
    ("a", "b", 1),
]


def test_any_difference_in_identity_gives_other_draws() -> None:
    draws = {generator(*identity).integers(1 << 62) for identity in _IDENTITIES}
    assert len(draws) == len(_IDENTITIES)


def test_the_same_identity_gives_the_same_draws_in_every_process() -> None:
    code = "import datasets; print(datasets.generator('split', 'dagm/1', 3).integers(1 << 62))"
    environments = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2")]
    draws = {subprocess.check_output([sys.executable, "-c", code], env=env, text=True) for env in environments}
    assert draws == {f"{generator('split', 'dagm/1', 3).integers(1 << 62)}\n"}


def test_numpy_scalars_stand_for_the_numbers_they_equal() -> None:
    assert generator("a", np.int64(3)).integers(1 << 62) == generator("a", 3).integers(1 << 62)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="text and numbers"):
        generator(object())  # type: ignore[arg-type]
