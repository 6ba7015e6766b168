"""The advice: what it weighs, when it is sure, and that it does not depend on the machine."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.report.advice.decision import advise
from benchmarks.report.advice.make import make, regret_csv, regret_markdown
from benchmarks.report.advice.model import PRIOR_SEEDS, Estimator, _kernel, _relations, effects, run_variance
from benchmarks.report.advice.places import Place, places
from benchmarks.report.advice.reference import experience as read_experience
from benchmarks.report.advice.regret import regret
from benchmarks.report.advice.wording import ALONE, headline, levels_text, scored_text, sentences
from benchmarks.report.data.loading import collect
from benchmarks.report.figures.gains import advice_figure
from datasets.neighbours import IN_A_ROW
from tests.report.synthetic import cell, cells, record, write

NAMES = ["cross-entropy", "crt", "focal", "mixup", "oversampling", "smote"]


def place(means, dataset="folder:/a/tiles", level=20.0, seeds=3, noise=1.0, rng=None, protocol="step"):
    """Return a place with these mean accuracies in percent and normal noise of so many points."""
    rng = rng or np.random.default_rng(0)
    values = np.array([means[name] for name in means])[:, None] + noise * rng.normal(size=(len(means), seeds))
    return Place(dataset, protocol, level, (200, round(200 / max(level, 1.0))), pd.DataFrame(values, index=list(means)))


def experience(best, rng, datasets=("d1", "d2", "d3")):
    """Return other datasets on which one method is ten points better."""
    means = {name: 80.0 + 10.0 * (name == best) + i for i, name in enumerate(NAMES)}
    return [place(means, name, level, rng=rng) for name in datasets for level in (10.0, 20.0, 40.0)]


def test_without_experience_an_effect_is_drawn_towards_the_mean_by_signal_over_signal_and_noise():
    # effects -6, 0, 6 about their median and mean, and no noise but what is said of a single seed
    mine = place({"cross-entropy": 70.0, "focal": 76.0, "crt": 82.0}, seeds=1, noise=0.0)
    found = effects([mine], list(mine.values.index), typical=6.0)
    # mean square 24 less noise 6: the scale is sqrt 18, and the noise 6/18 of it
    assert found.scale == pytest.approx([np.sqrt(18.0)])
    assert found.noise == pytest.approx(np.full((1, 3), 1 / 3))
    # with nothing known, half of the mean square is noise: 12 of 24, so an effect is halved
    posterior = Estimator([]).posterior([mine])
    assert dict(zip(posterior.methods, posterior.mean[:, 0], strict=True)) == pytest.approx(
        {"cross-entropy": -3.0, "focal": 0.0, "crt": 3.0}
    )


def test_a_methods_variance_is_drawn_towards_that_of_all():
    values = np.array([[0.0, 3.0, -3.0], [0.0, -3.0, 3.0], [0.0, 0.0, 0.0]])
    # row sums of squares 18, 18, 0 over 2 degrees of freedom, times 3/2 for the column means: 13.5, 13.5, 0
    drawn, mean = run_variance(values)
    assert mean == pytest.approx(9.0)
    weight = PRIOR_SEEDS / (PRIOR_SEEDS + 2)
    assert drawn == pytest.approx([weight * 9 + (1 - weight) * v for v in (13.5, 13.5, 0.0)])


@pytest.mark.parametrize(("weight", "near"), [(-61058.6, 0.0), (61058.6, 1.0)])
def test_a_search_that_strays_gives_the_kernel_of_no_length_or_of_any(weight, near):
    relations = (np.ones((2, 2)), np.zeros((2, 2)), np.array([[0.0, 0.5], [0.5, 0.0]]), np.eye(2))
    # all weight on what is near on the same dataset
    found = _kernel(relations, np.array([-1e3, -1e3, -1e3, -1e3, 0.0, -1e3, weight]))
    assert found == pytest.approx(np.array([[1.0, near], [near, 1.0]]))


def test_places_are_alike_by_dataset_kind_and_number_of_the_rarest_class():
    at = [
        Place("tiles", "step", 10.0, (200, 20), pd.DataFrame()),
        Place("tiles/defects", "few", 5.0, (200, 5), pd.DataFrame()),
        Place("letters", "natural", 0.0, (200, 90, 20), pd.DataFrame()),
    ]
    shares = np.array([0.1, 0.2, 0.3, 0.15, 0.05, 0.2])
    found = _kernel(_relations(at, at), np.array([*np.log(shares), np.log(2.0)]))
    near = np.exp(-(np.log(4.0) ** 2) / 8)
    # everywhere .1, same dataset .2 (a part of it too), both two classes .3, near .15, near on the same dataset .05
    assert found[0] == pytest.approx([1.0, 0.1 + 0.2 + 0.3 + 0.2 * near, 0.1 + 0.15])
    assert found[1, 2] == pytest.approx(0.1 + 0.15 * near)


def test_datasets_of_the_same_kind_speak_louder():
    rng = np.random.default_rng(6)
    others = []
    for i in range(6):
        two, more = experience("focal", rng, (f"two{i}",)), experience("smote", rng, (f"more{i}",))
        others += [*two, *(replace(each, counts=(*each.counts, 100)) for each in more)]
    mine = place(dict.fromkeys(NAMES, 70.0), noise=8.0, seeds=2, rng=rng)
    for counts, expected in (((200, 10), "focal"), ((200, 100, 10), "smote")):
        found = Estimator(others).posterior([replace(mine, counts=counts)], use_mine=False)
        assert found.methods[found.prior[:, 0].argmax()] == expected


def test_what_comes_with_the_suite_is_its_reference_and_sets_of_other_kinds(tmp_path):
    own = tmp_path / "records.csv"
    row = {"status": "done", "comparison": "as-in-paper", "dataset": "elsewhere/a", "protocol": "step", "level": 5.0}
    row |= {"counts": "[50, 10]", "balanced_accuracy": 0.75}
    pd.DataFrame([row | {"label": name, "seed": 0} for name in ("focal", "crt")]).to_csv(own, index=False)
    (found,) = read_experience("accuracy", (own, tmp_path / "missing.csv"))
    assert (found.dataset, found.counts, found.values.loc["focal", 0]) == ("elsewhere/a", (50, 10), 75.0)
    # they were scored by one metric only
    assert read_experience("macro_f1", (own,)) == ()
    assert {"dagm/1", "elsewhere/emoji"} <= {place.dataset for place in read_experience("accuracy")}


def test_other_datasets_decide_where_the_seeds_are_noisy():
    rng = np.random.default_rng(1)
    means = {name: 70.0 + 1.0 * (name == "focal") for name in NAMES}
    noisy = [place(means, noise=8.0, rng=rng)]
    found = advise(noisy, Estimator(experience("focal", rng)), "cross-entropy")
    assert (found.choice.label, found.datasets) == ("focal", 3)


def test_what_is_advised_against_the_runs_is_called_best_by_other_datasets_alone():
    rng = np.random.default_rng(1)
    runs = place({name: 80.0 - 2.0 * (name == "focal") for name in NAMES}, noise=0.0)
    runs.values.loc[:] += rng.normal(size=3)  # shared by all methods
    runs.values.loc["mixup"] += [9.0, -9.0, 0.0]
    found = advise([runs], Estimator(experience("focal", rng)), "cross-entropy")
    assert found.choice.label == "focal"
    assert found.choice.measured.difference == pytest.approx(-2.0)
    told = sentences(found, "accuracy")[0]
    assert told.startswith("Best so far by what other datasets say, though not on these runs: focal, -2 points")


@pytest.mark.parametrize(("dataset", "told"), [("folder:/a/tiles", True), ("table:/a/tiles.csv", False)])
def test_a_folder_is_told_that_it_says_nothing_of_what_images_share(dataset, told):
    found = advise([place(dict.fromkeys(NAMES, 70.0), dataset)], Estimator([]), "cross-entropy")
    assert any("column" in text and "group" in text for text in sentences(found, "accuracy")) == told


@pytest.mark.parametrize("dataset", ["folder:/a/tiles", "table:/a/tiles.csv"])
def test_files_in_a_row_that_look_alike_are_told_first_and_for_what_folders_are_told_in_general(tmp_path, dataset):
    grid = cells([dataset], NAMES, [10], [0, 1, 2])
    made = [record(each, 0.7 + 0.01 * (place % 7)) for place, each in enumerate(grid)]
    frame = collect([write(tmp_path / "before", made)]).frame
    (before,) = make(frame, "accuracy", "cross-entropy").advice
    note = f"61 % of the images look alike, 4 % would by chance: {IN_A_ROW}"
    for each in made:
        each.data.notes.append(note)
    frame = collect([write(tmp_path / "after", made)]).frame
    (after,) = make(frame, "accuracy", "cross-entropy").advice
    general = [text for text in sentences(before, "accuracy") if text != ALONE]
    assert sentences(after, "accuracy") == [f"{note}.", *general]


def test_the_images_at_hand_outvote_other_datasets_that_they_contradict():
    rng = np.random.default_rng(2)
    means = {name: 70.0 + 10.0 * (name == "smote") - 10.0 * (name == "focal") for name in NAMES}
    found = advise([place(means, seeds=5, rng=rng)], Estimator(experience("focal", rng)), "cross-entropy")
    assert found.choice.label == "smote"
    assert found.rho < 0.6


def test_the_same_dataset_is_no_experience():
    rng = np.random.default_rng(3)
    mine = place(dict.fromkeys(NAMES, 70.0), dataset="d1 [settings 1a2b]", rng=rng)
    assert Estimator(experience("focal", rng)).posterior([mine]).datasets == 2


def test_a_part_of_a_dataset_is_no_other_dataset():
    rng = np.random.default_rng(3)
    others = experience("focal", rng, ("tiles", "tiles/defects", "dagm/1", "dagm/2"))
    mine = place(dict.fromkeys(NAMES, 70.0), dataset="tiles/defects", rng=rng)
    assert Estimator(others).posterior([mine]).datasets == 2
    assert Estimator(others).posterior([place(dict.fromkeys(NAMES, 70.0), rng=rng)]).datasets == 3


def test_a_folder_is_no_experience_for_itself_with_groups():
    rng = np.random.default_rng(3)
    others = experience("focal", rng, ("folder:/a/tiles", "folder:/b/tiles"))
    mine = place(dict.fromkeys(NAMES, 70.0), dataset="grouped:/a/tiles", rng=rng)
    assert Estimator(others).posterior([mine]).datasets == 1


def test_absence_of_evidence_is_no_advice_for_the_control():
    rng = np.random.default_rng(4)
    means = {name: 80.0 + 4.0 * (name == "focal") for name in NAMES}
    found = advise([place(means, noise=6.0, rng=rng)], Estimator([]), "cross-entropy")
    assert not found.choice.decided
    assert "cross-entropy" not in found.choice.equals
    assert headline(found).startswith(f"Use {found.choice.label} for now; undecided between it and ")
    told = sentences(found, "accuracy")[0]
    assert told.startswith(f"Best so far: {found.choice.label}")
    assert "would tell it from" in told


@pytest.mark.parametrize(("noise", "decimals"), [(6.0, 0), (0.1, 1)])
def test_a_wide_interval_carries_no_decimals(noise, decimals):
    means = {name: 80.0 + 4.0 * (name == "focal") for name in NAMES}
    found = advise([place(means, noise=noise, rng=np.random.default_rng(4))], Estimator([]), "cross-entropy")
    (numbers,) = re.findall(
        r"these runs alone say (\S+) points \[95 % (\S+), (\S+)\]", " ".join(sentences(found, "accuracy"))
    )
    assert all(len(number.partition(".")[2]) == decimals for number in numbers)


def test_a_clear_winner_is_decided_and_called():
    rng = np.random.default_rng(5)
    means = {name: 80.0 + 12.0 * (name == "focal") for name in NAMES}
    found = advise([place(means, seeds=5, noise=0.5, rng=rng)], Estimator([]), "cross-entropy")
    assert (found.choice.label, found.choice.decided, found.better) == ("focal", True, ["focal"])
    assert sorted(found.behind) == sorted(set(NAMES) - {"focal"})
    assert headline(found) == "Use focal."


def test_equivalence_is_shown_by_an_interval_inside_the_margin():
    rng = np.random.default_rng(6)
    means = {name: 80.0 - 5.0 * (name not in ("focal", "cross-entropy")) for name in NAMES}
    found = advise([place(means, seeds=10, noise=0.3, rng=rng)], Estimator([]), "cross-entropy")
    assert {found.choice.label, *found.choice.equals} == {"focal", "cross-entropy"}


def test_another_method_is_named_where_it_is_better_by_half_the_margin():
    rng = np.random.default_rng(7)
    at = {5.0: "crt", 20.0: "focal", 80.0: "focal"}
    mine = [place({n: 80.0 + 9.0 * (n == best) for n in NAMES}, level=x, seeds=5, rng=rng) for x, best in at.items()]
    found = advise(mine, Estimator([]), "cross-entropy")
    assert found.choice.label == "focal"
    assert [(c.label, [p.level for p in c.places]) for c in found.apart] == [("crt", [5.0])]
    assert headline(found) == "Use focal; at IR 5, crt."


def test_seconds_change_nothing_but_a_cheaper_equal_is_named():
    rng = np.random.default_rng(8)
    means = {name: 80.0 - 9.0 * (name not in ("focal", "crt")) for name in NAMES}
    means["focal"] += 0.2
    mine = [place(means, seeds=10, noise=0.2, rng=rng)]
    cost = pd.DataFrame({"steps": 200.0, "seconds": 500.0}, index=NAMES)
    cost.loc["crt"] = [80.0, 200.0]
    slow, none = advise(mine, Estimator([]), "cross-entropy", cost), advise(mine, Estimator([]), "cross-entropy")
    assert (slow.choice.label, slow.cheaper, none.choice.label, none.cheaper) == ("focal", "crt", "focal", "")


def test_a_method_that_lacks_a_level_or_is_alone_is_not_advised():
    first, second = place({"cross-entropy": 70.0, "focal": 99.0}), place({"cross-entropy": 70.0}, level=40.0)
    assert advise([first, second], Estimator([]), "cross-entropy") is None


def test_a_method_that_lacks_a_level_is_a_candidate_where_it_ran_and_is_named():
    rng = np.random.default_rng(9)
    means = {name: 70.0 + 10.0 * (name == "focal") for name in NAMES}
    first, second = (place(m, level=x, seeds=5, rng=rng) for m, x in ((means | {"late": 95.0}, 10.0), (means, 80.0)))
    found = advise([first, second], Estimator([]), "cross-entropy")
    assert (found.choice.label, found.partial) == ("focal", ["late"])
    assert headline(found) == "Use focal; at IR 10, late."
    assert "Not candidates for all levels, having run at some of them only: late." in sentences(found, "accuracy")


def test_a_method_with_fewer_seeds_is_judged_by_them_paired_and_named():
    rng = np.random.default_rng(10)
    mine = place({name: 70.0 + 5.0 * (name == "focal") for name in NAMES}, seeds=5, noise=0.5, rng=rng)
    # the last two seeds are harder for all; who lacks them is no better for it
    mine.values.iloc[:, 3:] -= 30.0
    mine.values.loc["mixup", [3, 4]] = np.nan
    found = advise([mine], Estimator([]), "cross-entropy")
    assert (found.choice.label, found.leader, found.fewer) == ("focal", "focal", ["mixup"])
    assert found.means["mean"]["mixup"] == pytest.approx(58.0, abs=1.0)
    assert "Judged by fewer seeds than the others, and so less surely: mixup." in sentences(found, "accuracy")


def test_a_method_without_a_seed_that_has_all_levels_is_advised_like_any_other():
    rng = np.random.default_rng(12)
    means = {name: 70.0 + 9.0 * (name == "focal") for name in NAMES}
    mine = [place(means, level=level, seeds=4, noise=0.5, rng=rng) for level in (10.0, 80.0)]
    mine[0].values.loc["focal", [0, 1]] = np.nan
    mine[1].values.loc["focal", [2, 3]] = np.nan
    found = advise(mine, Estimator([]), "cross-entropy")
    assert (found.choice.label, found.choice.measured, found.fewer) == ("focal", None, ["focal"])
    assert all("nan" not in text for text in sentences(found, "accuracy"))
    assert advice_figure(found, pd.Series("baseline", NAMES)) is not None


def test_what_is_sure_over_all_levels_but_not_at_one_says_so():
    rng = np.random.default_rng(11)
    far = {name: 60.0 + 20.0 * (name == "focal") for name in NAMES}
    mine = [place(far, level=level, seeds=5, noise=1.0, rng=rng) for level in (20.0, 40.0, 80.0)]
    mine.append(place(far | {"mixup": 82.0}, level=5.0, seeds=5, noise=3.0, rng=rng))
    found = advise(mine, Estimator([]), "cross-entropy")
    assert found.choice.decided
    assert [[p.level for p in choice.places] for choice in found.unsure] == [[5.0]]
    (told,) = [text for text in sentences(found, "accuracy") if text.startswith("Level by level")]
    assert re.search(r"by more than 1 point: \d+ % at IR 5 \(or \S+\)\.$", told)


def test_seeds_are_not_equally_hard_so_a_method_that_lacks_one_takes_no_part_in_the_score():
    rows = [[80.0, 80.0, 20.0, 20.0], [90.0, 90.0, 30.0, 30.0], [85.0, 85.0, np.nan, np.nan]]
    values = pd.DataFrame(rows, index=["cross-entropy", "focal", "easy"])
    table = regret([Place("d", "step", 20.0, (200, 10), values)], Estimator([]), "cross-entropy")
    # focal is ten points ahead everywhere: nothing is lost, though easy has the highest mean of what it ran
    assert table[["upper", "lower"]].to_numpy() == pytest.approx(np.zeros((1, 2)))


def test_a_single_seed_gives_the_best_so_far():
    found = advise([place({name: 70.0 + i for i, name in enumerate(NAMES)}, seeds=1)], Estimator([]), "cross-entropy")
    assert not found.choice.decided
    assert "add seeds" in " ".join(sentences(found, "accuracy"))


def test_identical_methods_are_not_told_apart_by_experience_either():
    rng = np.random.default_rng(9)
    same = [place(dict.fromkeys(NAMES, 75.0), seeds=5, rng=rng)]
    found = advise(same, Estimator(experience("focal", rng)), "cross-entropy")
    assert abs(found.choice.gain[0]) < 1
    assert found.better == []


def test_regret_by_hand():
    # two seeds: from either one, focal is best; on the other seed smote is best once, by 6, and focal once
    values = pd.DataFrame({0: [50.0, 90.0, 60.0], 1: [50.0, 80.0, 86.0]}, index=["cross-entropy", "focal", "smote"])
    table = regret([Place("d", "step", 20.0, (200, 10), values)], Estimator([]), "cross-entropy")
    (row,) = table.to_dict("records")
    # from seed 0 focal, scored 80 on seed 1, hindsight 86; from seed 1 smote, scored 60 on seed 0, hindsight 90
    assert (row["advice"], row["best_mean"], row["control"]) == (70.0, 70.0, 50.0)
    assert (row["hindsight"], row["upper"], row["lower"]) == (88.0, 18.0, 0.0)
    told = scored_text(table, "cross-entropy")
    assert "in hindsight, its luck included, 88: at most 18 lost, at most 18 at the worst" in told
    text = regret_markdown(table.assign(lower=-0.2), "cross-entropy")
    assert "| d, step, IR 20 | 70 | 70 | 70 | 50 | 50 | 88 | 0 | 18 |" in text, "one level carries no decimals"
    assert "| **mean** | 70 | 70 | 70 |" in text, "nor does a mean over one"
    assert text.rstrip().endswith("| 0 | 18 |")
    header, row = regret_csv(table.assign(lower=-0.2)).splitlines()
    assert row == "d,step,20,1,70,70,70,50,50,88,18,0,2", header


def test_a_mean_over_levels_carries_a_decimal_where_what_is_lost_hardly_differs():
    index = pd.MultiIndex.from_tuples([("d", "step", float(level)) for level in range(5)], names=["d", "p", "level"])
    score = {"seeds": 3.0, "advice": 70.14, "control": 50.0, "best_mean": 69.96, "others": np.nan, "hindsight": 72.0}
    # to either side of a mean over five lies t(.975, 4) = 2.776 times sd / 5 ** .5: with sd .35 less than a point
    close = pd.DataFrame(score, index).assign(upper=[1.36, 1.86, 1.86, 1.86, 2.36])
    told = scored_text(close, "cross-entropy")
    assert "reached 70.1 points" in told
    assert "at most 1.9 lost, at most 2 at the worst level" in told
    # with sd 1.4 more
    assert "reached 70 points" in scored_text(close.assign(upper=[0, 2, 2, 2, 4]), "cross-entropy")


def test_an_expected_loss_carries_a_decimal_only_where_its_interval_is_narrow():
    advice = advise([place({name: 70.0 + i for i, name in enumerate(NAMES)}, seeds=3)], Estimator([]), "cross-entropy")

    def told(shortfall, spread):
        choice = replace(advice.choice, shortfall=shortfall, spread=spread)
        return " ".join(sentences(replace(advice, choice=choice), "accuracy"))

    assert "the expected loss is 0.1 points." in told(0.14, 1.9)
    assert "the expected loss is 3 points." in told(3.14, 2.1)
    assert "the expected loss is under 1 point." in told(0.4, 2.1)


def test_a_run_is_read_into_places_and_own_images_are_advised_by_their_folders_name(tmp_path):
    means = {"cross-entropy": 0.8, "focal": 0.9, "crt": 0.85}
    records = [
        record(cell("folder:/home/somebody/tiles", ratio, seed, label), mean + 0.004 * (seed - 1))
        for label, mean in means.items()
        for ratio in (20, 40)
        for seed in range(3)
    ]
    frame = collect([write(tmp_path, records)]).frame
    assert [(p.level, max(p.counts) / p.fewest, p.values.shape) for p in places(frame, "accuracy")] == [
        (20.0, 20.0, (3, 3)),
        (40.0, 40.0, (3, 3)),
    ]
    made = make(frame, "accuracy", "cross-entropy")
    (advice,) = made.advice
    assert advice.choice.label == "focal"
    assert levels_text(advice.choice.places) == "IR 20 and 40"
    assert len(made.regret) == 2
