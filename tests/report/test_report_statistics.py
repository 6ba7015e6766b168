"""Statistics agree with Demsar's published example and with closed forms."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmarks.report.data.loading import collect
from benchmarks.report.data.names import METRICS
from benchmarks.report.data.origin import image_sets
from benchmarks.report.data.points import points
from benchmarks.report.statistics.intervals import interval
from benchmarks.report.statistics.tests import (
    CAVEAT,
    analyse,
    block_matrix,
    compare_with,
    critical_difference,
    friedman,
    holm,
    mean_ranks,
    rank_intervals,
    wilcoxon,
)
from benchmarks.report.statistics.text import markdown
from tests.report.synthetic import cell, generate, record, write

# Demsar, JMLR 7 (2006), table 6: AUC of C4.5, C4.5+m, C4.5+cf, C4.5+m+cf. The values are printed with three digits; in
# the line of "voting" the fourth one was less than the third before rounding, as its printed rank shows.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.975, 0.9745],
        [0.957, 0.978, 0.946, 0.970],
    ]
)
METHODS = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]
AUC = METRICS["roc_auc"]


@pytest.fixture
def demsar():
    return pd.DataFrame(DEMSAR, columns=METHODS)


def test_mean_ranks_of_the_published_example(demsar):
    assert mean_ranks(demsar, AUC).round(3).tolist() == [3.143, 2.000, 2.893, 1.964]


def test_ranks_turn_round_where_less_is_better(demsar):
    assert mean_ranks(1 - demsar, METRICS["ece"]).round(3).tolist() == [3.143, 2.000, 2.893, 1.964]


def test_friedman_of_the_published_example(demsar):
    found = friedman(demsar, AUC)
    assert found["chi2_plain"] == pytest.approx(9.28, abs=0.01)
    assert found["chi2"] == pytest.approx(10.228, abs=0.001)
    assert found["iman_davenport"] == pytest.approx(3.69, abs=0.01)


@pytest.mark.parametrize(
    ("methods", "q"),
    list(zip(range(2, 11), [1.960, 2.344, 2.569, 2.728, 2.850, 2.948, 3.031, 3.102, 3.164], strict=True)),
)
def test_critical_difference_from_the_published_q(methods, q):
    assert critical_difference(methods, 14) == pytest.approx(q * np.sqrt(methods * (methods + 1) / 84), abs=2e-3)


def test_critical_difference_of_the_published_example():
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


def test_wilcoxon_of_the_published_example(demsar):
    # Demsar's table 2: T = 12 with 14 data sets, rejected at .05 (critical 21); its z of -2.54 has p = .011.
    assert wilcoxon((demsar["C4.5+m"] - demsar["C4.5"]).round(3).to_numpy()) == pytest.approx(0.011, abs=0.002)
    assert wilcoxon(np.zeros(8)) == 1.0


def test_holm_agrees_with_statsmodels():
    p = np.array([0.03, 0.001, 0.04, 0.2, 0.01, 0.04])
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


@pytest.mark.parametrize("datasets", [1, 2, 3, 8])
def test_intervals_cover_the_truth_as_often_as_they_say(datasets):
    rng, seeds, hits = np.random.default_rng(datasets), 4, []
    for _ in range(2000):
        # with one or two datasets the claim is about these: their own means are the truth
        own = rng.normal(0, 2, (datasets, 1))
        found = interval(pd.DataFrame(own + rng.normal(0, 3, (datasets, seeds))))
        truth = 0.0 if datasets > 2 else float(own.mean())
        hits.append(found.low <= truth <= found.high)
    assert 0.93 <= np.mean(hits) <= 0.97


def test_one_dataset_has_students_interval_and_three_verdicts():
    found = interval(pd.DataFrame([[1.0, 2.0, 3.0, np.nan]]))
    expected = stats.ttest_1samp([1.0, 2.0, 3.0], 0).confidence_interval(0.95)
    assert (found.low, found.high, found.unit, found.units) == pytest.approx((expected.low, expected.high, "seeds", 3))
    assert [found.verdict(target) for target in (-1.0, 2.0, 9.0)] == ["holds", "cannot be told", "does not hold"]
    assert interval(pd.DataFrame([[99.0]])).verdict(1.0) == "cannot be told"


def test_differences_to_the_control(demsar):
    found = compare_with(demsar, "C4.5", AUC)
    expected = (DEMSAR[:, 1] - DEMSAR[:, 0]).mean()
    row = found.loc["C4.5+m"]
    assert row["difference"] == pytest.approx(expected)
    assert row["low"] < expected < row["high"]
    assert (row["wins"], row["losses"]) == (10, 2)
    assert compare_with(demsar, "absent", AUC).empty


def test_parts_and_protocols_of_one_set_of_images_are_one_dataset():
    assert image_sets(["tile", "tile/defects", "tiles", "dagm/1", "dagm/2", "elpv [settings 1a]", "elpv"]) == {
        "tile": "tile",
        "tile/defects": "tile",
        "tiles": "tiles",
        "dagm/1": "dagm/1",
        "dagm/2": "dagm/2",
        "elpv [settings 1a]": "elpv",
        "elpv": "elpv",
    }
    assert image_sets(["tile/defects", "elpv"]) == {"tile/defects": "tile/defects", "elpv": "elpv"}
    names = ["tile", "tile/defects", "tile/defects", "elpv", "textures"]
    blocks = pd.MultiIndex.from_arrays(
        [names, ["step", "step", "few", "step", "step"], [10.0] * 5], names=["dataset", "protocol", "level"]
    )
    values = pd.DataFrame({"control": [0.5] * 5, "a": [0.59, 0.53, 0.56, 0.51, 0.49]}, blocks)
    row = compare_with(values, "control", METRICS["accuracy"]).loc["a"]
    # tile's three blocks are one dataset of (9 + 3 + 6) / 3 = 6 points: (6 + 1 - 1) / 3, with t(.975, 2) = 4.302653
    # and the standard deviation of 6, 1 and -1, sqrt 13
    half = 4.302653 * np.sqrt(13) / np.sqrt(3) / 100
    assert row["difference"] == pytest.approx(0.02)
    assert (row["low"], row["high"]) == pytest.approx((0.02 - half, 0.02 + half))
    assert (row["wins"], row["losses"]) == (2, 1)
    # two sets of images are too few for an interval, however many parts there are
    assert compare_with(values.iloc[:4], "control", METRICS["accuracy"])["low"].isna().all()
    assert rank_intervals(values.iloc[:4], METRICS["accuracy"]).empty


def test_seeds_are_averaged_before_anything_is_tested(tmp_path):
    accuracies = {0: 0.6, 1: 0.8}
    records = [record(cell("a", 10, s, label), a) for label in ("focal", "crt") for s, a in accuracies.items()]
    values, left_out = block_matrix(points(collect([write(tmp_path, records)])), "accuracy")
    assert values.to_numpy().tolist() == [[pytest.approx(0.7), pytest.approx(0.7)]]
    assert left_out == []


def test_only_complete_methods_and_blocks_and_what_is_left_out_is_said(tmp_path):
    labels, ratios = ["cross-entropy", "focal", "crt", "mixup"], [1, 5, 10, 20, 40, 80]
    missing = {("mixup", r) for r in ratios[1:]} | {("focal", 80), ("crt", 80)}
    records = [record(cell("a", r, 0, x)) for x in labels for r in ratios if (x, r) not in missing]
    values, left_out = block_matrix(points(collect([write(tmp_path, records)])), "accuracy")
    assert set(values.columns) == {"cross-entropy", "focal", "crt"}
    assert [level for *_, level in values.index] == ratios[:-1]
    assert left_out == ["mixup (lacks 5 of 6 blocks)", "a step IR 80 (lacks 2 of 3 methods)"]


def test_levels_left_out_for_one_reason_are_named_in_one_breath(tmp_path):
    labels = ["cross-entropy", "focal", "crt"]
    records = [record(cell("a", ratio, 0, x)) for x in labels for ratio in (10, 20, 40)]
    records += [record(cell("a", images, 0, "focal", "few")) for images in (3, 1, 10)]
    _, left_out = block_matrix(points(collect([write(tmp_path, records)])), "accuracy")
    assert left_out == ["a few at 1, 3, 10 (each lacks 2 of 3 methods)"]


def test_too_few_blocks_give_a_sentence_and_no_test(tmp_path):
    folder = generate(tmp_path, ["elpv"], ["cross-entropy", "focal", "crt"], [1, 5, 10, 20])
    analysis = analyse(points(collect([folder])), "accuracy", "cross-entropy")
    assert "there are 4 blocks (dataset x protocol x level) and 5 are needed" in analysis.verdict
    assert analysis.nemenyi is None
    assert analysis.friedman == {}
    assert "p" not in analysis.against_control
    assert "No test and no diagram" in markdown({"as-in-paper": analysis})


def test_the_correlation_between_ratios_is_said_beside_the_p_values(tmp_path):
    datasets = ["elpv", "textures", "dagm/1", "dagm/2", "dagm/3"]
    folder = generate(tmp_path, datasets, ["cross-entropy", "focal", "crt"], [10, 20])
    analysis = analyse(points(collect([folder])), "accuracy", "cross-entropy")
    text = markdown({"as-in-paper": analysis})
    assert text.count(CAVEAT) == 1
    wins = analysis.against_control["wins"] + analysis.against_control["losses"]
    assert wins.tolist() == [5, 5], "datasets are counted, not levels"
    assert "p (Holm)" in text
    assert analysis.nemenyi is not None


def test_one_method_cannot_be_tested(tmp_path):
    folder = generate(tmp_path, ["elpv"], ["cross-entropy"])
    assert "No test" in analyse(points(collect([folder])), "accuracy", "cross-entropy").verdict
