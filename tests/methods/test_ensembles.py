"""Ensembles, decoupling and synthesis do what their papers say."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

import methods
from methods import testing
from methods.ensemble import feature_ensembles, members
from methods.networks.classifiers import Cosine, NearestMean
from methods.synthesis.cgan import missing_labels
from methods.training import inference

GENERATOR = torch.Generator()


def fitted(name, train, **parameters):
    method = methods.create(name, **parameters)
    method.fit(train, testing.tiny_context(train))
    return method


@pytest.mark.parametrize("name", ["under-bagging", "balance-cascade"])
def test_members_see_all_of_the_smallest_class_and_as_many_of_the_others(name):
    train = testing.made_data((20, 9, 4))
    method = methods.create(name)
    rows = method.choose(0, train, testing.tiny_context(train))
    assert torch.bincount(train.labels[rows]).tolist() == [4, 4, 4]
    assert rows[-4:].tolist() == [29, 30, 31, 32]


def test_an_ensemble_is_the_mean_of_its_members_probabilities():
    train = testing.made_data()
    method = fitted("under-bagging", train, members=3)
    each = [member.predict_logits(train.images).softmax(1) for member in method._members]
    torch.testing.assert_close(method.predict_logits(train.images).softmax(1), torch.stack(each).mean(0))


def test_the_mean_of_probabilities_by_hand():
    class Says(methods.Method):
        logits: list[list[float]]

        def fit(self, train, context):
            pass

        def predict_logits(self, images):
            return torch.tensor(self.logits)

    # probabilities 0.9 and 0.2 of the first class, then 0.5 and 0.75; any constant may be added to logits
    said = [[[math.log(0.9) + 3, math.log(0.1) + 3], [0.0, 0.0]], [[math.log(0.2), math.log(0.8)], [math.log(3), 0.0]]]
    method = methods.create("under-bagging", members=2)
    method._members = [Says(logits=logits) for logits in said]
    answer = method.predict_logits(testing.made_data().images[:2])
    torch.testing.assert_close(answer.exp(), torch.tensor([[0.55, 0.45], [0.625, 0.375]]))


def test_an_ensemble_is_made_of_any_method():
    train = testing.made_data()
    assert [m.name for m in fitted("under-bagging", train, members=2, base="focal")._members] == ["focal"] * 2


def test_balance_cascade_drops_the_easiest_until_the_smallest_class_is_left():
    cascade, rows = methods.create("balance-cascade", members=3), torch.arange(100, 200)
    hardness = torch.linspace(0, 1, 100)
    kept = []
    for k in range(3):
        chosen = cascade.pick(k, rows, hardness, 25, GENERATOR.manual_seed(k))
        assert len(chosen.unique()) == 25
        kept.append(chosen.min().item())
    assert kept[1] >= 150  # 100 * (1/4)^(1/2) = 50 are left
    assert kept[2] == 175


def test_self_paced_shares_go_from_equal_hardness_to_equal_numbers():
    ensemble = methods.create("self-paced-ensemble", members=5, bins=4)
    place, hardness = torch.tensor([0, 0, 0, 1, 3]), torch.tensor([0.1, 0.1, 0.1, 0.3, 0.9])
    alpha = math.tan(math.pi / 2 / 4)
    expected = torch.tensor([1 / (0.1 + alpha), 1 / (0.3 + alpha), 0, 1 / (0.9 + alpha)])
    torch.testing.assert_close(ensemble._shares(1, place, hardness), expected / expected.sum())
    torch.testing.assert_close(ensemble._shares(4, place, hardness), torch.tensor([1, 1, 0, 1]) / 3)


def test_self_paced_members_draw_from_every_bin():
    ensemble, hardness = methods.create("self-paced-ensemble", bins=5), torch.linspace(0, 1, 100)
    chosen = ensemble.pick(4, torch.arange(100), hardness, 20, GENERATOR.manual_seed(0))
    assert torch.bincount(chosen // 20, minlength=5).tolist() == [4] * 5
    alike = ensemble.pick(2, torch.arange(100), torch.full((100,), 0.3), 20, GENERATOR)
    assert len(alike.unique()) == 20


def test_self_paced_members_have_the_authors_bins_and_never_more_than_the_smallest_class():
    ensemble = methods.create("self-paced-ensemble")
    assert ensemble.bins == 5
    generator = torch.Generator().manual_seed(1)
    for least in (1, 3, 5, 17):
        for k in range(5):
            hardness = torch.rand(100, generator=generator) ** 4  # most are easy, so that some bins are small
            chosen = ensemble.pick(k, torch.arange(100, 200), hardness, least, generator)
            assert len(chosen) == len(chosen.unique()) == least


def test_parts_of_a_number_sum_to_it():
    assert members.rounded(7, torch.tensor([0.5, 0.3, 0.2])).tolist() == [4, 2, 1]  # 3.5, 2.1, 1.4
    assert members.rounded(1, torch.tensor([0.2, 0.2, 0.6])).tolist() == [0, 0, 1]


def test_the_two_branches_are_weighted_by_progress_and_alike_at_prediction():
    train = testing.made_data()
    context, method = testing.tiny_context(train), methods.create("bbn")
    network = method.network(context, train).eval()
    batch = methods.Batch(train.images.read(torch.arange(8)), train.labels[:8])
    f_c, f_r = network.head.conventional(list(batch.inputs)), network.head.rebalancing(list(batch.inputs))
    for progress, share in ((0.0, 1.0), (0.5, 0.75)):
        logits = network.classifier(2 * torch.cat([share * f_c[:4], (1 - share) * f_r[4:]], 1))
        own, other = F.cross_entropy(logits, batch.targets[:4]), F.cross_entropy(logits, batch.targets[4:])
        expected = share * own + (1 - share) * other
        torch.testing.assert_close(method.loss(network, batch, train.counts, progress), expected)
    torch.testing.assert_close(network(batch.inputs), network.classifier(torch.cat([f_c, f_r], 1)))


def test_nearest_class_mean_is_scikit_learns_on_centred_features_of_length_one():
    from sklearn.neighbors import NearestCentroid
    from sklearn.preprocessing import normalize

    x = torch.randn(40, 6, generator=GENERATOR.manual_seed(0)) + 3
    y, new = torch.arange(40) % 4, torch.randn(30, 6, generator=GENERATOR) + 3
    theirs = NearestCentroid().fit(normalize(x - x.mean(0)), y).predict(normalize(new - x.mean(0)))
    assert NearestMean(x, y, 5)(new).argmax(1).tolist() == theirs.tolist()


def test_ncm_takes_its_means_from_the_training_subset():
    train = testing.made_data()
    method = fitted("ncm", train)
    expected = NearestMean(method.features(train.images), train.labels, 3)
    torch.testing.assert_close(method.predict_logits(train.images), expected(method.features(train.images)))


def test_tau_norm_at_one_leaves_weights_of_length_one_and_no_bias():
    network, _ = fitted("tau-norm", testing.made_data(), tau=1.0).trained()
    torch.testing.assert_close(network.classifier.weight.norm(dim=1), torch.ones(3))
    assert (network.classifier.bias == 0).all()


def test_tau_zero_leaves_the_weights_of_plain_training():
    train = testing.made_data()
    plain, normed = fitted("cross-entropy", train), fitted("tau-norm", train, tau=0)
    assert torch.equal(plain.trained()[0].classifier.weight, normed.trained()[0].classifier.weight)


def test_cosine_logits_are_cosines():
    cosine, x = Cosine(6, 3), torch.randn(5, 6)
    torch.testing.assert_close(cosine(x), F.cosine_similarity(x[:, None], cosine.weight[None], dim=2))


def test_ldam_predicts_scaled_cosines():
    train = testing.made_data()
    method = fitted("ldam-drw", train)
    cosines = inference.logits(method.trained()[0], train.images, torch.device("cpu"))
    assert cosines.abs().max() <= 1 + 1e-6
    torch.testing.assert_close(method.predict_logits(train.images), 30 * cosines)


@pytest.mark.parametrize(
    ("counts", "most", "filled"),
    [((9, 4, 1), 100, [9, 9, 9]), ((9, 4, 1), 8, [9, 6, 6]), ((5, 5), 10, [5, 5]), ((9, 0, 3), 99, [9, 0, 9])],
)
def test_classes_are_filled_up_alike_within_the_memory(counts, most, filled):
    missing = missing_labels(torch.tensor(counts), most)
    assert (torch.tensor(counts) + torch.bincount(missing, minlength=len(counts))).tolist() == filled


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_made_images_have_the_form_of_real_ones(channels):
    train = testing.made_data((12, 6, 3), channels=channels)
    context, method = testing.tiny_context(train), methods.create("cgan")
    network = method.network(context, train)
    method._train_gan(network, train, context, [0.0] * 4)
    filled = method._fill_up(network, train, context).data
    assert filled.counts.tolist() == [12, 12, 12]
    assert filled.images.shapes == train.images.shapes
    assert [level.dtype for level in filled.images.levels] == [level.dtype for level in train.images.levels]
    assert torch.equal(filled.images.levels[0][:21], train.images.levels[0])
    assert filled.images.mean == train.images.mean


def test_easy_ensemble_has_its_authors_numbers() -> None:
    """Liu et al. 2009, IV.B: T = 4 subsets, 10 rounds each."""
    train = testing.made_data((30, 8))
    method = methods.create("easy-ensemble")
    method.fit(train, testing.tiny_context(train))
    subsets = method._ensemble.estimators_
    assert len(subsets) == 4
    assert {pipeline[-1].n_estimators for pipeline in subsets} == {10}


@pytest.mark.parametrize("bad", [3, 99])
def test_boosting_draws_again_where_its_first_subset_teaches_nothing_but_not_for_ever(bad, monkeypatch, caplog) -> None:
    real, seeds = feature_ensembles.build, []

    def build(name, parameters, seed):
        seeds.append(seed)
        if len(seeds) <= bad:
            raise ValueError("BaseClassifier in AdaBoostClassifier ensemble is worse than random")
        return real(name, parameters, seed)

    monkeypatch.setattr(feature_ensembles, "build", build)
    train = testing.made_data((30, 8))
    if bad == 99:
        with pytest.raises(ValueError, match="worse than random"):
            fitted("rusboost", train)
        assert len(seeds) == 1 + feature_ensembles.DRAWS
    else:
        assert fitted("rusboost", train).predict_logits(train.images).shape == (38, 2)
        assert [seed - seeds[0] for seed in seeds] == [0, 0, 1, 2]
