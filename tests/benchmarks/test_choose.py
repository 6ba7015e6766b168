"""Defaults are chosen on images that no run tests, with as many trials for each method, and every trial is logged."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

import datasets
import methods
from benchmarks.grid import presets as settings
from experiments import choose
from experiments.recipe import questions, tasks
from experiments.recipe.tasks import Candidate, Point

TINY = {
    "dataset.textures": "{size = 32, parameters = {number = [120, 120]}}",
    "backbone": '{name = "small-cnn", weights = "none", frozen = false}',
    "budget.steps": 3,
}
FOLDER = Path(choose.__file__).parent / "recipe"


@pytest.fixture
def few(monkeypatch) -> None:
    monkeypatch.setitem(tasks.TASKS, "tex128", tasks.Task("textures", 32, 10))


class FirstClass(methods.Method):
    """Finds the first class in every image."""

    def fit(self, train, context) -> None: ...

    def predict_logits(self, images):
        return torch.tensor([1.0, 0.0]).expand(len(images), 2)


def test_dagm_takes_no_part() -> None:
    assert not [task for task in tasks.TASKS.values() if task.dataset.startswith("dagm")]


@pytest.mark.parametrize("name", tasks.TASKS)
def test_what_is_chosen_on_is_tested_by_no_run(name) -> None:
    task = tasks.TASKS[name]
    if (reason := datasets.availability(datasets.create(task.dataset))) is not None:
        pytest.skip(reason)
    index = datasets.create(task.dataset, **(task.drawn or {})).index()
    pool = datasets.development_rows(index)
    for seed in range(5):
        train, test = tasks._rows(Point(name, 10.0, seed), index)
        assert not set(train) & set(test)
        assert len(set(np.bincount(index.labels[test]))) == 1
        if task.drawn is None:
            assert pool[train].all()
            assert pool[test].all()
    if task.drawn is not None:  # no preset draws these
        for preset in settings.preset_names():
            used = settings.load(preset).dataset_settings(task.dataset).parameters
            assert used.get("seed", 0) != task.drawn["seed"]


def test_a_candidate_is_judged_by_its_settings(few, shared_cache, monkeypatch) -> None:
    seen = []

    def fit(self, train, context) -> None:
        seen.append((train.counts.tolist(), context.budget.steps))

    monkeypatch.setattr(FirstClass, "fit", fit)
    monkeypatch.setattr(tasks.methods, "create", lambda name, **parameters: FirstClass())
    row = tasks.evaluate(Candidate("first-class", settings=TINY), Point("tex128", 2.0, 0), shared_cache)
    assert row is not None
    assert (row["accuracy"], row["auroc"]) == (0.5, 0.5)  # the validation part is balanced
    assert (row["dataset"], row["level"], row["seed"], row["train"]) == ("tex128", 2.0, 0, [10, 5])
    assert seen == [([10, 5], 3)]


def test_a_ratio_that_the_pool_cannot_give_is_left_out(few, shared_cache) -> None:
    assert tasks.evaluate(Candidate("cross-entropy", settings=TINY), Point("tex128", 1000.0, 0), shared_cache) is None


@pytest.mark.parametrize("question", questions.QUESTIONS)
def test_candidates_are_different_and_valid(question) -> None:
    candidates = list(questions.QUESTIONS[question].candidates())
    assert len({choose.text(candidate.key) for candidate in candidates}) == len(candidates) > 1
    for candidate in candidates:
        settings.load("default", [f"{key}={value}" for key, value in candidate.settings.items()])
        methods.create(candidate.method, **candidate.parameters)
    again = [choose.text(candidate.key) for candidate in questions.QUESTIONS[question].candidates()]
    assert again == [choose.text(candidate.key) for candidate in candidates]


def test_every_method_has_as_many_trials() -> None:
    counts = Counter(candidate.method for candidate in questions.stages())
    assert len(counts) == 4
    assert set(counts.values()) == {questions.TRIALS}
    for candidate in questions.stages():
        if candidate.method == "multiscale-two-stage":  # what the abstract says stays
            method = methods.create(candidate.method, **candidate.parameters)
            assert method.source_datasets()
            assert method.criterion(torch.tensor([9, 1]), 0.9) is torch.nn.functional.cross_entropy
            assert method.first_exponent != method.second_exponent


def made_up(scores: dict[str, float]):
    """Return a question of two methods, and what stands for its trials: the gamma of a candidate is its accuracy."""
    points, again = (Point("elpv", 10.0, 0),), (Point("elpv", 10.0, 1), Point("elpv", 10.0, 2))

    def candidates():
        for method in ("focal", "weighted-cross-entropy"):
            yield Candidate(method)
            for gamma in (0.1, 0.9, 0.5, 0.7):
                yield Candidate(method, {"gamma": gamma})

    return questions.Question(candidates, points, again)


def trial(candidate: Candidate, point: Point, cache: Path) -> dict:
    accuracy = candidate.parameters.get("gamma", 0.4) + (0.02 if point.seed == 2 and candidate.parameters else 0.0)
    return (
        candidate.key
        | {"dataset": point.task, "level": point.ratio, "seed": point.seed}
        | {"accuracy": accuracy, "auroc": 0.5}
    )


def test_the_best_are_tried_again_beside_the_defaults_and_nothing_is_tried_twice(monkeypatch, tmp_path, capsys) -> None:
    path, ran = tmp_path / "log.jsonl", []

    def counted(*arguments):
        ran.append(arguments[:2])
        return trial(*arguments)

    monkeypatch.setattr(choose, "KEPT", 2)
    monkeypatch.setattr(choose, "evaluate", counted)
    monkeypatch.setitem(choose.QUESTIONS, "stages", made_up({}))
    arguments = ["stages", "--jobs", "1", "--log", str(path)]
    assert choose.main(arguments) == 0
    kept = [candidate.parameters.get("gamma") for candidate, point in ran if point.seed == 1]
    assert kept == [None, 0.9, 0.7] * 2
    assert len(ran) == 2 * 5 + 2 * 3 * 2 == len(choose.read(path))
    said = capsys.readouterr().out
    assert "+51.0 +- 1.0" in said  # of .9 over .4: .50 and .52, whose standard error is .01
    assert choose.main(arguments) == 0
    assert len(ran) == 22
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(("name", "file"), [("heads", "heads"), ("stages", "stages"), ("parts", "stages")])
def test_a_committed_log_is_of_its_question(name, file) -> None:
    rows = choose.read(FOLDER / f"{file}.jsonl.gz")
    question = questions.QUESTIONS[name]
    keys = {"method", "parameters", "settings", "dataset", "level", "seed", "train", "accuracy", "auroc", "seconds"}
    assert all(keys <= row.keys() for row in rows)
    asked = {(p.task, p.ratio, p.seed) for p in (*question.points, *question.again)}
    assert asked <= {(row["dataset"], float(row["level"]), row["seed"]) for row in rows}
    assert json.loads(json.dumps(rows)) == rows
