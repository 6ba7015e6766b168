"""--tune N: the same trials for every method, on training images alone, beside the default cell, the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import datasets
import methods
from benchmarks.grid import plan
from benchmarks.grid import presets as settings
from benchmarks.records.store import Store
from benchmarks.report.data.loading import collect
from benchmarks.running import cell as cells
from benchmarks.running.prepare import Prepared
from benchmarks.running.tuning import study as tuning
from benchmarks.running.tuning.folds import folds
from benchmarks.running.tuning.space import BATCH, DECAY, DROPOUT, FLIPS, RATE, SHARED, STEPS


def tuned_record(bench: Any) -> Any:
    (record,) = [record for record in Store(bench.results).records() if record.cell["tune"]]
    return record


def tuned_cell(bench: Any, trials: int, *overrides: str) -> Any:
    preset = settings.load(str(bench.preset), list(overrides))
    (cell,) = [cell for cell in plan.build(preset, ["textures"], tune=trials).cells if cell.tune]
    return cell


@pytest.mark.parametrize("method", ["cross-entropy", "under-bagging", "smote"])
def test_every_method_gets_its_trials_beside_its_default_cell(bench, method) -> None:
    assert bench("--method", method, "--tune", "4", "--set", "budget.steps=20").code == 0
    records = {record.cell["label"]: record for record in Store(bench.results).records()}
    assert set(records) == {method, f"{method} (tuned)"}
    tuned = records[f"{method} (tuned)"]
    assert tuned.status == "done", tuned.failure
    assert tuned.cell["tune"] == tuned.tuning["trials"] == len(tuned.tuning["history"]) == 4
    assert tuned.cost.steps == tuned.tuning["chosen"][STEPS]
    assert records[method].cost.steps == 20
    assert collect([bench.results]).frame["comparison"].unique().tolist() == ["as-in-paper"]


def test_shared_values_are_those_of_every_method_trial_by_trial(bench) -> None:
    found = []
    for method in ("focal", "mixup"):
        record, _ = cells.run(tuned_cell(bench, 4, f"methods=['{method}']"), bench.cache, "cpu")
        history = record.tuning["history"]
        found.append([{name: trial["values"][name] for name in SHARED} for trial in history])
        assert all(set(trial["values"]) > set(SHARED) for trial in history)
    assert found[0] == found[1]
    assert found[0][0] == {RATE: 1e-3, DECAY: 1e-2, DROPOUT: 0.2, STEPS: 6, BATCH: 8, FLIPS: True}
    assert all(1e-4 <= values[RATE] <= 1e-2 for values in found[0])
    assert all(1e-4 <= values[DECAY] <= 1 for values in found[0])
    assert {values[STEPS] for values in found[0]} <= {2, 6, 18}
    assert len({values[RATE] for values in found[0]}) == 4


def test_plain_cross_entropy_may_smooth_its_labels(bench) -> None:
    bench("--method", "cross-entropy", "--tune", "3")
    tried = [trial["values"]["label_smoothing"] for trial in tuned_record(bench).tuning["history"]]
    assert tried[0] == 0
    assert all(0 < value < 0.2 for value in tried[1:])


def test_a_method_without_steps_has_only_values_of_its_own(bench) -> None:
    arguments = ("--method", "knn-distance", "--tune", "3", "--set", "backbone.frozen=true")
    assert bench(*arguments).code == 0
    record = tuned_record(bench)
    assert record.tuning["steps"] == 0
    assert all(set(trial["values"]) == {"quantile", "k"} for trial in record.tuning["history"])


@pytest.mark.slow
def test_what_is_chosen_is_what_a_plain_cell_of_these_values_gives(bench, shared_cache) -> None:
    cell = tuned_cell(bench, 5, "methods=['focal']", "budget.steps=30", "optimizer.learning_rate=0.003")
    record, scores = cells.run(cell, shared_cache, "cpu")
    assert record.tuning is not None, record.failure
    assert record.data.counts == [20, 4]
    chosen = record.tuning["chosen"]
    by_hand = [f"{name}={chosen[name]!r}" for name in (RATE, DECAY, DROPOUT, STEPS, BATCH)]
    by_hand += [f"augmentation.{kind}_flip={str(chosen[FLIPS]).lower()}" for kind in ("horizontal", "vertical")]
    by_hand += ["methods=['focal']", f"method.focal.gamma={chosen['gamma']!r}"]
    (plain,) = plan.build(settings.load(str(bench.preset), by_hand), ["textures"]).cells
    _, expected = cells.run(plain, shared_cache, "cpu")
    assert scores["logits"].tobytes() == expected["logits"].tobytes()


@pytest.mark.slow
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


def test_tuning_sees_no_test_image(bench, shared_cache, monkeypatch) -> None:
    """The trials of a cell are the same when its test images are other ones."""
    cell = tuned_cell(bench, 3, "methods=['focal']")
    expected, _ = cells.run(cell, shared_cache, "cpu")
    true = Prepared.rows

    def other_test(*arguments: Any) -> tuple[np.ndarray, np.ndarray]:
        train, test = true(*arguments)
        return train, test[::2]

    monkeypatch.setattr(Prepared, "rows", other_test)
    found, _ = cells.run(cell, shared_cache, "cpu")
    assert found.data.test_hash != expected.data.test_hash
    assert found.tuning == expected.tuning is not None


def test_values_that_diverge_are_a_trial_without_a_score(bench) -> None:
    bench(
        "--method", "cross-entropy", "--tune", "3", "--set", "optimizer.learning_rate=1e30", "--set", "budget.steps=8"
    )
    record = tuned_record(bench)
    assert record.status == "failed"
    assert "all 3 trials of tuning failed" in record.failure.message


def torch_on_cpu(_: str) -> RuntimeError:
    """Return what torch raises where a processor's memory is used up; other programs leave it none."""
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60, dtype=torch.uint8)
    return raised.value


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError, torch_on_cpu, datasets.UserError])
def test_what_the_machine_lacks_is_no_trial_without_a_score(bench, shared_cache, monkeypatch, error) -> None:
    """Else what is chosen would hang on what else runs beside it."""
    true, fits = methods.NetworkMethod.fit, iter(range(100))

    def second_fails(self, train, context) -> None:
        if next(fits) == 1:
            raise error("none left")
        true(self, train, context)

    monkeypatch.setattr(methods.NetworkMethod, "fit", second_fails)
    cell = tuned_cell(bench, 2, "methods=['cross-entropy']", "budget.steps=2")
    if error is datasets.UserError:
        with pytest.raises(error, match="none left"):
            cells.run(cell, shared_cache, "cpu")
    else:
        record, _ = cells.run(cell, shared_cache, "cpu")
        assert record.failure.type == type(error("none left")).__name__


def test_with_one_minority_image_the_defaults_stay_and_that_is_said(bench) -> None:
    bench("--method", "focal", "--tune", "3", "--ratio", "20")
    records = {bool(record.cell["tune"]): record for record in Store(bench.results).records()}
    assert records[True].data.counts == [20, 1]
    assert any("the defaults stay" in note for note in records[True].data.notes)
    logits = [Store(bench.results).read_scores(record.id)["logits"].tobytes() for record in records.values()]
    assert logits[0] == logits[1]


def test_a_negative_number_of_trials_is_refused(bench) -> None:
    answer = bench("--tune", "-1")
    assert answer.code == 2
    assert "--tune" in answer.err


@pytest.mark.parametrize(
    ("counts", "number"), [([40, 9], 6), ([40, 3], 6), ([40, 2], 4), ([40, 1], 0), ([40, 0], 0), ([40, 9, 1], 6)]
)
def test_each_repeat_validates_every_image_once_but_single_ones(counts, number) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    found = folds(labels, None, seed=3)
    assert len(found) == number
    for repeat in (found[: number // 2], found[number // 2 :]):
        held = np.sort(np.concatenate([held for _, held in repeat])) if repeat else []
        assert list(held) == [row for row, label in enumerate(labels) if counts[label] > 1 and number]
    for fit, held in found:
        assert sorted([*fit, *held]) == list(range(len(labels)))
        assert set(labels[fit]) == set(labels)


@pytest.mark.parametrize("seed", range(5))
def test_patients_do_not_straddle_a_fold_and_no_class_is_lost(seed) -> None:
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [60, 12, 6])
    groups = rng.integers(0, 15, len(labels))
    found = folds(labels, groups, seed)
    assert found
    for fit, held in found:
        assert not set(groups[fit]) & set(groups[held])
        assert set(labels[fit]) == {0, 1, 2}
        assert len(set(labels[held])) > 1


def test_a_trial_is_scored_by_balanced_accuracy_by_hand() -> None:
    class Says(methods.Method):
        def fit(self, train, context) -> None: ...

        def predict_logits(self, images):
            return torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])

    labels = torch.tensor([0, 0, 0, 1, 1])  # two of three and one of two are right; the third class is not validated
    validation = methods.TrainSet(methods.Images((torch.zeros(5, 1, 1, 1),)), labels, 3)
    accuracy, likelihood = tuning.score(Says(), validation)
    assert accuracy == pytest.approx((2 / 3 + 1 / 2) / 2)
    right, wrong = 1 - np.log(np.e + 2), -np.log(np.e + 2)
    assert likelihood == pytest.approx(((2 * right + wrong) / 3 + (right + wrong) / 2) / 2)


SCRIPT = {  # what each trial scores on every fold
    "default": 0.5,
    "best": 0.9,
    "second": 0.8,
    "third": 0.7,
    "worst": 0.1,
}


class Scripted:
    """A space whose trials have the scores of the script, and whose runs are counted."""

    def __init__(self) -> None:
        self.context = type("Context", (), {"meter": type("Meter", (), {"steps": 1})()})()

    def draw(self, trial: int) -> dict[str, Any]:
        return {"name": list(SCRIPT)[trial]}


def test_each_round_keeps_the_better_half_and_the_defaults(monkeypatch) -> None:
    runs: list[tuple[str, int]] = []

    def run(space, trial, train, cuts, place) -> None:
        runs.append((trial.values["name"], place))
        if trial.values["name"] == "worst":
            trial.error = "it failed"
        else:
            trial.scores.append((SCRIPT[trial.values["name"]], 0.0))

    monkeypatch.setattr(tuning, "_run", run)
    trials = tuning.race(Scripted(), None, [None] * 4, 5)
    by_round = [{name for name, place in runs if place == k} for k in range(4)]
    assert by_round == [set(SCRIPT), {"default", "best", "second"}, *[{"default", "best", "second"}] * 2]
    assert max((t for t in trials if len(t.scores) == 4), key=lambda t: t.mean).values["name"] == "best"
