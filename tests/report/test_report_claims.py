"""The paper's claims are held against the numbers by hand-computed examples."""

import pytest

from benchmarks.report.data.loading import collect
from benchmarks.report.data.names import COMMON, PROPOSED
from benchmarks.report.statistics.claims import claims, markdown
from tests.report.synthetic import cell, record, write


def claimed(tmp_path, values, protocol="step"):
    """Hold the claims against accuracies given as {(dataset, level, label): accuracy}; two seeds, 1 point apart."""
    records = [
        record(cell(dataset, level, seed, label, protocol), accuracy + (0.005 if seed else -0.005))
        for (dataset, level, label), accuracy in values.items()
        for seed in (0, 1)
    ]
    return claims(collect([write(tmp_path, records)]).frame)


def pick(rows, claim, where):
    (found,) = [row for row in rows if claim in row.claim and row.where.startswith(where)]
    return found


def grid(dataset, level, proposed, common):
    values = dict(zip(COMMON, common, strict=True))
    return {(dataset, level, PROPOSED): proposed} | {(dataset, level, name): v for name, v in values.items()}


@pytest.fixture
def rows(tmp_path):
    values = grid("elpv", 10, 0.99, [0.95, 0.96, 0.97, 0.98, 0.94]) | grid(
        "elpv", 80, 0.98, [0.90, 0.92, 0.94, 0.96, 0.93]
    )
    return claimed(tmp_path, values | grid("textures", 10, 0.97, [0.96, 0.96, 0.96, 0.96, 0.96]))


def test_mean_accuracy_of_the_proposed_method(rows):
    # two seeds, 98 and 99: t(.975, 1) = 12.7062, standard error .5; so wide an interval carries no decimals
    found = pick(rows, "mean accuracy", "elpv")
    assert (found.measured, found.cells, found.verdict) == ("98 % [92, 105]", 4, "cannot be told")
    found = pick(rows, "mean accuracy", "textures")
    assert (found.measured, found.cells, found.verdict) == ("97 % [91, 103]", 2, "cannot be told")
    # two datasets are taken as given: the error is .5 / sqrt 2, with 2 degrees of freedom (Welch), t = 4.30265
    assert pick(rows, "mean accuracy", "all datasets").measured == "98 % [96, 99]"


def test_margin_over_the_mean_of_the_common_methods(rows):
    # elpv: 99 - 96 = 3 at IR 10 and 98 - 93 = 5 at IR 80; textures: 97 - 96 = 1
    measured = pick(rows, "all ratios", "elpv").measured
    # over the best: 99 - 98 and 98 - 96; over the median: 99 - 96 and 98 - 93
    assert measured == (
        "+4.0 points [+4.0, +4.0]; +1.5 points [+1.5, +1.5] over their best, +4.0 points [+4.0, +4.0] over their median"
    )
    assert pick(rows, "all ratios", "elpv").cells == 24
    assert pick(rows, "all ratios", "textures").verdict == "does not hold"
    # datasets first: (4 + 1) / 2
    assert pick(rows, "all ratios", "all datasets").measured.startswith("+2.5 points [+2.5, +2.5];")


def test_margin_at_the_extreme_ratio_of_each_dataset(rows):
    assert pick(rows, "extreme ratio", "elpv (step), IR 80").measured.startswith("+5.0 points")
    assert pick(rows, "extreme ratio", "textures (step), IR 10").measured.startswith("+1.0 points")
    # (5 + 1) / 2
    found = pick(rows, "extreme ratio", "all datasets")
    assert (found.measured[:11], found.cells, found.verdict) == ("+3.0 points", 24, "does not hold")


def test_parts_of_one_set_of_images_count_once_among_all_datasets(tmp_path):
    values = {"magnetic_tile": 0.97, "magnetic_tile/defects": 0.93, "elpv": 0.90, "textures": 0.80}
    found = claimed(tmp_path, {(dataset, 10, PROPOSED): value for dataset, value in values.items()})
    # the tiles are one dataset of 95; the mean of 95, 90 and 80 is 88.33, the deviation 7.638, t(.975, 2) = 4.3027
    row = pick(found, "mean accuracy", "all datasets")
    assert (row.measured, row.cells) == ("88 % [69, 107]", 8)


def test_one_set_of_images_under_two_protocols_is_not_all_datasets(tmp_path):
    records = [
        record(cell("elpv", 10, seed, PROPOSED, protocol), 0.9 + seed / 100)
        for protocol in ("step", "long-tail")
        for seed in (0, 1)
    ]
    found = claims(collect([write(tmp_path, records)]).frame)
    assert {row.where for row in found if "mean accuracy" in row.claim} == {"elpv (step)", "elpv (long-tail)"}


def test_what_cannot_be_measured_says_why(tmp_path):
    values = grid("elpv", 10, 0.99, [0.9] * 5)
    del values["elpv", 10, "focal"]
    found = pick(claimed(tmp_path, values), "all ratios", "elpv")
    assert found.verdict == "not measurable (elpv IR 10 lacks seeds of focal)"
    assert found.measured == "n/a"


def test_a_verdict_on_part_of_the_ratios_names_the_rest(tmp_path):
    values = grid("elpv", 10, 0.99, [0.9] * 5) | grid("elpv", 80, 0.99, [0.9] * 5)
    del values["elpv", 80, "under-bagging"]
    found = pick(claimed(tmp_path, values), "all ratios", "elpv")
    assert found.verdict == "holds; left out: elpv IR 80 lacks seeds of under-bagging"
    assert found.cells == 12


def test_several_minority_images(tmp_path):
    rows = claimed(tmp_path, {("dagm/1", 5, PROPOSED): 0.994, ("dagm/1", 10, PROPOSED): 0.992}, "few")
    (found,) = [row for row in rows if "several minority" in row.claim]
    assert found.measured == "99 % [93, 106] (99 % at 10, 99 % at 5 minority images)"
    assert found.verdict == "cannot be told"


def test_without_the_proposed_method_nothing_is_claimed(tmp_path):
    rows = claimed(tmp_path, {("elpv", 10, "focal"): 0.9})
    assert rows == []
    assert "None applies" in markdown(rows)


def test_own_images_are_not_what_the_claims_are_about(tmp_path):
    assert claimed(tmp_path, grid("folder:/home/somebody/tiles", 10, 0.99, [0.9] * 5)) == []


def test_the_variant_and_its_control_stand_beside_the_method(tmp_path):
    values = grid("elpv", 10, 0.97, [0.95] * 5)
    values |= {("elpv", 10, "multiscale-two-stage-adjusted"): 0.99, ("elpv", 10, "multiscale-logit-adjustment"): 0.98}
    found = [row for row in claimed(tmp_path, values) if "all ratios" in row.claim]
    assert [(row.claim.split()[2], row.measured[:11]) for row in found] == [
        ("multiscale-two-stage", "+2.0 points"),
        ("multiscale-two-stage-adjusted", "+4.0 points"),
        ("multiscale-logit-adjustment", "+3.0 points"),
    ]
