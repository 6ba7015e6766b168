"""What is called better or behind: almost never by chance, and often enough where it is so."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import polygamma

from benchmarks.report.advice.calls import comparisons, trigamma_inverse
from benchmarks.report.advice.places import Place


def runs(rng, methods=8, seeds=3, levels=1, gain=0.0, spread=0.0):
    """Simulate methods that differ by chance alone, but for the second one's gain.

    Seeds, levels, and methods on a seed (its test images, at all levels) have effects of their own; a run has noise
    of two points, times a factor a method where `spread` is not zero.
    """
    factor = np.exp(spread * rng.normal(size=(methods, 1)))
    seed, shared = rng.normal(0, 3, (1, seeds)), 2 * factor * rng.normal(size=(methods, seeds))
    made = []
    for level in range(levels):
        values = 80 - 5 * level + seed + rng.normal(0, 3, (1, seeds)) + shared
        values = values + 2 * factor * rng.normal(size=(methods, seeds))
        values[1] += gain
        names = [f"method {i:02d}" for i in range(methods)]
        made.append(
            Place("folder:x", "step", 10.0 * 2**level, (640, 64 // 2**level), pd.DataFrame(values, index=names))
        )
    return made


def any_called(pairs):
    return bool(pairs.better("method 00") or pairs.behind())


@pytest.mark.parametrize("methods", [8, 60])
@pytest.mark.parametrize("spread", [0.0, 0.7])
def test_identical_methods_are_called_in_at_most_five_percent_of_reports(methods, spread):
    reports, called = 80, {}
    for seeds, levels in itertools.product((3, 5, 10), (1, 4)):
        rng = np.random.default_rng([methods, seeds, levels])
        made = [comparisons(runs(rng, methods, seeds, levels, spread=spread)) for _ in range(reports)]
        called[seeds, levels] = sum(map(any_called, made))
    # as many as a rate of 5 % exceeds once in a thousand times
    assert max(called.values()) <= stats.binom.ppf(0.999, reports, 0.05)
    assert sum(called.values()) <= stats.binom.ppf(0.999, reports * len(called), 0.05)


def test_all_at_once_are_called_as_each_pair_is():
    rng = np.random.default_rng(7)
    (place,) = runs(rng, 12, 5, gain=15.0)
    place.values.iloc[3, 0] = np.nan
    pairs = comparisons([place])
    names = list(pairs.values.index)
    assert pairs.better(names[0]) == [n for n in names[1:] if pairs.against(n, names[0]).called > 0]
    others = [n for n in names if n != pairs.leader]
    assert pairs.behind() == [n for n in others if pairs.between(n, pairs.leader).called < 0]
    assert pairs.leader == "method 01"
    assert pairs.behind()


def test_the_interval_of_the_best_of_many_covers_its_gain():
    rng, inside = np.random.default_rng(8), 0
    for _ in range(400):
        pairs = comparisons(runs(rng, 30, 3))
        picked = pairs.between(pairs.values.iloc[1:].mean(axis=1).idxmax(), "method 00")
        inside += picked.lowest <= 0 <= picked.highest
    assert inside >= stats.binom.ppf(0.001, 400, 0.95)


def test_the_error_rate_is_shared_by_the_tables_of_a_report():
    rng, reports, tables = np.random.default_rng(3), 60, 6
    called = sum(any(any_called(comparisons(runs(rng), tables)) for _ in range(tables)) for _ in range(reports))
    assert called <= stats.binom.ppf(0.999, reports, 0.05)


@pytest.mark.parametrize(("gain", "least", "most"), [(2.0, 0.0, 0.3), (5.0, 0.5, 1.0), (10.0, 0.98, 1.0)])
def test_power_with_ten_seeds_of_four_points_spread(gain, least, most):
    rng = np.random.default_rng(1)
    called = [comparisons(runs(rng, 8, 10, gain=gain)).against("method 01", "method 00").called > 0 for _ in range(100)]
    assert least <= np.mean(called) <= most


def test_the_detectable_gain_is_called_in_four_of_five_runs():
    rng = np.random.default_rng(2)
    gain = np.mean([comparisons(runs(rng, 8, 5)).detectable for _ in range(100)])
    called = [comparisons(runs(rng, 8, 5, gain=gain)).against("method 01", "method 00").called > 0 for _ in range(150)]
    assert 0.7 < np.mean(called) < 0.9


def test_two_methods_are_compared_by_the_paired_t_test():
    rng = np.random.default_rng(4)
    (place,) = runs(rng, methods=2, seeds=6)
    pair = comparisons([place]).between("method 01", "method 00")
    expected = stats.ttest_rel(place.values.loc["method 01"], place.values.loc["method 00"]).confidence_interval(0.95)
    assert (pair.low, pair.high) == pytest.approx((expected.low, expected.high))


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng, truth = np.random.default_rng(5), 4.0
    pairs = [comparisons(runs(rng, 12, 3, 2, gain=truth)).between("method 01", "method 00") for _ in range(1000)]
    assert 0.93 <= np.mean([pair.low <= truth <= pair.high for pair in pairs]) <= 0.97


def test_with_two_seeds_nothing_is_called():
    (place,) = runs(np.random.default_rng(6), seeds=2, gain=90.0)
    assert comparisons([place]).between("method 01", "method 00").called == 0


@pytest.mark.parametrize("x", [0.05, 1.0, 7.5, 400.0])
def test_the_inverse_of_trigamma(x):
    assert trigamma_inverse(float(polygamma(1, x))) == pytest.approx(x)


def test_a_run_that_goes_on_has_a_leader_before_any_method_has_all_seeds():
    values = pd.DataFrame([[80.0, np.nan], [np.nan, 90.0]], index=["focal", "crt"])
    found = comparisons([Place("folder:x", "step", 10.0, (200, 20), values)])
    assert found.leader == "crt"
