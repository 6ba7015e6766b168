"""What changed between two runs."""

import pytest

from benchmarks.report.__main__ import main
from benchmarks.report.compare import compare
from benchmarks.report.tables.model import Entry, Table
from benchmarks.report.tables.render import comma_separated
from datasets import UserError
from tests.report.synthetic import cell, record, write


def run(folder, means, seeds=(0, 1, 2)):
    cells = [record(cell("elpv", 20, s, label), mean + 0.001 * s * s) for label, mean in means.items() for s in seeds]
    return write(folder, cells)


def test_what_changed_and_what_is_equal(tmp_path, capsys):
    first = run(tmp_path / "a", {"focal": 0.8, "crt": 0.7, "mixup": 0.6})
    second = run(tmp_path / "b", {"focal": 0.85, "crt": 0.7})
    text = compare(first, second)
    assert "6 cells in both, 3 of them equal to the last digit; 3 only in the first, 0 only in the second" in text
    assert "| focal | +5.0 [+5.0, +5.0] | 3 | changed |" in text
    assert "| crt | +0.0 [+0.0, +0.0] | 3 |  |" in text
    assert main(["--compare", str(first), str(second)]) == 0
    assert "# What changed" in capsys.readouterr().out


def test_a_change_within_the_noise_is_not_called(tmp_path):
    first = write(tmp_path / "a", [record(cell("elpv", 20, s, "focal"), 0.8) for s in range(3)])
    # changes +3, -1, +1: mean 1, sd 2, t(.975, 2) = 4.302653
    second = write(tmp_path / "b", [record(cell("elpv", 20, s, "focal"), v) for s, v in enumerate((0.83, 0.79, 0.81))])
    assert "| +1 [-4, +6] | 3 |  |" in compare(first, second)


def test_runs_without_a_common_cell_are_refused(tmp_path):
    with pytest.raises(UserError, match="no finished cell in common"):
        compare(run(tmp_path / "a", {"focal": 0.8}), run(tmp_path / "b", {"crt": 0.8}))


def test_a_name_is_no_formula_in_a_spreadsheet():
    table = Table("t", "c", ["x"], [("=family", [('=HYPERLINK("http://evil")', [Entry("1")])])])
    assert comma_separated(table).splitlines()[1].startswith("'=family,\"'=HYPERLINK")


def test_whether_two_runs_rank_alike_and_what_the_choice_of_one_loses_in_the_other(tmp_path):
    """Of three pairs one is turned round: tau = (2 - 1) / 3; the first run's best is 2 points behind in the second."""
    first = run(tmp_path / "a", {"focal": 0.82, "crt": 0.8, "mixup": 0.6, "bbn": 0.9})
    second = run(tmp_path / "b", {"focal": 0.8, "crt": 0.82, "mixup": 0.6}, seeds=(3, 4, 5, 0, 1, 2))
    assert "| elpv, step 20, as-in-paper | 3 | 0.33 | focal | 2.0 |" in compare(first, second)
