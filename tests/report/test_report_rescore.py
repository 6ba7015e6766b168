"""Stored scores judged at another prior, other costs and other thresholds agree with hand-computed examples."""

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, roc_auc_score, roc_curve

from benchmarks.report import build
from benchmarks.report.data.loading import collect
from benchmarks.report.rescore.records import judged, parse_cost, parse_prior
from benchmarks.report.rescore.scores import Use, corrected, judge, recall_at, thresholds
from benchmarks.report.rescore.split import split, split_tables
from datasets import UserError
from tests.report.synthetic import cell, generate, record, write

EVEN = np.array([0.5, 0.5])
# log odds of the second class: 4 images of each class
ODDS = np.array([-3.0, -2.0, -1.0, 0.5, -1.5, 0.2, 1.0, 2.0])
LABELS = np.repeat([0, 1], 4)
LOGITS = np.stack([np.zeros(8), ODDS], axis=1)


def test_probabilities_move_to_another_prior_by_bayes():
    # posterior odds 1 at even priors are odds 1 : 99 at a prior of 1 %
    moved = np.exp(corrected(np.zeros((1, 2)), EVEN, np.array([0.99, 0.01])))
    assert moved[0] == pytest.approx([0.99, 0.01])


def test_accuracy_and_cost_at_the_prior_of_the_use():
    # at even priors and costs an alarm is odds above 0: one false alarm of 4, one miss of 4
    even = judge(LOGITS, LABELS, Use(EVEN), EVEN)
    assert (even["deployed_accuracy"], even["expected_cost"]) == pytest.approx((0.75, 0.25))
    assert even["deployed_precision"] == pytest.approx(0.75)
    # costs 10 : 1 move the threshold to -log 10 = -2.3: no miss, alarms for -2, -1 and .5 of class 0
    dear = judge(LOGITS, LABELS, Use(EVEN, 10.0, 1.0), EVEN)
    assert dear["expected_cost"] == pytest.approx(0.5 * 0.75)
    # at a prior of 1 % log odds fall by 4.6: no alarm at all, so the accuracy is that of class 0
    rare = judge(LOGITS, LABELS, Use(np.array([0.99, 0.01])), EVEN)
    assert rare["deployed_accuracy"] == pytest.approx(0.99)
    assert np.isnan(rare["deployed_precision"])


def test_brier_score_is_scikit_learns_where_test_and_use_have_one_prior():
    # ours sums over both classes, scikit-learn's counts one
    found = judge(LOGITS, LABELS, Use(EVEN), EVEN)["brier"]
    assert found == pytest.approx(2 * brier_score_loss(LABELS, 1 / (1 + np.exp(-ODDS))))


def test_recall_at_a_share_of_false_alarms():
    # no false alarm above .5: two of four defects; one of four (25 %) allows thresholds above -1: three of four
    assert recall_at(ODDS, LABELS, 0.01) == 0.5
    assert recall_at(ODDS, LABELS, 0.25) == 0.75


def test_own_moved_and_best_threshold():
    found = thresholds(LOGITS, LABELS, np.array([0.9, 0.1]))
    # moved by log 9 = 2.2: all but -3 are alarms
    assert found["shift"] == pytest.approx(np.log(9))
    assert (found["own"], found["moved"], found["best"]) == pytest.approx((0.75, 0.625, 0.75))
    # pairs ranked right: 16 less (.5 beats -1.5 and .2; -1 beats -1.5)
    assert found["auroc"] == pytest.approx(13 / 16)


def test_thresholds_of_two_classes_are_those_of_the_roc_curve():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [40, 25])
    logits = rng.normal(size=(65, 2)).round(1) + 1.5 * np.eye(2)[labels]
    false, true, _ = roc_curve(labels, logits[:, 1] - logits[:, 0], drop_intermediate=False)
    assert thresholds(logits, labels, EVEN)["best"] == pytest.approx(((true + 1 - false) / 2).max())


def test_thresholds_of_three_classes_by_trying_all():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [8, 4, 4])
    # classes 1 and 2 are rare in training: their scores are too low by the log of the ratio of the counts
    trained = np.array([0.8, 0.16, 0.04])
    logits = 2 * np.eye(3)[labels] + rng.normal(size=(16, 3)) + np.log(trained)
    found = thresholds(logits, labels, trained)
    steps = np.linspace(-8, 8, 161)
    first, second = np.meshgrid(steps, steps, indexing="ij")
    offsets = np.stack([np.zeros_like(first), first, second], axis=-1)[:, :, None]
    right = (logits + offsets).argmax(-1) == labels
    tried = np.mean([right[..., labels == one].mean(-1) for one in range(3)], axis=0)
    assert found["own"] <= found["moved"] <= found["best"] <= 1.0
    assert found["best"] == pytest.approx(tried.max())
    assert found["own"] == pytest.approx(balanced_accuracy_score(labels, logits.argmax(1)))
    assert found["moved"] == pytest.approx(balanced_accuracy_score(labels, (logits - np.log(trained)).argmax(1)))
    assert found["shift"] == pytest.approx(np.log(20))


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_auroc_is_scikit_learns_with_ties_too(classes):
    rng = np.random.default_rng(classes)
    labels = np.concatenate([np.arange(classes), rng.integers(classes, size=60)])
    logits = rng.integers(4, size=(len(labels), classes)) + 2.0 * np.eye(classes)[labels]
    log_p = log_softmax(logits, axis=1)
    scores = log_p[:, 1] - log_p[:, 0] if classes == 2 else np.exp(log_p)
    found = thresholds(logits, labels, np.full(classes, 1 / classes))["auroc"]
    assert found == pytest.approx(roc_auc_score(labels, scores, multi_class="ovo"))


@pytest.mark.parametrize("text", ["20", "a:b", "0:1", "1:inf", "1:2:3"])
def test_costs_that_are_none_are_refused(text):
    with pytest.raises(UserError, match="--cost"):
        parse_cost(text)


@pytest.mark.parametrize("text", ["much", "0.5,0.6", "0", "1", "-1,2"])
def test_priors_that_are_none_are_refused(text):
    with pytest.raises(UserError, match="--prior"):
        parse_prior(text)
    assert parse_prior("0.01") == (0.99, 0.01)
    assert parse_cost("20:1") == (20.0, 1.0)


def test_the_prior_that_probabilities_are_for_is_chosen_on_other_seeds(tmp_path):
    # scores that are right at even priors, though the training subset had 80 : 1
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 500)
    write(tmp_path, [record(cell("elpv", 80, seed, "balanced-softmax")) for seed in (0, 1)])
    frame = collect([tmp_path]).frame
    for name in frame["id"]:
        odds = rng.normal(np.where(labels == 1, 2.0, -2.0), 2.0)  # log odds of two normals: x itself
        logits = np.stack([np.zeros(1000), odds], axis=1)
        np.savez(tmp_path / "scores" / f"{name}.npz", logits=logits, labels=labels, indices=labels)
    found = judged(frame, "balanced", (1.0, 1.0))
    expected = judge(logits, labels, Use(EVEN), EVEN)["brier"]
    assert found["brier"].iloc[-1] == pytest.approx(expected)


def test_a_report_at_a_cost_is_decided_by_it(tmp_path):
    folder = generate(tmp_path, ["elpv"], ["cross-entropy", "focal", "crt"], [20], scores=True)
    report = build([folder], figures=False, prior="0.01", cost="50:1")
    assert "expected cost" in " ".join(report.paragraphs[0].sentences)
    assert any("prior 0.01 and costs 50 : 1" in gap for gap in report.gaps)
    (table,) = split_tables(split(collect([folder]).frame))
    assert table.columns == ["Own threshold", "Moved by the prior", "Best possible", "AUROC"]
    with pytest.raises(UserError, match="give --prior or --cost"):
        build([folder], figures=False, metric="expected_cost")


def test_without_scores_nothing_can_be_judged_again(tmp_path):
    folder = generate(tmp_path, ["elpv"], ["focal"], [20])
    with pytest.raises(UserError, match="need the scores"):
        build([folder], figures=False, prior="training")
