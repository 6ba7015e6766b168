"""The README's numbers are what the records that come with the suite say; means and intervals by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.report.advice.reference import REFERENCE
from experiments import again, evidence

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def records():
    return evidence.read(REFERENCE)


@pytest.mark.slow
def test_the_page_is_what_the_records_say(records):
    page = (ROOT / "experiments" / "evidence.md").read_text()
    assert page == evidence.report(records) + "\n", "run: python -m experiments.evidence > experiments/evidence.md"


def test_the_readme_shows_the_table_of_the_records(records):
    table = evidence.readme_table(evidence.by_fold(evidence.default(records)))
    assert table in (ROOT / "README.md").read_text()


def differences(values):
    """One ratio a dataset, folds 0, 1, ...; values by dataset."""
    rows = [(dataset, 10.0, seed, value) for dataset, each in values.items() for seed, value in enumerate(each)]
    return pd.DataFrame(rows, columns=["dataset", "ratio", "seed", "gap"]).set_index(["dataset", "ratio", "seed"])[
        "gap"
    ]


def test_of_one_dataset_folds_give_students_interval():
    values = [1.0, 2.0, 4.0, 9.0]
    wanted = stats.ttest_1samp(values, 0).confidence_interval()
    assert evidence.over_folds(differences({"a": values})) == pytest.approx((wanted.low, wanted.high))


def test_of_two_datasets_folds_give_welchs_interval():
    """The mean of a and -b is half the difference, whose interval is Welch's."""
    one, two = [1.0, 2.0, 4.0, 9.0], [3.0, 3.5, 5.0]
    wanted = stats.ttest_ind(one, two, equal_var=False).confidence_interval()
    found = evidence.over_folds(differences({"a": one, "b": [-value for value in two]}))
    assert found == pytest.approx((wanted.low / 2, wanted.high / 2))


def test_both_sets_of_one_source_are_one_unit():
    gaps = differences({"tile": [0.0, 2.0], "tile/part": [4.0, 6.0], "other": [5.0, 5.0], "third": [1.0, 3.0]})
    wanted = stats.ttest_1samp([3.0, 5.0, 2.0], 0).confidence_interval()
    assert evidence.over_sources(gaps) == pytest.approx((wanted.low, wanted.high))


def test_the_rival_is_picked_by_the_other_folds():
    """Fold 2 alone calls b the best; judged there, the others' choice a has 0, and b has 0 in folds 0 and 1."""
    case = pd.DataFrame({"a": [8.0, 8.0, 0.0], "b": [0.0, 0.0, 9.0]})
    # without fold 0 the means are a 4, b 4.5; without fold 1 alike; without fold 2 a 8, b 0
    assert evidence.of_others(case) == ("b", 0.0)
    assert np.isclose(case.mean().max(), 16 / 3)


def test_what_moves_on_another_machine_is_counted(tmp_path):
    """Of four cells one moves by 2 points, and the mean of its two folds by 1."""
    cells = pd.DataFrame({"id": list("abcd"), "status": "done", "trials": 0, "steps": [600, 600, 0, 0]})
    cells = cells.assign(comparison="as-in-paper", dataset="x", protocol="step", level=10.0, label=[*"mmnn"])
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    cells.assign(balanced_accuracy=[0.7, 0.8, 0.6, 0.6]).to_csv(here, index=False)
    cells.assign(balanced_accuracy=[0.7, 0.78, 0.6, 0.6])[["id", "balanced_accuracy"]].to_csv(there, index=False)
    said = dict(again.compare(again.both(here, there)))
    assert said["cells of methods that take gradient steps"] == "2, 50 % with another accuracy"
    assert said["cells of methods that take none"] == "2, 0 % with another accuracy"
    assert said["means over folds (2), points apart: median, 95 of 100, most"].endswith("1.0")
    assert said["means of methods (2) over all ratios: most"] == "1.0 (m)"
