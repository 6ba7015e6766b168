"""--tune N: the same number of trials for every method, on training images alone, and the same bits every time."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
import torch

import datasets
import methods
from benchmarks.grid import plan, rows
from benchmarks.grid import presets as settings
from benchmarks.records.store import Store
from benchmarks.running import cell as cells
from benchmarks.running import tune

pytest.importorskip("optuna")


def only_record(bench: Any) -> Any:
    (record,) = Store(bench.results).records()
    return record


@pytest.mark.parametrize("method", ["cross-entropy", "focal", "under-bagging", "smote"])
def test_every_method_gets_its_trials_and_keeps_its_budget(bench, method) -> None:
    assert bench("--method", method, "--tune", "4", "--set", "budget.steps=20").code == 0
    record = only_record(bench)
    assert record.status == "done", record.failure
    assert record.cell["tune"] == record.tuning["trials"] == len(record.tuning["history"]) == 4
    assert record.cost.steps == 20
    assert record.tuning["steps"] == 4 * 20
    assert "tune" in record.cost.seconds


def test_trials_try_the_learning_rate_and_the_methods_own_values(bench) -> None:
    bench("--method", "focal", "--tune", "8")
    tried = [trial["values"] for trial in only_record(bench).tuning["history"]]
    assert all(1e-4 <= values["optimizer.learning_rate"] <= 1e-2 for values in tried)
    assert all(0.5 <= values["gamma"] <= 3.0 for values in tried)
    assert tried[0] == {"optimizer.learning_rate": 1e-3, "gamma": 2.0}
    assert len({values["gamma"] for values in tried}) == 8


def test_the_best_trial_is_chosen_and_refitted_on_the_whole_training_subset(bench, shared_cache) -> None:
    preset = settings.load(str(bench.preset), ["methods=['focal']", "budget.steps=30", "optimizer.learning_rate=0.003"])
    (tuned,) = plan.build(preset, ["textures"], tune=5).cells
    record, scores = cells.run(tuned, shared_cache, "cpu")
    assert record.tuning is not None, record.failure
    history = record.tuning["history"]
    best = max(history, key=lambda trial: trial["score"])
    assert record.tuning["chosen"] == best["values"]
    assert record.data is not None
    assert record.data.counts == [20, 4]
    assert record.tuning["validation_counts"] == [5, 1]
    chosen = record.tuning["chosen"]
    by_hand = [
        f"optimizer.learning_rate={chosen['optimizer.learning_rate']!r}",
        f"method.focal.gamma={chosen['gamma']!r}",
    ]
    preset = settings.load(str(bench.preset), ["methods=['focal']", "budget.steps=30", *by_hand])
    (plain,) = plan.build(preset, ["textures"]).cells
    _, expected = cells.run(plain, shared_cache, "cpu")
    assert scores is not None
    assert expected is not None
    assert scores["logits"].tobytes() == expected["logits"].tobytes()


def test_a_tuned_cell_is_the_same_bit_for_bit_whatever_ran_before(bench, tmp_path) -> None:

    bench("--method", "focal", "--method", "mixup", "--tune", "3")
    bench.results = tmp_path / "other"
    bench("--method", "mixup", "--tune", "3")
    bench("--method", "focal", "--tune", "3")
    assert bench.same_bits(tmp_path / "results", tmp_path / "other")
    tunings = [{r.id: r.tuning for r in Store(tmp_path / folder).records()} for folder in ("results", "other")]
    assert tunings[0] == tunings[1]


def test_trials_are_quiet(bench) -> None:
    """With one minority image to learn from, feature-space resampling has something to say: to the record alone."""
    answer = bench("--method", "smote", "--tune", "2", "--ratio", "10")
    assert answer.code == 0
    assert answer.err == ""


def test_tuned_and_untuned_are_different_cells(bench) -> None:
    bench("--method", "focal")
    bench("--method", "focal", "--tune", "2")
    bench("--method", "focal", "--tune", "3")
    assert sorted(record.cell["tune"] for record in Store(bench.results).records()) == [0, 2, 3]


def test_tuning_sees_no_test_image(bench, shared_cache, monkeypatch) -> None:
    """The trials of a cell are the same when its test images are other ones."""
    preset = settings.load(str(bench.preset), ["methods=['focal']"])
    (cell,) = plan.build(preset, ["textures"], tune=3).cells
    expected, _ = cells.run(cell, shared_cache, "cpu")
    true = rows.split

    def other_test(*arguments: Any) -> datasets.Split:
        found = true(*arguments)
        return datasets.Split(found.train, found.test[::2])

    monkeypatch.setattr(rows, "split", other_test)
    found, _ = cells.run(cell, shared_cache, "cpu")
    assert expected.data is not None
    assert found.data is not None
    assert found.data.test_hash != expected.data.test_hash
    assert found.tuning == expected.tuning is not None


def test_values_that_diverge_are_a_trial_without_a_score(bench) -> None:
    bench(
        "--method", "cross-entropy", "--tune", "3", "--set", "optimizer.learning_rate=1e30", "--set", "budget.steps=8"
    )
    record = only_record(bench)
    assert record.status == "failed"
    assert "all 3 trials of tuning failed" in record.failure.message


def test_a_value_set_outside_the_search_space_is_still_the_first_trial(bench) -> None:
    bench("--method", "focal", "--tune", "3", "--set", "method.focal.gamma=7")
    history = only_record(bench).tuning["history"]
    assert [trial["values"]["gamma"] > 3 for trial in history] == [True, False, False]


def test_tuning_without_optuna_says_what_to_install(bench, monkeypatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "optuna" else found(name, *more)
    )
    answer = bench("--tune", "2")
    assert answer.code == 2
    assert ".[tune]" in answer.err
    assert not bench.results.exists()


def test_a_negative_number_of_trials_is_refused(bench) -> None:
    assert bench("--tune", "-1").code == 2


@pytest.mark.parametrize(("counts", "held"), [([40, 4], [10, 1]), ([400, 40, 2, 1], [100, 10, 1, 0]), ([1, 1], [0, 0])])
def test_the_validation_part_is_a_quarter_of_each_class(counts, held) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    fitting, validation = tune.cut(labels, None, np.random.default_rng(0))
    assert np.bincount(labels[validation], minlength=len(counts)).tolist() == held
    assert sorted([*fitting, *validation]) == list(range(len(labels)))


@pytest.mark.parametrize("seed", range(5))
def test_patients_do_not_straddle_the_cut_and_no_class_is_lost(seed) -> None:
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [60, 12, 3])
    groups = rng.integers(0, 15, len(labels))
    fitting, validation = tune.cut(labels, groups, rng)
    assert not set(groups[fitting]) & set(groups[validation])
    assert set(labels[fitting]) == {0, 1, 2}
    assert len(validation)


def test_nothing_to_validate_on_is_said() -> None:
    with pytest.raises(RuntimeError, match="cannot tune"):
        tune.search(None, _Singles(), None, _Context())  # type: ignore[arg-type]


class _Singles:
    labels = torch.tensor([0, 1])


class _Context:
    def rng(self, *purpose: object) -> np.random.Generator:
        return np.random.default_rng(0)


def test_a_trial_is_scored_by_balanced_accuracy_by_hand(bench) -> None:
    class Says(methods.Method):
        def fit(self, train, context) -> None: ...

        def predict_logits(self, images):
            return torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])

    labels = torch.tensor([0, 0, 0, 1, 1])  # two of three and one of two are right; the third class is not validated
    validation = methods.TrainSet(methods.Images((torch.zeros(5, 1, 1, 1),)), labels, 3)
    study = tune.Study(cell=None, context=None, fitting=validation, validation=validation)
    assert study.score(Says()) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_the_best_score_is_chosen_the_first_of_equal_ones_and_never_a_failed_one(bench, monkeypatch) -> None:
    scores = iter([0.4, None, 0.8, 0.8, 0.6])

    def scripted(study, values):
        score = next(scores)
        return tune.Trial(values, score, None if score else "it failed")

    monkeypatch.setattr(tune.Study, "trial", scripted)
    assert bench("--method", "focal", "--tune", "5").code == 0
    tuning = only_record(bench).tuning
    assert tuning["score"] == 0.8
    assert tuning["chosen"] == tuning["history"][2]["values"]
    assert tuning["chosen"] != tuning["history"][3]["values"]
