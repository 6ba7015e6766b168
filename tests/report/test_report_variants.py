"""A method counts once: its ablations and copies stand apart, and ranks carry intervals over datasets."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.report import build
from benchmarks.report.advice.make import make
from benchmarks.report.data.loading import collect
from benchmarks.report.data.names import METRICS
from benchmarks.report.data.variants import FAMILY, variants
from benchmarks.report.statistics.tests import rank_intervals
from tests.report.synthetic import generate

KEPT = ["few-defect-fusion", "multiscale-two-stage", "multiscale-two-stage-adjusted", "multiscale-logit-adjustment"]
APART = ["multiscale-one-stage", "multiscale-scratch", "singlescale-two-stage", "multiscale-two-stage-plain"]


def found(**families):
    return variants(pd.Series(list(families)), pd.Series(list(families.values())))


def test_ablations_are_variants_and_the_suites_own_methods_are_not():
    assert found(**dict.fromkeys([*KEPT, *APART], "proposed")) == set(APART)


def test_a_tuned_or_changed_copy_is_a_variant_where_its_default_stands_beside_it():
    others = {"cross-entropy": "baseline", "crt": "decoupling"}
    assert found(**others, **{"focal (tuned)": "cost-sensitive"}) == set()
    copies = dict.fromkeys(["focal", "focal (tuned)", "focal (gamma=1.0)"], "cost-sensitive")
    assert found(**others, **copies) == {"focal (tuned)", "focal (gamma=1.0)"}
    assert found(**others, **{"imblearn:RUSBoostClassifier": "ensemble"}) == {"imblearn:RUSBoostClassifier"}


def test_where_little_else_is_there_variants_are_methods_like_others():
    assert found(**{"cross-entropy": "baseline"}, **dict.fromkeys(APART, "proposed")) == set()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    names = ["cross-entropy", "focal", "multiscale-two-stage", *APART[:3]]
    return generate(tmp_path_factory.mktemp("run"), ["elpv", "textures", "dagm/1"], names, [5, 20])


def test_variants_are_neither_advised_nor_rivals(folder):
    frame = collect([folder]).frame
    better = frame["label"].isin(APART)
    frame.loc[better, ["accuracy", "balanced_accuracy"]] = 1.0
    for advice in make(frame, "accuracy", "cross-entropy", score=False).advice:
        assert set(advice.runs.index) == {"cross-entropy", "focal", "multiscale-two-stage"}


def test_variants_have_a_table_of_their_own_and_no_rank(folder, tmp_path):
    report = build([folder], tmp_path, figures=False)
    ranking = (tmp_path / "tables" / "elpv-step.csv").read_text()
    own = (tmp_path / "tables" / "variants-elpv-step.csv").read_text()
    assert not any(name in ranking for name in APART)
    assert all(name in own for name in [*APART[:3], "cross-entropy", "multiscale-two-stage"])
    assert "Rank" not in own
    assert "Rank" in ranking
    assert not any(name in (tmp_path / "statistics.md").read_text() for name in APART)
    data = json.loads(re.search(r'id="data">(.*?)</script>', (report.out / "report.html").read_text(), re.S).group(1))
    families = {data["labels"][row[4]]: data["families"][row[5]] for row in data["rows"]}
    assert {name for name, family in families.items() if family == FAMILY} == set(APART[:3])


def test_rank_intervals_are_the_bootstraps_over_datasets():
    rng = np.random.default_rng(0)
    blocks = pd.MultiIndex.from_product([[f"d{i}" for i in range(8)], ["step"], [10.0]], names=["dataset", "p", "l"])
    values = pd.DataFrame(rng.normal(size=(8, 4)) + np.linspace(0, 1.5, 4), blocks, list("abcd"))
    made = rank_intervals(values, METRICS["accuracy"], draws=20000)
    ranks = stats.rankdata(-values.to_numpy(), axis=1)
    expected = stats.bootstrap((ranks,), np.mean, axis=0, method="percentile", n_resamples=20000, rng=1)
    assert made["low"].to_numpy() == pytest.approx(expected.confidence_interval.low, abs=0.13)
    assert made["high"].to_numpy() == pytest.approx(expected.confidence_interval.high, abs=0.13)


def test_levels_of_one_dataset_are_drawn_together():
    blocks = pd.MultiIndex.from_product([["d1", "d2", "d3"], ["step"], [5.0, 10.0]], names=["dataset", "p", "l"])
    values = pd.DataFrame({"a": [2, 0, 2, 0, 2, 0], "b": [1.0] * 6}, blocks)
    made = rank_intervals(values, METRICS["accuracy"])
    assert made.to_numpy() == pytest.approx(np.full((2, 2), 1.5)), "every dataset has the mean rank 1.5"
    assert rank_intervals(values.loc[["d1", "d2"]], METRICS["accuracy"]).empty
