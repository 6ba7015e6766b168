"""Metrics against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.running import metrics


def confused(matrix: list[list[int]], confidence: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels with a given confusion matrix, every prediction of one confidence."""
    classes = len(matrix)
    other = math.log((1 - confidence) / (classes - 1) / confidence)
    labels, logits = [], []
    for true, row in enumerate(matrix):
        for predicted, number in enumerate(row):
            labels += [true] * number
            logits += [np.where(np.arange(classes) == predicted, 0.0, other)] * number
    return np.array(logits, dtype=np.float32), np.array(labels)


def test_two_classes_by_hand() -> None:
    found = metrics.compute(*confused([[8, 2], [4, 6]]))
    assert found.confusion == [[8, 2], [4, 6]]
    assert found.recall == pytest.approx([0.8, 0.6])
    assert found.accuracy == pytest.approx(0.7)
    assert found.balanced_accuracy == pytest.approx(0.7)
    assert found.g_mean == pytest.approx(math.sqrt(0.8 * 0.6))
    f1 = [2 * 8 / (2 * 8 + 2 + 4), 2 * 6 / (2 * 6 + 2 + 4)]
    assert found.macro_f1 == pytest.approx(sum(f1) / 2)
    assert found.mcc == pytest.approx((8 * 6 - 2 * 4) / math.sqrt(10 * 10 * 12 * 8))


def test_three_classes_by_hand() -> None:
    found = metrics.compute(*confused([[4, 1, 0], [0, 3, 2], [0, 5, 0]]))
    assert found.recall == pytest.approx([0.8, 0.6, 0.0])
    assert found.balanced_accuracy == pytest.approx(1.4 / 3)
    assert found.g_mean == 0.0
    assert found.macro_f1 == pytest.approx((8 / 9 + 6 / 14 + 0) / 3)


def test_ranking_metrics_by_hand() -> None:
    """Scores .1 .4 .35 .8 of classes 0 0 1 1: three of four pairs in order; precision 1 and 2/3 at the two hits."""
    p = np.array([0.1, 0.4, 0.35, 0.8])
    found = metrics.compute(np.log(np.stack([1 - p, p], 1)), np.array([0, 0, 1, 1]))
    assert found.roc_auc == pytest.approx(0.75)
    assert found.average_precision == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("confidence", [0.55, 0.8, 0.9])
def test_calibration_error_of_one_confidence_is_its_distance_from_the_accuracy(confidence) -> None:
    found = metrics.compute(*confused([[8, 2], [4, 6]], confidence))
    assert found.ece == pytest.approx(abs(confidence - 0.7), abs=1e-6)


def test_calibration_error_over_several_bins_by_hand() -> None:
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.6, 0.4], [0.6, 0.4]])
    error = metrics.calibration_error(probabilities, np.array([0, 0, 0, 1]))
    assert error == pytest.approx(0.5 * 0.05 + 0.5 * 0.1)


def test_calibration_has_fifteen_bins() -> None:
    """Guo et al. 2017 use 15: .935 and .96 share the last one, 14/15 to 1; of 16 bins each would have its own."""
    probabilities, labels = np.array([[0.935, 0.065], [0.96, 0.04]]), np.array([1, 0])
    assert metrics.compute(np.log(probabilities), labels).ece == pytest.approx((0.935 + 0.96) / 2 - 0.5)
    assert metrics.calibration_error(probabilities, labels) == pytest.approx((0.935 + 0.96) / 2 - 0.5)
    assert metrics.calibration_error(probabilities, labels, bins=16) == pytest.approx((0.935 + 0.04) / 2)


def test_certainty_falls_into_the_last_bin() -> None:
    assert metrics.calibration_error(np.array([[1.0, 0.0]]), np.array([0])) == 0.0


def test_a_class_without_test_images_is_undefined_and_not_zero() -> None:
    logits, labels = confused([[4, 0, 1], [1, 4, 0], [0, 0, 0]])
    found = metrics.compute(logits, labels)
    assert found.recall == [pytest.approx(0.8), pytest.approx(0.8), None]
    assert found.roc_auc is None
    assert found.average_precision is None
    assert found.balanced_accuracy == pytest.approx(0.8)
    assert found.g_mean == pytest.approx(0.8)
    # hits and misses of the two classes that are tested; the third, predicted once, takes no part
    assert found.macro_f1 == pytest.approx((2 * 4 / (5 + 5) + 2 * 4 / (5 + 4)) / 2)


def test_ranking_metrics_of_three_classes_are_means_of_each_against_the_rest() -> None:
    p = np.array(
        [[0.7, 0.2, 0.1], [0.25, 0.1, 0.65], [0.3, 0.6, 0.1], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.2, 0.5, 0.3]]
    )
    found = metrics.compute(np.log(p), np.array([0, 0, 1, 1, 2, 2]))
    # of 8 pairs in order: .7 .25 over .3 .6 .1 .2 of class 0, .6 .3 over .2 .1 .2 .5 of 1, .7 .3 over .1 .65 .1 .1 of 2
    assert found.roc_auc == pytest.approx((6 / 8 + 7 / 8 + 7 / 8) / 3)


def test_of_two_classes_the_minority_is_ranked() -> None:
    """Scores .1 .4 .8 .6 of classes 0 0 0 1: the only hit comes second; class 0 by itself would have 11/12."""
    p = np.array([0.1, 0.4, 0.8, 0.6])
    found = metrics.compute(np.log(np.stack([1 - p, p], 1)), np.array([0, 0, 0, 1]))
    assert found.average_precision == pytest.approx(1 / 2)


def test_one_class_predicted_for_all() -> None:
    found = metrics.compute(*confused([[5, 0], [5, 0]]))
    assert (found.balanced_accuracy, found.g_mean, found.mcc, found.roc_auc) == (0.5, 0.0, 0.0, 0.5)
