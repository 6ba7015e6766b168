"""Probes are scikit-learn's classifiers on standardised, pooled maps of the training subset."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import methods
from methods import testing
from methods.probe.linear import UNCHOSEN, stratified

NAMES = [name for name in methods.available() if methods.get(name).family == "probe"]


def pooled(train):
    """Return the (N, D) means and maxima of the maps, standardised, and the labels."""
    maps = train.images.levels[0].double().numpy()
    x = np.concatenate([maps.mean((1, 2)), maps.max((1, 2))], 1)
    return (x - x.mean(0)) / x.std(0), train.labels.numpy()


def trained(name, train, **parameters):
    method = methods.create(name, **parameters)
    method.fit(train, testing.tiny_context(train))
    return method.predict_logits(train.images)


@pytest.mark.parametrize("counts", [(20, 6), (20, 8, 4)])
@pytest.mark.parametrize(("name", "weight"), [("linear-probe", None), ("linear-probe-balanced", "balanced")])
def test_a_linear_probe_is_logistic_regression_on_pooled_maps(name, weight, counts):
    train = testing.made_data(counts)
    x, y = pooled(train)
    model = LogisticRegression(C=0.1, class_weight=weight, tol=1e-8, max_iter=10_000).fit(x, y)
    torch.testing.assert_close(
        trained(name, train, C=0.1).double(), torch.tensor(model.predict_log_proba(x)), rtol=0, atol=0.02
    )


def test_the_adjusted_probe_takes_the_prior_off():
    train = testing.made_data((20, 6))
    plain, adjusted = trained("linear-probe", train, C=0.1), trained("linear-probe-adjusted", train, C=0.1, tau=2.0)
    expected = (plain - 2 * torch.tensor([20 / 26, 6 / 26]).log()).log_softmax(1)
    torch.testing.assert_close(adjusted, expected, rtol=0, atol=1e-5)


def test_the_penalty_is_strong_where_labels_are_noise_and_weak_where_they_are_not(caplog):
    train = testing.made_data((30, 30))
    noise = testing.made_data((60, 0))
    noise = type(noise)(noise.images, torch.randint(2, (60,), generator=torch.Generator().manual_seed(0)), 2)
    chosen = []
    for data in (train, noise):
        with caplog.at_level(logging.INFO, logger="methods"):
            trained("linear-probe", data)
        chosen.append(float(caplog.messages[-1].split("=")[1]))
    assert chosen[0] > 10 * chosen[1]


def test_with_one_image_of_a_class_the_penalty_is_not_chosen(caplog):
    with caplog.at_level(logging.INFO, logger="methods"):
        trained("linear-probe", testing.made_data((20, 1)))
    assert float(caplog.messages[-1].split("=")[1]) == UNCHOSEN


@pytest.mark.parametrize("name", NAMES)
def test_a_class_without_images_is_never_predicted(name):
    logits = trained(name, testing.made_data((12, 0, 5)))
    assert logits.isfinite().all()
    assert (logits.argmax(1) != 1).all()


@pytest.mark.parametrize("name", NAMES)
def test_one_class_alone_is_refused_with_the_remedy(name):
    with pytest.raises(ValueError, match=f"{name}: needs images of two classes at least; a one-class method"):
        trained(name, testing.made_data((12, 0)))


@pytest.mark.parametrize("name", NAMES)
def test_every_depth_of_maps_is_read(name):
    train = testing.made_data((16, 8))
    still = torch.zeros_like(train.images.levels[0])
    for levels in ((train.images.levels[0], still), (still, train.images.levels[0])):
        data = type(train)(type(train.images)(levels), train.labels, 2)
        assert (trained(name, data).argmax(1) == train.labels).float().mean() > 0.8


@pytest.mark.parametrize("groups", [None, np.array([0, 0, 0, 1, 1, 2, 2, 2, 3, 4, 4, 4])])
def test_folds_leave_every_class_inside_and_groups_whole(groups):
    y = np.array([0] * 8 + [1] * 4)
    splits = stratified(y, groups, 5, 0)
    assert len(splits) == (4 if groups is None else 2)
    for inside, outside in splits:
        assert set(y[inside]) == {0, 1}
        assert not set(inside) & set(outside)
        if groups is not None:
            assert not set(groups[inside]) & set(groups[outside])


def test_where_a_class_has_one_group_its_images_are_held_out_one_by_one():
    y, groups = np.array([0] * 8 + [1] * 4), np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4])
    assert len(stratified(y, groups, 5, 0)) == 4
    assert stratified(np.array([0, 0, 0, 1]), np.array([0, 1, 2, 3]), 5, 0) == []
