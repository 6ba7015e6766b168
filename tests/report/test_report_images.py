"""What seeds share through their test images: closed forms, and coverage by simulation."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.records.store import Store
from benchmarks.report.compare import compare
from benchmarks.report.data.loading import collect
from benchmarks.report.data.names import COMMON, PROPOSED
from benchmarks.report.statistics.claims import claims
from benchmarks.report.statistics.images import OWN, SHARED, UNKNOWN, Shared, covariance, deviations
from benchmarks.report.statistics.intervals import interval
from tests.report.synthetic import cell, record, write

LABELS = np.repeat([0, 1], [4, 10])


def logits(right):
    """Return logits (M, 2) that classify these images (M,) right."""
    predicted = np.where(right, LABELS, 1 - LABELS)
    return np.eye(2, dtype=np.float32)[predicted]


@pytest.mark.parametrize(("metric", "shares"), [("accuracy", [4 / 14, 10 / 14]), ("balanced_accuracy", [0.5, 0.5])])
def test_seeds_with_the_same_images_share_the_covariance_within_classes(metric, shares):
    first, second = np.random.default_rng(3).random((2, 14)) < 0.6
    second |= first
    parts = np.stack([deviations(logits(right), LABELS, metric) for right in (first, second)])
    # the covariance of two stratified means over the same images: sum of share^2 cov / n
    classes = [np.arange(4), np.arange(4, 14)]
    weights = [share**2 / len(of) for share, of in zip(shares, classes, strict=True)]
    expected = np.dot(weights, [np.cov(first[of], second[of])[0, 1] for of in classes])
    assert covariance(parts).covariance == pytest.approx(expected)
    alone = np.dot(weights, [first[of].var(ddof=1) for of in classes])
    assert covariance(parts[:1]).covariance == pytest.approx(alone)


def test_the_variance_of_a_mean_has_what_seeds_share_and_one_seed_tells_nothing_of_training():
    # the variance of a variance with f degrees of freedom is 2 / f of its square: here f = 10, t(.975, 10) = 2.228139
    alike = interval(pd.DataFrame([[0.8, 0.8, 0.8]]), [Shared(0.01**2, 0.01**4 / 5)])
    assert (alike.low, alike.high) == pytest.approx((0.8 - 2.228139 * 0.01, 0.8 + 2.228139 * 0.01), abs=1e-6)
    hardly = interval(pd.DataFrame([[0.7, 0.8, 0.9]]), [Shared(1e-9, 1.0)])
    assert hardly.high - hardly.low < 0.6, "an estimate of nearly nothing adds nearly nothing"
    one = interval(pd.DataFrame([[0.99]]), [Shared(0.01**2, 1e-12)])
    assert one.known
    assert "one seed" in one.remark
    assert one.verdict(0.5) == "cannot be told"
    assert not interval(pd.DataFrame([[1.0]]), [Shared(0.0, 0.0)]).known, "no error seen is no certainty"


def drawn_images(rng, kind, seeds, images):
    """Return how many images there are, and which of them each seed tests, (seeds, images)."""
    if kind == "one test set":
        return images, np.tile(np.arange(images), (seeds, 1))
    if kind == "folds":
        return seeds * images, rng.permutation(seeds * images).reshape(seeds, images)
    return 2 * images, rng.random((seeds, 2 * images)).argsort(axis=1)[:, :images]


FEW = [("splits", 1, 3, 0.1), ("splits", 1, 3, 0.5), ("one test set", 1, 3, 0.25)]


@pytest.mark.parametrize(
    ("kind", "datasets", "seeds", "spread"),
    [
        ("folds", 1, 4, 0.1),
        ("splits", 1, 4, 0.1),
        *(("one test set", datasets, 4, 0.1) for datasets in (1, 2, 3)),
        *FEW,
    ],
)
def test_intervals_over_datasets_seeds_and_test_images_cover_as_often_as_they_say(kind, datasets, seeds, spread):
    """Difference of two methods: 1, 0 or -1 an image; 1500 times, so 93 to 97 % is three binomial errors each way.

    Of three seeds, whose own spread is hardly known, the interval may cover more: it errs to the safe side.
    """
    rng, images, times = np.random.default_rng([datasets, len(kind), seeds]), 60, 1500
    hits = without = 0
    for _ in range(times):
        # of one or two datasets the claim is about these, of more about others like them
        own = rng.normal(0, 0.1 if datasets > 2 else 0, (datasets, 1))
        outcomes, shared = np.empty((datasets, seeds, images)), []
        for outcome in outcomes:
            number, which = drawn_images(rng, kind, seeds, images)
            latent = rng.normal(size=number)[which] + rng.normal(size=(seeds, 1)) * spread
            latent += rng.normal(size=which.shape) * 0.5
            outcome[:] = (latent > 1).astype(float) - (latent < -1)
            parts = np.zeros((seeds, number))
            centred = outcome - outcome.mean(axis=1, keepdims=True)
            np.put_along_axis(parts, which, centred / np.sqrt(images * (images - 1)), axis=1)
            shared.append(covariance(parts) if kind != "folds" else Shared(case=OWN))
        scores = pd.DataFrame(outcomes.mean(axis=2) + own)
        found = interval(scores, shared)
        hits += found.low <= 0 <= found.high
        if kind == "one test set":
            plain = interval(scores)
            without += plain.low <= 0 <= plain.high
    assert 0.93 <= hits / times <= (0.98 if seeds == 3 else 0.97)
    assert kind != "one test set" or datasets > 2 or seeds == 3 or without / times < 0.9, (
        "what seeds share matters here"
    )


def scored(folder, values, indices):
    """Write records whose scores are right on these images; `values` by (label, seed), `indices` by seed."""
    made = {key: record(cell("elpv", 20, key[1], key[0]), float(np.mean(right))) for key, right in values.items()}
    write(folder, made.values())
    store = Store(folder)
    for (_, seed), each in made.items():
        right = values[_, seed]
        store.write(each, {"logits": logits(right), "labels": LABELS, "indices": indices[seed]})
    return folder


def drawn(seed):
    rng = np.random.default_rng(seed)
    names = [PROPOSED, *COMMON]
    return {(name, s): rng.random(14) < 0.8 for name in names for s in (0, 1, 2)}


@pytest.mark.parametrize("case", [OWN, SHARED, UNKNOWN])
def test_claims_count_what_seeds_share_and_say_so(tmp_path, case):
    values = drawn(1)
    # the same images are right with every seed: the seeds do not vary, and only the images are left to chance
    values = {(name, s): values[name, 0] for name, s in values}
    indices = {s: np.arange(14) + (14 * s if case == OWN else 0) for s in (0, 1, 2)}
    folder = scored(tmp_path, values, indices)
    if case == UNKNOWN:
        for path in (folder / "scores").iterdir():
            path.unlink()
    (row,) = [row for row in claims(collect([folder]).frame) if "mean accuracy" in row.claim]
    assert row.images == case
    right = values[PROPOSED, 0]
    mean = right.mean() * 100
    if case != SHARED:
        assert row.measured == f"{mean:.1f} % [{mean:.1f}, {mean:.1f}]"
        return
    low, high = map(float, row.measured.split("[")[1].rstrip("]").split(","))
    parts = deviations(logits(right), LABELS)
    assert (high - low) / 2 > 1.9 * 100 * np.sqrt((parts**2).sum())


def test_a_change_that_is_the_luck_of_one_test_set_is_not_called(tmp_path):
    """One of fourteen images turned over with every seed: the seeds agree, the images do not tell."""
    before = {("focal", s): np.arange(14) > 2 for s in (0, 1, 2)}
    after = {("focal", s): np.arange(14) > 1 for s in (0, 1, 2)}
    same, others = {s: np.arange(14) for s in (0, 1, 2)}, {s: np.arange(14) + 14 * s for s in (0, 1, 2)}
    texts = []
    for name, indices in (("same", same), ("others", others)):
        first = scored(tmp_path / name / "a", before, indices)
        texts.append(compare(first, scored(tmp_path / name / "b", after, indices)))
    assert "changed |" not in texts[0]
    assert SHARED in texts[0]
    assert "| changed |" in texts[1]
    assert OWN in texts[1]


def test_the_best_rival_is_picked_on_other_seeds_than_it_is_judged_by(tmp_path):
    """Two rivals are lucky by turns: their best by the same seeds has 90 %, by the other seed 70 %."""
    rival, lucky, other = 0.6, {0: 0.9, 1: 0.7}, {0: 0.7, 1: 0.9}
    made = []
    for seed in (0, 1):
        by = dict.fromkeys(COMMON, rival) | {PROPOSED: 0.8, COMMON[0]: lucky[seed], COMMON[1]: other[seed]}
        made += [record(cell("elpv", 20, seed, name), value) for name, value in by.items()]
    (row,) = [row for row in claims(collect([write(tmp_path, made)]).frame) if "all ratios" in row.claim]
    assert "+10.0 points [+10.0, +10.0] over their best" in row.measured
