"""Tables say what was measured, over how many seeds, and what is missing."""

import csv
import io
import re
import shutil
import subprocess

import pytest
import torch

import methods
from benchmarks.records.asked import Skip
from benchmarks.report.__main__ import main
from benchmarks.report.build import build
from benchmarks.report.data.loading import collect
from benchmarks.report.data.points import points
from benchmarks.report.tables.latex import DOUBLE, ROWS, SINGLE, escape_latex, latex, text_width
from benchmarks.report.tables.model import Entry, Table
from benchmarks.report.tables.published import published
from benchmarks.report.tables.render import comma_separated, markdown, write_table
from benchmarks.report.tables.special_tables import ablation_tables, shot_tables, tuned_tables
from benchmarks.report.tables.tables import dataset_tables, summary_tables, top
from datasets import Level
from tests.report.synthetic import asked, cell, cells, generate, record, write

GRID = asked(
    cells(["elpv"], ["cross-entropy", "focal", "class-balanced", "crt"], [1, 10, 80], [0, 1]),
    [Skip(dataset="elpv", level=Level("step", ratio=80), reason="only 71 images of defect")],
)
VALUES = {
    # method: ratio: accuracy of seeds 0 and 1 (None: failed; absent: no record)
    "cross-entropy": {1: [0.90, 0.92], 10: [0.70, 0.80]},
    "focal": {1: [0.92, 0.90], 10: [0.90]},
    "class-balanced": {1: [0.80, 0.84], 10: [0.60, 0.66]},
    "crt": {1: [0.85, None], 10: [None, None]},
}


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    records = [
        record(cell("elpv", ratio, seed, label), value)
        for label, ratios in VALUES.items()
        for ratio, values in ratios.items()
        for seed, value in enumerate(values)
    ]
    return collect([write(tmp_path_factory.mktemp("run"), records, GRID)])


@pytest.fixture(scope="module")
def table(collection):
    (made,) = dataset_tables(points(collection), collection, "accuracy")
    return made


def entries(table, label):
    return next(found for _, name, found in table.rows if name == label)


def test_mean_and_standard_deviation_over_seeds(table):
    # (70 + 80) / 2 = 75; sd with one degree of freedom = 10 / sqrt 2 = 7.07, of which two seeds carry no decimal
    assert entries(table, "cross-entropy")[1].plain == "75 ± 7"


def test_best_and_second_with_ties_sharing(table):
    marks = {label: entries(table, label)[0].mark for label in VALUES}
    assert marks == {"cross-entropy": "best", "focal": "best", "class-balanced": "second", "crt": ""}


def test_a_mean_over_fewer_seeds_says_so_and_is_not_marked(table):
    focal = entries(table, "focal")[1]
    assert focal.plain == "90 (1/2)"
    assert focal.mark == ""
    assert entries(table, "cross-entropy")[1].mark == "best"


def test_failed_and_skipped_cells_are_visible_and_nothing_is_zero(table):
    assert entries(table, "crt")[0].plain == "85 (1/2, 1 failed)"
    assert entries(table, "crt")[1].plain == "failed (0/2, 2 failed)"
    assert entries(table, "focal")[2].plain == "skipped"
    assert "IR 80 skipped: only 71 images of defect" in table.notes
    assert not re.search(r"\|\s*0(\.0+)?\s*\|", markdown(table))


def test_average_and_rank_only_for_methods_that_have_every_level(table):
    columns = table.columns
    assert columns == ["IR 1", "IR 10", "IR 80", "Average", "Rank", "Fit (s)", "Steps"]
    # Means: cross-entropy .91, .75; focal .91, .90; class-balanced .82, .63. Ranks: 1.5, 2 | 1.5, 1 | 3, 3.
    assert [entries(table, "cross-entropy")[i].mean for i in (3, 4)] == ["83", "1.8"]
    assert [float(entries(table, label)[3].mean) for label in ("focal", "class-balanced")] == pytest.approx(
        [90.5, 72.5], abs=0.5001
    )
    assert [entries(table, label)[4].mean for label in ("focal", "class-balanced")] == ["1.2", "3.0"]
    assert [entries(table, "crt")[i].mean for i in (3, 4)] == ["n/a", "n/a"]


def test_families_come_in_their_order(table):
    assert [family for family, _ in table.groups] == ["baseline", "cost-sensitive", "decoupling"]


def test_less_is_better_for_calibration_error(collection):
    (made,) = dataset_tables(points(collection), collection, "ece")
    # The generator's error is (1 - accuracy) / 2: cross-entropy and focal have the least at IR 1.
    assert entries(made, "focal")[0].mark == "best"
    assert entries(made, "class-balanced")[0].mark == "second"
    assert made.name == "elpv-step-ece"


def test_a_metric_that_is_not_defined_is_not_available(tmp_path):
    made = record(cell("elpv", 1, 0, "focal"))
    assert made.metrics is not None
    made.metrics.roc_auc = None
    collection = collect([write(tmp_path, [made])])
    (table,) = dataset_tables(points(collection), collection, "roc_auc")
    assert entries(table, "focal")[0].mean == "n/a"


def test_rounded_once_at_the_end(tmp_path):
    # 91.2499 %: rounding to two decimals first would give 91.25 and then 91.3
    values = {"focal": [0.912499, 0.912499], "crt": [0.912498, 0.912498], "cdt": [0.9114, 0.9114]}
    records = [record(cell("a", 1, s, label), v) for label, vs in values.items() for s, v in enumerate(vs)]
    collection = collect([write(tmp_path, records)])
    (table,) = dataset_tables(points(collection), collection, "accuracy")
    assert [entries(table, label)[0].mean for label in values] == ["91.2", "91.2", "91.1"]
    assert [entries(table, label)[0].mark for label in values] == ["best", "best", "second"], "ties share the mark"


def test_latex_has_the_structure_of_booktabs(table):
    text = latex(table)
    assert [text.count(rule) for rule in (r"\toprule", r"\bottomrule")] == [1, 1]
    assert r"\textbf{91}" in text
    assert r"\underline{82}" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert {line.count(" & ") for line in rows} == {7}
    assert text.count("{") == text.count("}")
    assert r"\begin{tabular}{@{}lrrrrrrr@{}}" in text


def test_latex_escapes_what_it_would_take_for_a_command():
    assert escape_latex("50 % of a_b & $x$ #1 {~^}\\") == (
        r"50 \% of a\_b \& \$x\$ \#1 \{\textasciitilde{}\textasciicircum{}\}\textbackslash{}"
    )


@pytest.mark.parametrize("options", ["a4paper", "a4paper,twocolumn"])
@pytest.mark.parametrize("engine", ["pdflatex", "lualatex"])
def test_latex_compiles_as_it_stands_whatever_is_named(table, tmp_path, engine, options):
    if shutil.which(engine) is None:
        pytest.skip(f"{engine} is not installed")
    hostile = ["a_b & 5 % <$x$> #1 {~^}", "\\input{t}$\\write18{ls}$", "欠陥 дефект Größe ± †", "\x1b[31m\u202e"]
    bodies = [latex(table), latex(wide_table(30)), latex(wide_table(2, rows=ROWS + 1))]
    bodies += [latex(wide_table(3, label=text)) for text in hostile]
    body = "\\clearpage".join(bodies)
    document = rf"\documentclass[{options}]{{article}}\usepackage{{booktabs}}\begin{{document}}{body}\end{{document}}"
    (tmp_path / "t.tex").write_text(document, encoding="utf-8")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=600, check=False)
    told = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, told[-2000:]
    assert "Overfull" not in told
    assert "Missing character" not in told + (tmp_path / "t.log").read_text("utf-8", "replace")


def wide_table(columns, rows=3, label="focal", digits="12.3"):
    entries = [Entry(digits, "4.5") for _ in range(columns)]
    return Table(
        "t", "c", [f"IR {i}" for i in range(columns)], [("f", [(f"{label}{i}", entries) for i in range(rows)])]
    )


def test_a_table_takes_one_column_or_two_and_is_split_beyond_that():
    assert latex(wide_table(2)).startswith("\\begin{table}[htbp]")
    assert latex(wide_table(2), columns=2).startswith("\\begin{table*}[htbp]")
    middle = latex(wide_table(8))
    assert middle.count("\\begin{table*}") == middle.count("\\end{table*}") == 1
    split = latex(wide_table(30))
    assert split.count("\\begin{table*}") > 1
    heads = re.findall(r"IR \d+", split)
    assert heads == [f"IR {i}" for i in range(30)], "every column once"
    assert f"(part 1 of {split.count('begin{table*}')})" in split
    long = latex(wide_table(2, rows=ROWS + 1))
    assert long.count("\\begin{tabular}") == 2
    assert long.count(r"12.3") == 2 * (ROWS + 1)


def test_the_estimate_of_widths_is_computer_moderns():
    # TeX's cmr10: a digit is 0.5 em wide, an m 0.8333, an i 0.2778 (Knuth's font metrics)
    assert text_width("0123456789", 10) == pytest.approx(50, abs=0.5)
    assert text_width("m", 10) == pytest.approx(8.333, abs=0.1)
    assert text_width("i", 10) == pytest.approx(2.778, abs=0.1)
    assert SINGLE < DOUBLE


def test_names_of_any_script(tmp_path):
    table = wide_table(1, label="方法 Ω")
    assert "U+65B9U+6CD5" in latex(table)
    files = {path.suffix: path for path in write_table(table, tmp_path)}
    assert files[".csv"].read_bytes().startswith("\ufeff".encode()), "a spreadsheet reads it as UTF-8"
    assert "方法 Ω0" in files[".md"].read_text(encoding="utf-8")
    (tmp_path / "plain").mkdir()
    plain = {path.suffix: path for path in write_table(wide_table(1), tmp_path / "plain")}
    assert plain[".csv"].read_text().startswith("family,method")


def test_the_best_k_and_the_control_are_kept(table):
    kept = top(table, 1, "class-balanced")
    assert [label for _, label, _ in kept.rows] == ["class-balanced", "focal"]
    assert "The best 1 of 4 methods by their rank, and the control." in kept.notes
    assert top(table, 9, "cross-entropy") is table


def test_tables_for_readers_have_names_in_words_and_the_csv_those_that_one_types(table):
    assert "Cross-entropy" in markdown(table)
    assert "Class-balanced loss" in latex(table)
    assert "Solar cells (ELPV), step imbalance" in table.caption
    assert "class-balanced" in comma_separated(table)


def test_csv_has_one_line_a_method_with_plain_numbers(table):
    lines = list(csv.DictReader(io.StringIO(comma_separated(table))))
    assert [line["method"] for line in lines] == ["cross-entropy", "class-balanced", "focal", "crt"]
    assert lines[0]["IR 10"] == "75"
    assert lines[0]["IR 10 sd"] == "7"
    assert lines[2]["IR 10 remark"] == "1/2"


def test_markdown_keeps_names_from_breaking_it(tmp_path):
    spec = cell("elpv", 1, 0, "focal", label="a|b<script>_x_")
    collection = collect([write(tmp_path, [record(spec)])])
    (table,) = dataset_tables(points(collection), collection, "accuracy")
    text = markdown(table)
    assert r"a\|b&lt;script&gt;\_x\_" in text


def test_summary_has_a_column_per_dataset(tmp_path):
    values = {("elpv", "focal"): 0.8, ("elpv", "crt"): 0.9, ("dagm/1", "focal"): 0.7}
    records = [record(cell(dataset, 10, 0, label), value) for (dataset, label), value in values.items()]
    collection = collect([write(tmp_path, records)])
    (table,) = summary_tables(points(collection), "accuracy")
    assert table.columns[:2] == ["DAGM class 1, step imbalance", "Solar cells (ELPV), step imbalance"]
    assert [e.mean for e in entries(table, "crt")[:3]] == ["n/a", "90", "n/a"]
    assert [e.mean for e in entries(table, "focal")[:3]] == ["70", "80", "75"]


def test_ablation_takes_network_and_transfer_apart(tmp_path):
    labels = ["singlescale-one-stage", "singlescale-two-stage", "multiscale-one-stage", "multiscale-two-stage", "focal"]
    records = [record(cell("elpv", 10, s, label)) for label in labels for s in (0, 1)]
    collection = collect([write(tmp_path, records)])
    (table,) = ablation_tables(points(collection), collection, "accuracy")
    assert [(family, [label for label, _ in rows]) for family, rows in table.groups] == [
        (
            "single-scale network",
            ["one-stage transfer (singlescale-one-stage)", "two-stage transfer (singlescale-two-stage)"],
        ),
        (
            "multi-scale network",
            ["one-stage transfer (multiscale-one-stage)", "two-stage transfer (multiscale-two-stage)"],
        ),
    ]


def test_shots_of_a_long_tail_with_an_empty_group(tmp_path):
    spec = cell("cifar10", 4, 0, "focal", "long-tail")
    # Counts of the generator: 400, 200, 100. Nothing has less than 20 images.
    collection = collect([write(tmp_path, [record(spec, 0.6, [0.9, 0.7, 0.2])])])
    (table,) = shot_tables(points(collection))
    assert [entry.mean for entry in entries(table, "focal")] == ["60", "80", "20", "n/a"]


def test_published_numbers_stand_beside_the_measured_and_are_marked(tmp_path):
    folder = generate(tmp_path, ["cifar10"], ["cross-entropy", "focal"], [50, 100], [0], ["long-tail"], classes=10)
    collection = collect([folder])
    table, *_ = dataset_tables(points(collection), collection, "accuracy")
    label = "balanced-softmax † (BagofTricks-LT)"
    # Published errors of 18.89 and 22.46 %.
    assert [(e.mean, e.mark) for e in entries(table, label)[:2]] == [("81.11", "published"), ("77.54", "published")]
    assert r"77.54$^\dagger$" in latex(table)
    assert "77.54 †" in markdown(table)
    (note,) = [note for note in table.notes if "not measured here" in note]
    assert note.endswith("Balanced softmax is Logit adjustment here.")  # an alias: the measured row has the other name
    assert all(e.mark != "published" for e in entries(table, "focal"))
    (other,) = dataset_tables(points(collection), collection, "macro_f1")
    assert "published" not in markdown(other)


def test_published_numbers_are_those_of_the_literature():
    rows = published().set_index(["dataset", "ratio", "method", "source"])["error"]
    assert rows["cifar10", 100, "ldam-drw", "WVN-RS"] == 22.97
    assert rows["cifar100", 50, "crt", "BagofTricks-LT"] == 54.64
    assert len(rows) == 13 * 4 - 2


def test_every_published_method_is_one_of_ours_by_name_or_alias():
    names = set(published()["method"])
    ours = {name: methods.create(name) for name in names}
    assert {name for name in names if ours[name].name != name} == {"balanced-softmax"}
    # Ren et al. 2020: cross-entropy of z + log n; so the alias stands for logit adjustment as it comes, at tau 1
    counts, logits = torch.tensor([500, 200, 80, 30, 10]), torch.linspace(-2, 2, 20).reshape(4, 5)
    targets = torch.tensor([0, 4, 2, 1])
    expected = torch.nn.functional.cross_entropy(logits + counts.log(), targets)
    torch.testing.assert_close(ours["balanced-softmax"].criterion(counts, 0.0)(logits, targets), expected)


def test_the_report_takes_an_alias_wherever_a_name_is(tmp_path):
    folder = generate(tmp_path, ["elpv"], ["cross-entropy", "logit-adjustment", "focal"], [10], [0, 1], ["step"])
    out = ["--out", str(tmp_path / "report"), "--no-figures"]
    answer = main(["--results", str(folder), *out, "--methods", "focal", "--control", "balanced-softmax"])
    assert answer == 0
    assert "### Against logit-adjustment" in (tmp_path / "report" / "statistics.md").read_text()
    assert main(["--results", str(folder), *out, "--methods", "balanced-softmax"]) == 0
    shown = (tmp_path / "report" / "tables" / "elpv-step.md").read_text()
    assert "Logit adjustment" in shown
    assert "Focal" not in shown


def test_what_tuning_chose_is_shown_for_every_seed(tmp_path):
    def tuned(label, ratio, seed, chosen):
        made = record(cell("elpv", ratio, seed, label, tune=4), 0.9)
        return made.model_copy(update={"tuning": {"trials": 4, "chosen": chosen}})

    folder = write(
        tmp_path,
        [
            tuned("focal", 10, 1, {"learning_rate": 0.00123456, "gamma": 5.0}),
            tuned("focal", 10, 0, {"learning_rate": 0.01, "gamma": 0.5}),
            tuned("focal", 40, 0, {"learning_rate": 0.02, "gamma": 1.0}),
            tuned("cross-entropy", 10, 0, {"learning_rate": 0.03}),
            record(cell("elpv", 10, 0, "crt"), 0.9),
        ],
    )
    (made,) = tuned_tables(collect([folder]).frame)
    assert made.columns == ["IR 10", "IR 40"]
    shown = {label: [entry.plain for entry in found] for _, label, found in made.rows}
    assert shown == {
        "cross-entropy (tuned): learning_rate": ["0.03", ""],
        "focal (tuned): learning_rate": ["0.01 / 0.00123", "0.02"],
        "focal (tuned): gamma": ["0.5 / 5", "1"],
    }
    assert "4 trials" in made.caption
    page = build([folder], tmp_path / "report", figures=False).out / "report.html"
    assert "focal (tuned): gamma" in page.read_text()
    assert "0.01 / 0.00123" in (tmp_path / "report" / "tables" / "tuned-elpv-step.md").read_text()


def test_a_point_without_any_record_is_shown_while_a_run_goes_on(tmp_path):
    """At one level nothing has a record yet, at another one method has none."""
    done = [record(cell("elpv", 1, seed, label), 0.9) for label in ("cross-entropy", "focal") for seed in (0, 1)]
    folder = write(tmp_path, [*done, record(cell("elpv", 10, 0, "cross-entropy"), 0.8)], GRID)
    collection = collect([folder])
    (made,) = dataset_tables(points(collection), collection, "accuracy")
    assert [entry.plain for entry in entries(made, "focal")][:2] == ["90.0 ± 0.0", "n/a (0/2)"]
    assert [entry.plain for entry in entries(made, "crt")][:2] == ["n/a (0/2)", "n/a (0/2)"]
    assert build([folder], tmp_path / "report", figures=False).gaps
