"""The summary says what is missing."""

from benchmarks.records.asked import Skip
from benchmarks.report.data.loading import collect
from benchmarks.report.data.points import points
from benchmarks.report.summary.text import missing
from datasets import Level
from tests.report.synthetic import asked, cell, cells, record, write


def test_what_is_missing_is_said(tmp_path):
    skip = Skip(dataset="elpv", level=Level("step", ratio=80), reason="too few images")
    grid = asked(cells(["elpv"], ["focal", "crt"], [10, 80], [0, 1]), [skip])
    records = [record(cell("elpv", 10, 0, "focal")), record(cell("elpv", 10, 1, "focal"), None)]
    collection = collect([write(tmp_path, records, grid)])
    assert missing(points(collection), collection) == [
        "1 failed cell of focal on elpv: FloatingPointError: the loss became NaN at step 7",
        "No record yet of 2 cells asked for (elpv 2)",
        "elpv, step: IR 80 skipped: too few images",
    ]
