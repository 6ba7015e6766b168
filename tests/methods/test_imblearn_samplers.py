"""Samplers of imbalanced-learn on features, very small classes included."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import methods
from methods import testing
from methods.resampling.imblearn_samplers import Resampler, build, ensemble_names, sampler_names

LOG = logging.getLogger("test")


def features(*counts):
    y = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(0).normal(size=(len(y), 6)).astype(np.float32) + y[:, None], y


def resample(name, counts, **parameters):
    return Resampler(name, parameters, 7, LOG)(*features(*counts))


@pytest.mark.parametrize("smallest", [2, 3, 4, 5])
def test_smote_with_k_of_at_least_n_interpolates_inside_the_class(smallest):
    x, y = features(20, smallest)
    new_x, new_y = resample("SMOTE", (20, smallest), k_neighbors=5)
    assert np.bincount(new_y).tolist() == [20, 20]
    np.testing.assert_array_equal(new_x[: len(x)], x)
    own, made = x[y == 1], new_x[len(x) :]
    for point in made:
        off = [_distance_to_segment(point, a, b) for a in own for b in own]
        assert min(off) < 1e-4


def _distance_to_segment(point, a, b):
    along = np.clip(np.dot(point - a, b - a) / max(np.dot(b - a, b - a), 1e-12), 0, 1)
    return np.linalg.norm(point - a - along * (b - a))


def test_one_small_class_does_not_lessen_k_for_the_others(monkeypatch):
    asked = []
    real = build

    def spy(name, parameters, seed):
        asked.append((parameters.get("k_neighbors"), sorted(parameters.get("sampling_strategy", {}))))
        return real(name, parameters, seed)

    monkeypatch.setattr("methods.resampling.imblearn_samplers.build", spy)
    resample("SMOTE", (20, 12, 3, 2, 1), k_neighbors=5)
    assert [call for call in asked if call[1]] == [(1, [3]), (2, [2]), (5, [1])]


@pytest.mark.parametrize("name", ["SMOTE", "BorderlineSMOTE", "ADASYN", "SMOTETomek", "KMeansSMOTE", "SVMSMOTE"])
def test_a_single_image_is_duplicated_and_that_is_said(name, caplog):
    x, _ = features(12, 6, 1)
    with caplog.at_level(logging.WARNING, "test"):
        new_x, new_y = resample(name, (12, 6, 1))
    assert "duplicated" in caplog.text
    assert np.bincount(new_y)[2] > 1
    np.testing.assert_allclose(new_x[new_y == 2], np.broadcast_to(x[-1], new_x[new_y == 2].shape), rtol=1e-5)


def test_where_adasyn_finds_nothing_to_generate_images_are_duplicated(caplog):
    x, y = features(12, 6)
    x[y == 1] += 1000  # far from all others: no neighbourhood is mixed
    with caplog.at_level(logging.WARNING, "test"):
        new_x, new_y = Resampler("ADASYN", {}, 7, LOG)(x, y)
    assert "nothing to generate" in caplog.text
    assert np.bincount(new_y).tolist() == [12, 12]
    assert {tuple(row) for row in new_x[new_y == 1]} == {tuple(row) for row in x[y == 1]}


@pytest.mark.parametrize("name", ["SMOTE", "ADASYN", "BorderlineSMOTE", "SMOTETomek", "RandomUnderSampler", "NearMiss"])
def test_with_equal_classes_nothing_is_made_up(name):
    x, _ = features(8, 8)
    new_x, _ = resample(name, (8, 8))
    assert {tuple(row) for row in new_x} <= {tuple(row) for row in x}


def test_a_class_that_cleaning_would_remove_is_kept(caplog):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(24, 6)).astype(np.float32), np.array([0] * 20 + [1] * 3 + [2])
    with caplog.at_level(logging.WARNING, "test"):
        _, new_y = Resampler("EditedNearestNeighbours", {"sampling_strategy": "all"}, 7, LOG)(x, y)
    assert set(new_y) == {0, 1, 2}
    assert "kept" in caplog.text


def test_the_same_seed_gives_the_same_features():
    first, again = (resample("SMOTE", (20, 5))[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_the_callers_parameters_reach_the_sampler():
    _, y = resample("RandomOverSampler", (20, 5), sampling_strategy={1: 9})
    assert np.bincount(y).tolist() == [20, 9]


def test_a_method_of_any_class_has_its_name_and_family():
    smote, forest = methods.get("imblearn:SMOTE"), methods.get("imblearn:BalancedRandomForestClassifier")
    assert (smote.name, smote.family) == ("imblearn:SMOTE", "resampling")
    assert (forest.name, forest.family) == ("imblearn:BalancedRandomForestClassifier", "ensemble")


def test_every_sampler_and_ensemble_of_imbalanced_learn_is_there():
    from imblearn.utils.testing import all_estimators

    theirs = {name for name, _ in all_estimators()}
    not_for_features = {"FunctionSampler", "Pipeline", "ValueDifferenceMetric", "SMOTEN", "SMOTENC"}
    assert theirs - not_for_features == {*sampler_names(), *ensemble_names()}


@pytest.mark.parametrize("name", ["smote", "balanced-bagging"])
def test_the_backbones_maps_can_be_used_as_they_are(name):
    train = testing.made_data((12, 6, 3))
    method = methods.create(name, space="backbone")
    context = testing.tiny_context(train)
    method.fit(train, context)
    assert method.predict_logits(train.images).shape == (21, 3)
    assert method.features(train.images).shape == (21, 16)  # largest and mean of 8 channels
    assert context.meter.steps == (testing.STEPS if name == "smote" else 0)
