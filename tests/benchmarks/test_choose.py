"""Defaults are chosen on validation parts alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import datasets
import methods
from benchmarks.grid import presets as settings
from experiments import choose

TINY = (
    "dataset.textures={size = 32, test_cap = 10, parameters = {number = [120, 120]}}",
    'backbone={name = "small-cnn", weights = "none", frozen = false}',
    "budget.steps=3",
)


@pytest.fixture
def few(monkeypatch) -> None:
    monkeypatch.setattr(choose, "DATASETS", {"textures": 10})


def test_dagm_takes_no_part() -> None:
    assert not [name for name in choose.DATASETS if name.startswith("dagm")]


@pytest.mark.parametrize("name", choose.DATASETS)
def test_the_pool_gives_every_seed_what_is_asked_for(name) -> None:
    if (reason := datasets.availability(datasets.create(name))) is not None:
        pytest.skip(reason)
    index, pool = datasets.create(name).index(), datasets.development_rows(datasets.create(name).index())
    for seed in range(5):
        parts = datasets.split(
            index, seed, test_fraction=choose.VALIDATION_SHARE, test_cap=choose.VALIDATION_CAP, development=True
        )
        assert pool[parts.train].all()
        assert pool[parts.test].all()
        assert np.bincount(index.labels[parts.train]).min() >= (choose.DATASETS[name] or 1)


def test_a_candidate_is_judged_by_its_settings(few, shared_cache, monkeypatch) -> None:
    seen = []

    class FirstClass(methods.Method):
        """Finds the first class in every image."""

        def fit(self, train, context) -> None:
            seen.append((train.counts.tolist(), context.budget.steps))

        def predict_logits(self, images):
            return torch.tensor([1.0, 0.0]).expand(len(images), 2)

    monkeypatch.setattr(choose.methods, "create", lambda name, **parameters: FirstClass())
    accuracy = choose.evaluate(
        choose.Candidate("first-class", overrides=TINY), choose.Point("textures", 2.0, 0), shared_cache
    )
    assert accuracy == 0.5  # the validation part is balanced
    assert seen == [([10, 5], 3)]


def test_a_ratio_that_the_pool_cannot_give_is_left_out(few, shared_cache) -> None:
    candidate = choose.Candidate("cross-entropy", overrides=TINY)
    assert choose.evaluate(candidate, choose.Point("textures", 1000.0, 0), shared_cache) is None
    assert choose.mean([None, 0.5]) is None
    assert choose.mean([0.5, 0.7]) == pytest.approx(0.6)


@pytest.mark.parametrize("question", choose.QUESTIONS)
def test_candidates_are_different_and_valid(question) -> None:
    make, _ = choose.QUESTIONS[question]
    for name in choose.DATASETS:
        candidates = list(make([name]))
        shown = [str(candidate.shown) for candidate in candidates]
        assert len(set(shown)) == len(shown) > 1
        for candidate in candidates:
            settings.load("default", list(candidate.overrides))
