"""Figures are there, in both formats, the same from the same records, and say what they show."""

import itertools
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Annotation, Text
from PIL import Image

import methods
from benchmarks.report.advice.make import make
from benchmarks.report.data.loading import collect
from benchmarks.report.data.points import points
from benchmarks.report.data.words import method_title
from benchmarks.report.figures.classes import confusion_figure, recall_figure, shots_figure
from benchmarks.report.figures.cost import cost_figure
from benchmarks.report.figures.curves import curve_figure, extreme, family_figure, highlights
from benchmarks.report.figures.draw import Drawing
from benchmarks.report.figures.gains import advice_figure, gain_map
from benchmarks.report.figures.minority import minority_figure
from benchmarks.report.figures.names import SHORT, heads, name
from benchmarks.report.figures.ranks import critical_difference_diagram, joined, rank_heat_map
from benchmarks.report.figures.scores import score_figure
from benchmarks.report.figures.style import PALETTE, Layout, look_of, looks, save, standing, styled
from benchmarks.report.figures.workers import WORTH_A_WORKER, Workers
from benchmarks.report.statistics.intervals import half_width
from benchmarks.report.statistics.tests import analyse
from tests.report.synthetic import METHODS, generate

SOME = ("cross-entropy", "focal", "logit-adjustment", "crt", "multiscale-two-stage")


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return collect([generate(folder, ["dagm/1"], SOME, [1, 5, 10, 20, 80], [0, 1, 2], ["long-tail"], True, 3)])


@pytest.fixture(scope="module")
def table(collection):
    return points(collection)


@pytest.fixture(scope="module")
def drawn(collection, table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    analyses = {"as-in-paper": analyse(table, "accuracy", "cross-entropy")}
    families = table.drop_duplicates("label").set_index("label")["family"]
    with Workers(0) as workers:
        drawing = Drawing(folder, "accuracy", "cross-entropy", Layout(pdf=True), workers)
        drawn = [*drawing.overall([], analyses, families), *drawing.cells(table, collection)]
        return [path for each in drawn for path in each()]


def test_every_kind_of_figure_in_both_formats(drawn):
    kinds = [
        "accuracy",
        "families-accuracy",
        "gain-accuracy",
        "cost-accuracy",
        "recall",
        "confusion",
        "scores",
        "shots",
    ]
    names = {"ranks-accuracy", "critical-difference-accuracy", *(f"dagm-1-long-tail-{kind}" for kind in kinds)}
    assert {path.name for path in drawn} == {name + ending for name in names for ending in (".png", ".pdf")}


def test_figures_are_images_and_documents_with_something_on_them(drawn):
    for path in drawn:
        if path.suffix == ".pdf":
            assert path.read_bytes().startswith(b"%PDF-")
        else:
            pixels = np.asarray(Image.open(path).convert("L"))
            assert pixels.shape[1] >= 3.3 * 160
            assert (pixels < 128).mean() > 0.002


def test_the_same_records_give_the_same_bytes(table, tmp_path):
    with styled():
        first = save(curve_figure(table, "accuracy", "cross-entropy"), tmp_path, "a", pdf=True)
        again = save(curve_figure(table, "accuracy", "cross-entropy"), tmp_path, "b", pdf=True)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_critical_difference_of_the_best_ten_and_the_control(tmp_path):
    names = [*list(METHODS)[:15], "multiscale-two-stage"]
    table = points(collect([generate(tmp_path, ["elpv", "dagm/1"], names, [5, 10, 20], [0])]))
    analysis = analyse(table, "accuracy", next(iter(METHODS)))
    with styled():
        figure = critical_difference_diagram(analysis)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    best = [str(name) for name in analysis.ranks.index[:10]]
    titles = {name: method_title(str(name)) for name in analysis.ranks.index}
    wanted = [name for name in titles if name in {*best, analysis.control}]
    assert labels == [f"{titles[name]} ({analysis.ranks[name]:.1f})" for name in wanted]
    assert figure.axes[0].get_title() == ""


def test_bars_join_the_longest_runs_that_are_not_told_apart():
    # a and b, b to d are not told apart; c and d are inside the second run; e stands alone
    told = {("a", "c"), ("a", "d"), *((name, "e") for name in "abcd")}
    p = pd.DataFrame(1.0, list("abcde"), list("abcde"))
    for one, other in told:
        p.loc[one, other] = p.loc[other, one] = 0.01
    assert joined(p) == [(0, 1), (1, 3)]
    assert joined(pd.DataFrame(0.01, list("ab"), list("ab"))) == []


def test_without_being_asked_no_pdf_is_written_and_none_of_an_older_report_stays(table, tmp_path):
    with styled():
        figure = curve_figure(table, "accuracy", "cross-entropy")
        assert [path.suffix for path in save(figure, tmp_path, "a", pdf=True)] == [".png", ".pdf"]
        assert [path.suffix for path in save(figure, tmp_path, "a")] == [".png"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_the_style_leaves_the_callers_settings_alone():
    before = dict(mpl.rcParams)
    with styled():
        pass
    assert dict(mpl.rcParams) == before


def test_axes_have_labels_units_and_the_ratios_as_ticks(table):
    axes = curve_figure(table, "accuracy", "cross-entropy").axes[0]
    assert axes.get_xlabel() == "Imbalance ratio (IR)"
    assert axes.get_ylabel() == "Accuracy (%)"
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "5", "10", "20", "80"]


def test_many_methods_stay_readable(tmp_path):
    table = points(collect([generate(tmp_path, ["elpv"])]))
    chosen = highlights(table, "accuracy", "cross-entropy")
    assert chosen[0] == "cross-entropy"
    assert chosen[-1] == "multiscale-two-stage"
    families = [methods.get(name).family for name in chosen]
    assert len(families) == len(set(families)) == 7
    lines = curve_figure(table, "accuracy", "cross-entropy").axes[0].get_lines()
    coloured = [line for line in lines if line.get_color() in PALETTE]
    looks = {(line.get_color(), line.get_marker()) for line in coloured}
    assert len(looks) == len(coloured) == 7


@pytest.mark.parametrize("names", [SOME[:2], (*SOME[:2], "crt")])
def test_fewer_minority_images_stand_further_right_in_one_panel_and_in_several(tmp_path, names):
    table = points(collect([generate(tmp_path, ["elpv"], names, [1, 5, 50], [0, 1], ["few"])]))
    for figure in (family_figure(table, "accuracy", "cross-entropy"), minority_figure(table, "cross-entropy")):
        assert all(axes.get_xlim()[0] > axes.get_xlim()[1] for axes in figure.axes)


def test_methods_of_one_family_differ_in_more_than_colour():
    labels = [f"method {place}" for place in range(42)]
    found = list(looks(labels, dict.fromkeys(labels, "probe"), labels[:1]).values())
    # a family's panel has twelve methods and the control
    assert len({look.marker for look in found[:13]}) == 13
    assert len({(look.marker, look.dashes) for look in found}) == 42, "told apart in grey, too"


def contrast(one, other):
    """Return the contrast of two colours by WCAG 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_numbers_in_maps_stand_out_from_their_cells(collection, table):
    # WCAG 2.2 asks for 4.5 : 1 of text
    figures = [
        gain_map(table, "accuracy", "cross-entropy"),
        recall_figure(collection.frame, SOME, 80),
        confusion_figure(collection.frame, SOME, 80),
        rank_heat_map(analyse(table, "accuracy", "cross-entropy")),
    ]
    for figure in figures:
        for axes in [axes for axes in figure.axes if axes.images]:
            (image,) = axes.images
            shades = image.to_rgba(image.get_array())
            numbers = [text for text in axes.texts if not isinstance(text, Annotation)]
            assert len(numbers) == shades.shape[0] * shades.shape[1]
            for text in numbers:
                column, row = text.get_position()
                assert contrast(text.get_color(), shades[row, column][:3]) >= 4.5


@pytest.mark.parametrize("datasets", [1, 3, 5])
def test_what_ranks_are_of_is_written_whole_below_few_columns(tmp_path, datasets):
    where = ["elpv", "textures", "magnetic_tile", "magnetic_tile/defects", "dagm/1"][:datasets]
    analysis = analyse(points(collect([generate(tmp_path, where, ratios=[10, 80])])), "accuracy", "cross-entropy")
    with styled():
        figure = rank_heat_map(analysis)
        figure.canvas.draw()
    (text,) = figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_text().startswith("Rank among"))
    assert text.get_text() == "Rank among 36 methods by accuracy;\nbeside each name: its mean"
    box = text.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_figures_of_the_hardest_level_name_it(collection, table):
    frame, folders = collection.frame, collection.folders
    figures = [
        recall_figure(frame, SOME, 80),
        confusion_figure(frame, SOME, 80),
        score_figure(folders, frame, SOME, 80),
        shots_figure(table, SOME, 80),
    ]
    for figure in figures:
        assert any("IR 80" in text.get_text() for text in figure.findobj(Text))


def test_intervals_of_two_seeds_leave_room_for_the_means(table):
    two = table.assign(accuracy_n=2, accuracy_sd=0.2)
    figure = curve_figure(two, "accuracy", "cross-entropy")
    low, high = figure.axes[0].get_ylim()
    means = 100 * table["accuracy"]
    assert high - low < 1.2 * (means.max() - means.min())
    assert "95 % interval (cut off)" in [text.get_text() for text in figure.legends[0].get_texts()]
    five = curve_figure(table.assign(accuracy_n=5), "accuracy", "cross-entropy")
    assert "95 % interval" in [text.get_text() for text in five.legends[0].get_texts()]


def test_maps_and_curves_get_harder_to_the_right(tmp_path):
    table = points(collect([generate(tmp_path, ["elpv"], SOME, [1, 5, 50], [0, 1], ["few", "step"])]))
    for protocol, levels in (("few", ["50", "5", "1"]), ("step", ["1", "5", "50"])):
        axes = gain_map(table[table["protocol"].eq(protocol)], "accuracy", "cross-entropy").axes[0]
        assert [text.get_text() for text in axes.get_xticklabels()] == levels


def test_no_method_loses_the_end_of_its_name_in_a_legend():
    assert not [label for label in methods.available() if "…" in name(label, SHORT)]


def test_the_picture_beside_the_advice_says_what_its_points_are_of(collection):
    families = collection.frame.drop_duplicates("label").set_index("label")["family"]
    (advice,) = make(collection.frame, "roc_auc", "cross-entropy", score=False).advice
    figure = advice_figure(advice, families, metric="roc_auc")
    assert figure.get_supxlabel().startswith("Points of ROC-AUC over Cross-entropy:")
    (advice,) = make(collection.frame, "accuracy", "cross-entropy", score=False).advice
    assert advice_figure(advice, families).get_supxlabel().startswith("Points of balanced accuracy over Cross-entropy:")


def drawn_looks(axes):
    """Return colour and marker by the name in the legend."""
    return {line.get_label(): (line.get_color(), line.get_marker()) for line in axes.get_lines()}


def test_who_stands_for_a_family_looks_alike_in_every_figure(tmp_path):
    names = ["cross-entropy", "focal", "ldam-drw", "crt", "lws", "few-defect-fusion", "multiscale-two-stage"]
    collected = collect([generate(tmp_path, ["elpv"], [*names, "multiscale-logit-adjustment"], [5, 20, 80], [0, 1])])
    table = points(collected)
    families = table.drop_duplicates("label").set_index("label")["family"]
    chosen = highlights(table, "accuracy", "cross-entropy")
    curves = drawn_looks(curve_figure(table, "accuracy", "cross-entropy").axes[0])
    panels = family_figure(table, "accuracy", "cross-entropy").axes
    wanted = {name(label, SHORT): look_of(label, families[label]) for label in chosen}
    for title, look in wanted.items():
        assert curves[title] == (look.colour, look.marker)
        assert {drawn_looks(axes)[title] for axes in panels if title in drawn_looks(axes)} <= {curves[title]}
    (advice,) = make(collected.frame, "accuracy", "cross-entropy", score=False).advice
    dots = advice_figure(advice, families).axes[0].get_lines()
    own = look_of("few-defect-fusion", "proposed")
    assert (own.colour, own.marker) in {(line.get_color(), line.get_marker()) for line in dots}


def test_no_two_methods_of_one_figure_share_colour_and_marker():
    labels = [f"method {place}" for place in range(40)]
    families = {label: ("resampling", "cost-sensitive", "decoupling")[place % 3] for place, label in enumerate(labels)}
    found = looks(labels, families, standing(labels, families, "method 0"))
    assert len({(look.colour, look.marker) for look in found.values()}) == 40
    assert [found[label] for label in labels[:3]] == [look_of(label, families[label]) for label in labels[:3]]
    few = looks(labels[:7], families, labels[:3])
    assert len({look.colour for look in few.values()}) == 7, "colours repeat only when there are no more"


@pytest.mark.parametrize(("panels", "columns", "beside"), [(9, 1, 2), (1, 2, 1), (9, 2, 5), (8, 2, 4), (12, 2, 4)])
def test_few_places_stay_empty_between_confusion_matrices(collection, panels, columns, beside):
    frame, labels = collection.frame, [f"m{place}" for place in range(panels)]
    rows = frame[frame["label"].eq("focal")]
    many = pd.concat([rows.assign(label=label) for label in labels])
    axes = confusion_figure(many, labels, 80, Layout(columns)).axes[:-1]
    shown = [each for each in axes if each.get_visible()]
    assert (len(shown), shown[0].get_subplotspec().get_gridspec().ncols) == (panels, beside)
    # whatever stands lowest in its column says what was predicted
    empty = len(axes) - panels
    above = shown[panels - beside :][:empty]
    assert all([text.get_text() for text in each.texts][-3:] == ["class 0", "class 1", "class 2"] for each in above)


def test_heads_stand_upright_where_they_have_room_and_are_turned_where_not():
    assert heads(["functional (240)", "defective (3)"], 1.0) == (["functional\n(240)", "defective (3)"], 0)
    assert heads(["functional (240)"], 0.3) == (["functional (240)"], 90)
    assert heads(["Solar cells (ELPV), 20 minority images"], 0.8) == (["Solar cells (ELPV), 20\nminority images"], 90)


def test_a_level_that_few_methods_have_takes_none_out_of_the_figures(tmp_path):
    names = ["cross-entropy", "focal", "ldam-drw", "crt", "lws", "multiscale-two-stage"]
    table = points(collect([generate(tmp_path, ["elpv"], names, [10, 20, 80], [0, 1])]))
    gone = table["level"].eq(20) & ~table["label"].isin(["lws", "multiscale-two-stage"])
    few = table.assign(accuracy=table["accuracy"].mask(gone))
    whole = table[table["level"].ne(20)]
    chosen = highlights(few, "accuracy", "cross-entropy")
    assert chosen == highlights(whole, "accuracy", "cross-entropy")
    shown = cost_figure(few, "accuracy", chosen).axes[0].get_lines()
    assert sum(len(line.get_xdata()) for line in shown) == len(names)


def test_bands_are_students_intervals():
    # t(.975, 2) = 4.302653 and t(.975, 4) = 2.776445
    assert half_width(np.array([0.3]), np.array([3])) == pytest.approx(4.302653 * 0.3 / np.sqrt(3))
    assert half_width(np.array([0.3]), np.array([5])) == pytest.approx(2.776445 * 0.3 / np.sqrt(5))
    assert np.isnan(half_width(np.array([np.nan]), np.array([1]))).all()


def test_a_band_does_not_leave_the_range_of_its_metric(table):
    low = table.assign(accuracy=0.02, accuracy_sd=0.5, accuracy_n=2)
    (band, *_) = curve_figure(low, "accuracy", "cross-entropy").axes[0].collections
    assert band.get_paths()[0].vertices[:, 1].min() == 0
    assert band.get_paths()[0].vertices[:, 1].max() == 100


def test_the_hardest_level(table):
    assert extreme(table) == 80
    assert extreme(table.assign(protocol="few")) == 1


def test_confusion_adds_the_seeds_and_shows_shares_of_the_true_class(collection):
    frame = collection.frame
    figure = confusion_figure(frame, ["focal"], 80)
    shares = np.asarray(figure.axes[0].images[0].get_array())
    expected = sum(frame[frame["label"].eq("focal") & frame["level"].eq(80)]["confusion"], start=np.zeros((3, 3)))
    assert shares == pytest.approx(100 * expected / expected.sum(axis=1, keepdims=True))
    assert shares.sum(axis=1) == pytest.approx(np.full(3, 100))


def test_without_stored_scores_there_is_no_curve(collection, tmp_path):
    assert score_figure([tmp_path], collection.frame, SOME, 80) is None


def test_precision_recall_and_reliability_of_a_perfect_method(tmp_path):
    collection = collect([generate(tmp_path, ["elpv"], ["focal"], [10], [0])])
    labels = np.repeat([0, 1], 100)
    store = tmp_path / "scores"
    logits = np.stack([1.0 - labels, labels], axis=1) * 20
    np.savez(store / f"{collection.frame['id'].iloc[0]}.npz", logits=logits, labels=labels, indices=np.arange(200))
    figure = score_figure([tmp_path], collection.frame, ["focal"], 10)
    assert figure is not None
    precision = figure.axes[0].get_lines()[0].get_ydata()
    # Every threshold above the lowest score is perfect; at the lowest, half of the images are positive.
    assert set(np.round(np.asarray(precision, dtype=float), 6)) == {50.0, 100.0}
    (reliability, _) = figure.axes[1].get_lines()
    assert np.asarray(reliability.get_ydata(), dtype=float) == pytest.approx([100.0])


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("methods", [1, 2, 5, 36])
@pytest.mark.parametrize("ratios", [(20,), (5, 20), (1, 5, 10, 20, 40, 80)])
def test_nothing_of_the_gains_is_clipped_or_overprinted(tmp_path, methods, ratios, columns):
    names = METHODS[:methods]
    collected = collect([generate(tmp_path, ["elpv"], names, ratios)])
    table = points(collected)
    families = table.drop_duplicates("label").set_index("label")["family"]
    with styled():
        figures = [gain_map(table, "accuracy", "cross-entropy", columns=columns)]
        advice = make(collected.frame, "accuracy", "cross-entropy", score=False).advice
        figures += [advice_figure(each, families, columns=columns) for each in advice]
        for figure in [each for each in figures if each is not None]:
            figure.canvas.draw()
            drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
            assert drawn.x0 > -0.01
            assert drawn.y0 > -0.01
            assert drawn.x1 < width + 0.01
            assert drawn.y1 < height + 0.01
            labels = [text.get_window_extent() for text in figure.axes[0].get_yticklabels() if text.get_text()]
            assert not any(a.overlaps(b) for a, b in itertools.pairwise(labels))


def go_wrong_while_workers_have_much_to_do():
    with Workers(2 * WORTH_A_WORKER) as workers:
        workers.start(os.getpid)()
        for _ in range(20):
            workers.start(time.sleep, 60)
        raise KeyError("wrong")


@pytest.mark.parametrize("copies", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_workers_draw_what_they_are_given(monkeypatch, copies):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(threading, "active_count", lambda: 1 if copies else 2)
    with Workers(2 * WORTH_A_WORKER) as workers:
        assert type(workers._executor).__module__.startswith("concurrent.futures") is copies
        found = [workers.start(os.path.join, str(n), "name") for n in range(5)]
        others = {workers.start(os.getpid)() for _ in range(5)}
        assert [each() for each in found] == [f"{n}/name" for n in range(5)]
    assert os.getpid() not in others


KILLED = """
import os, signal, sys
from benchmarks.report.figures.workers import WORTH_A_WORKER, Workers
os.cpu_count = lambda: 3
workers = Workers(3 * WORTH_A_WORKER)
workers.start(os.getpid)()
print(*workers._executor._processes)
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def runs(number):
    """Say whether a process runs: one that nobody has asked for its end is listed still."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no copies are made")
def test_copies_end_with_a_process_that_is_killed():
    done = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, timeout=60)
    assert done.returncode == -9, done.stderr
    copies = done.stdout.split()
    assert len(copies) == 3
    limit = time.monotonic() + 30
    while any(map(runs, copies)) and time.monotonic() < limit:
        time.sleep(0.05)
    assert not any(map(runs, copies))


@pytest.mark.parametrize("copies", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_workers_end_at_once_and_in_silence_where_something_goes_wrong(monkeypatch, capfd, copies):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(threading, "active_count", lambda: 1 if copies else 2)
    threads = []
    monkeypatch.setattr(threading, "excepthook", threads.append)
    start = time.monotonic()
    with pytest.raises(KeyError, match="wrong"):
        go_wrong_while_workers_have_much_to_do()
    assert time.monotonic() - start < 60
    assert not threads
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("influence-balanced", "Influence-\nbalanced loss"),
        ("multiscale-two-stage", "Multi-scale\ntwo-stage"),
        ("focal", "Focal loss"),
        ("incomprehensibilities", "Incomprehensi\nbilities"),
    ],
)
def test_a_name_too_long_for_a_line_breaks_at_its_hyphen(label, shown):
    assert name(label, 13) == shown
