"""The summary follows from the numbers by its stated rules."""

import numpy as np
import pytest

from benchmarks.report.data.loading import collect
from benchmarks.report.data.points import points
from benchmarks.report.summary.summary import findings, paired_interval
from benchmarks.report.summary.text import missing, paragraphs
from tests.report.synthetic import cell, record, write

JITTER = (0.0, 0.004, -0.004)


def found(tmp_path, means, ratios=(5, 10, 20, 40), seeds=3, dataset="elpv", noise=None):
    """Return the findings on records of these mean accuracies, the same at every ratio; `noise` spreads the seeds."""
    records = [
        record(cell(dataset, ratio, seed, label), mean + JITTER[seed] * (noise or {}).get(label, 0))
        for label, mean in means.items()
        for ratio in ratios
        for seed in range(seeds)
    ]
    collection = collect([write(tmp_path, records)])
    return findings(collection.frame, "accuracy", "cross-entropy"), collection


def test_ranges_are_low_up_to_ten_and_high_beyond_and_balance_is_neither(tmp_path):
    results, _ = found(tmp_path, {"cross-entropy": 0.8, "focal": 0.9}, ratios=(1, 5, 10, 20, 80))
    assert [(r.high_imbalance, r.levels) for r in results] == [(False, [5, 10]), (True, [20, 80])]


def test_the_leader_its_gain_and_those_behind(tmp_path):
    results, _ = found(tmp_path, {"cross-entropy": 0.8, "focal": 0.9, "crt": 0.85}, ratios=(5, 10))
    (result,) = results
    assert result.leader == "focal"
    assert result.gain is not None
    # Every pair differs by exactly ten points.
    assert (result.gain.difference, result.gain.low, result.gain.high) == pytest.approx((0.1, 0.1, 0.1))
    assert result.tied == []
    assert result.behind == 2
    assert result.advice == "focal"


def test_methods_whose_interval_holds_zero_are_not_distinguished(tmp_path):
    means = {"cross-entropy": 0.80, "focal": 0.900, "crt": 0.899}
    results, _ = found(tmp_path, means, ratios=(5, 10), noise={"focal": 1, "crt": -1})
    (result,) = results
    assert [rival.label for rival in result.tied] == ["crt"]
    # crt trains in 2.3 s and focal in 2.5 s, which is within 1.2 times: the better mean is advised.
    assert result.advice == "focal"


def test_plain_cross_entropy_is_advised_where_nothing_beats_it(tmp_path):
    results, _ = found(tmp_path, {"cross-entropy": 0.9, "focal": 0.901}, ratios=(5, 10), noise={"focal": 1})
    assert results[0].advice == "cross-entropy"
    assert paragraphs(results, "accuracy", "cross-entropy")[0].advice.startswith("Plain cross-entropy will do")


def test_a_cheaper_equal_is_advised(tmp_path):
    means = {"cross-entropy": 0.8, "class-balanced-focal": 0.9, "crt": 0.899}
    results, _ = found(tmp_path, means, ratios=(5, 10), noise={"crt": 1})
    # class-balanced-focal trains 4.0 s, crt 2.3 s: more than 1.2 times as long.
    assert (results[0].leader, results[0].advice) == ("class-balanced-focal", "crt")


def test_with_few_seeds_nothing_is_called_distinguishable(tmp_path):
    results, _ = found(tmp_path, {"cross-entropy": 0.5, "focal": 0.9}, ratios=(20, 40), seeds=2)
    assert not results[0].enough
    assert results[0].behind == 0
    (text,) = paragraphs(results, "accuracy", "cross-entropy")
    assert text.advice == ""
    assert "With 2 seeds no difference can be told from chance" in " ".join(text.sentences)


def test_one_level_uses_students_interval():
    values = np.array([[0.10, 0.12, 0.14]])
    # mean .12, sd .02, t(.975, 2) = 4.302653
    half = 4.302653 * 0.02 / np.sqrt(3)
    assert paired_interval(values) == pytest.approx((0.12, 0.12 - half, 0.12 + half))


def test_the_interval_is_that_of_two_way_resampling():
    # Only seeds differ: drawing levels anew changes nothing, drawing three seeds gives means of three of -1, 0, 1.
    seeds = np.tile([[-1.0, 0.0, 1.0]], (4, 1))
    mean, low, high = paired_interval(seeds)
    # P(all three draws are -1) = 1/27 = 3.7 %, so the 2.5 % point is -1.
    assert (mean, low, high) == (0.0, -1.0, 1.0)


def test_missing_runs_are_left_out_of_the_pairs():
    values = np.array([[0.1, np.nan, 0.3], [0.1, 0.2, np.nan]])
    mean, low, high = paired_interval(values)
    assert mean == pytest.approx(0.175)
    assert 0.1 <= low <= mean <= high <= 0.3


def test_a_method_that_lacks_a_level_cannot_lead(tmp_path):
    records = [record(cell("elpv", r, s, "cross-entropy"), 0.8) for r in (20, 40) for s in range(3)]
    records += [record(cell("elpv", 20, s, "focal"), 0.99) for s in range(3)]
    collection = collect([write(tmp_path, records)])
    assert findings(collection.frame, "accuracy", "cross-entropy")[0].leader == "cross-entropy"


def test_own_images_are_advised_by_their_folders_name(tmp_path):
    means = {"cross-entropy": 0.8, "focal": 0.9}
    results, _ = found(tmp_path, means, ratios=(20, 40), dataset="folder:/home/somebody/tiles")
    (text,) = paragraphs(results, "accuracy", "cross-entropy")
    assert text.heading == "folder:tiles, step: high imbalance (IR 20, 40)"
    assert text.advice.startswith("Use focal (0.8 times")
    assert "focal leads with a mean accuracy of 90.00 %, +10.0 points against cross-entropy" in text.sentences[0]


def test_what_is_missing_is_said(tmp_path):
    grid = {
        "datasets": ["elpv"],
        "protocols": ["step"],
        "ratios": [10, 80],
        "seeds": [0, 1],
        "methods": ["focal", "crt"],
        "skipped": [{"dataset": "elpv", "level": {"protocol": "step", "ratio": 80}, "reason": "too few images"}],
    }
    records = [record(cell("elpv", 10, 0, "focal")), record(cell("elpv", 10, 1, "focal"), None)]
    collection = collect([write(tmp_path, records, grid)])
    assert missing(points(collection), collection) == [
        "1 failed cell of focal on elpv: FloatingPointError: the loss became NaN at step 7",
        "No record yet of 2 cells asked for (elpv 2)",
        "elpv, step: IR 80 skipped: too few images",
    ]
