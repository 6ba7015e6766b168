"""The page is one small, safe file; the command writes it, watches, and fails with one line."""

import base64
import io
import json
import re
import threading
import time
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.records.asked import without_folders
from benchmarks.report import build
from benchmarks.report.__main__ import main
from benchmarks.report.data.loading import collect
from benchmarks.report.data.points import points
from benchmarks.report.page.about import entries
from benchmarks.report.page.data import escape_json
from benchmarks.report.watch import watch
from tests.report.synthetic import cell, cells, generate, record, write

EVIL = "</script><script>alert(1)</script>"


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL).group(1))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = generate(tmp_path_factory.mktemp("run"), ["elpv", "dagm/1"], ["cross-entropy", "focal"], [5, 10, 40])
    made = record(cell("elpv", 10, 0, "crt", label=EVIL))
    made.environment = {"cpu": EVIL, "revision": "abc & def"}
    write(folder, [made])
    report = build([folder], figures=False)
    return (report.out / "report.html").read_text()


def test_the_page_is_one_file_below_five_megabytes_that_asks_for_nothing(page):
    assert len(page.encode()) < 5e6
    assert not re.search(r"<(link|img|iframe|script)[^>]*\s(src|href)=", page)
    assert "default-src 'none'" in page


def test_text_of_records_is_escaped(page):
    assert EVIL not in page
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in page
    assert "abc &amp; def" in page
    assert EVIL in data_of(page)["labels"]


def test_parts_of_one_set_of_images_are_counted_as_one_dataset(tmp_path):
    folder = generate(tmp_path, ["magnetic_tile", "magnetic_tile/defects", "elpv"], ["cross-entropy", "focal"], [5, 10])
    page = (build([folder], figures=False).out / "report.html").read_text()
    assert "2 methods on 2 datasets." in page


def test_every_family_has_one_entry_though_datasets_have_different_methods(tmp_path):
    made = cells(["elpv"], ["cross-entropy", "focal"], [10]) + cells(["textures"], ["ldam-drw", "oversampling"], [10])
    table = points(collect([write(tmp_path, map(record, made))]))
    families = [each.family for each in entries(table)]
    assert [family for family, _ in groupby(families)] == ["baseline", "resampling", "cost-sensitive"]
    assert [each.label for each in entries(table)][-2:] == ["focal", "ldam-drw"]


def test_remarks_that_differ_in_numbers_alone_are_one_and_many_are_folded(tmp_path):
    made = [record(each) for each in cells(["elpv"], ["cross-entropy", "focal"], [10, 20])]
    for place, each in enumerate(made):
        each.data.notes.append(f"C = 0.{place}")
        each.data.notes.extend(f"remark {chr(97 + n)}" for n in range(11))
    report = build([write(tmp_path, made)], figures=False)
    assert f"elpv: C = 0.0 (and {len(made) - 1} more with other numbers)" in report.gaps
    page = (report.out / "report.html").read_text()
    assert f"<details><summary>{len(report.gaps) - 10} more</summary>" in page


def test_the_papers_claims_stand_last_and_the_picture_is_in_the_page(tmp_path):
    folder = generate(tmp_path, ["elpv"], ["cross-entropy", "focal", "multiscale-two-stage"], [5, 10])
    page = (build([folder]).out / "report.html").read_text()
    order = places(page, "summary", "table", "statistics", "claims")
    assert order == sorted(order)
    assert '<img src="data:image/png;base64,' in page
    assert "](figures/elpv-step-advice.png)" in (tmp_path / "summary.md").read_text()


def test_captions_of_key_figures_name_the_metric(tmp_path):
    folder = generate(tmp_path, ["elpv"], ["cross-entropy", "focal"], [10])
    (folder / "figures").mkdir()
    Image.new("L", (3, 3)).save(folder / "figures" / "critical-difference-roc-auc.png")
    page = (build([folder], metric="roc_auc", figures=False).out / "report.html").read_text()
    assert "<figcaption>Mean ranks by ROC-AUC of the best ten and the control" in page


def test_panels_are_part_of_the_page_as_far_as_there_is_room(tmp_path, monkeypatch):
    folder = generate(tmp_path, ["elpv"], ["cross-entropy", "focal"], [10])
    (folder / "explain").mkdir()
    for name in ("a", "b", "c"):
        noise = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / "explain" / f"{name}-step-IR-10-panels.png")
    page = (build([folder], figures=False).out / "report.html").read_text()
    found = re.findall(r"data:image/webp;base64,([^\"]+)", page)
    assert len(found) == 3
    with Image.open(io.BytesIO(base64.b64decode(found[0]))) as image:
        assert image.size == (30, 40)
    monkeypatch.setattr("benchmarks.report.page.write.MOST_BYTES", 2 * len(found[0]) + 100)
    page = (build([folder], figures=False).out / "report.html").read_text()
    assert page.count("data:image/webp") == 2
    assert "Where methods look: b step IR 10; 1 more picture in " in page


@pytest.mark.parametrize(
    ("methods", "ratios", "seeds"),
    [(["cross-entropy"], [20], [0]), (["focal"], [5, 20], [0, 1]), (["cross-entropy", "focal"], [20], [0, 1, 2])],
)
def test_a_run_of_one_method_or_one_level_gives_a_whole_report(tmp_path, methods, ratios, seeds):
    report = build([generate(tmp_path, ["folder:/home/somebody/tiles"], methods, ratios, seeds)])
    assert len(report.paragraphs) == (len(methods) > 1)
    assert report.gaps == []
    assert {"report.html", "summary.md", "regret.md"} <= {path.name for path in report.files}
    # what advice rests on is told where there is any
    assert ("## Rules" in (tmp_path / "summary.md").read_text()) == (len(methods) > 1)
    assert ("How these sentences are made" in (tmp_path / "report.html").read_text()) == (len(methods) > 1)


def test_json_cannot_end_the_script():
    text = escape_json(json.dumps({"a": "</script>&\u2028"}, ensure_ascii=False))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script>&\u2028"}


def test_the_page_has_the_points_unrounded_and_null_for_what_is_missing(page):
    data = data_of(page)
    assert data["datasets"] == ["dagm/1", "elpv"]
    row = next(row for row in data["rows"] if data["labels"][row[4]] == EVIL and data["datasets"][row[1]] == "elpv")
    assert row[11][data["metrics"]["accuracy"]["index"]] == [0.9, None]


def places(page, *names):
    return [page.index(f'<section id="{name}"') for name in names]


def test_what_to_use_comes_first_and_claims_stand_only_where_they_apply(page):
    order = places(page, "summary", "table", "curves", "statistics", "files", "environment")
    assert order == sorted(order)
    assert 'id="claims"' not in page
    assert "python -m benchmarks.run --all" in page


def test_the_command_writes_everything(tmp_path):
    folder, out = generate(tmp_path / "run", ["elpv"], ["cross-entropy", "focal"], [5], [0]), tmp_path / "out"
    assert main(["--results", str(folder), "--out", str(out), "--no-figures", "--metric", "macro_f1"]) == 0
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert {"report.html", "summary.md", "claims.md", "statistics.md", "tables/elpv-step-macro-f1.tex"} <= names


def test_the_report_is_made_again_from_the_records_alone(tmp_path):
    folder = generate(tmp_path / "run", ["elpv"], ["cross-entropy", "focal"], [5, 40])
    first = {path.name: path.read_bytes() for path in build([folder], figures=False).files}
    assert {path.name: path.read_bytes() for path in build([folder], figures=False).files} == first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--results", "{path}/nowhere"], "does not exist"),
        (["--results", "{path}"], "no records in"),
        (["--results", "{path}", "--metric", "acuracy"], "no such metric; choose from accuracy"),
    ],
)
def test_errors_are_one_line_and_exit_two(tmp_path, capsys, arguments, said):
    assert main([text.format(path=tmp_path) for text in arguments]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_an_unwritable_report_folder_is_one_clear_error(tmp_path, capsys):
    folder = generate(tmp_path / "run", ["elpv"], ["cross-entropy"], [5], [0])
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert main(["--results", str(folder), "--out", str(blocked), "--no-figures"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_watching_rebuilds_when_a_record_comes_in_and_stops(tmp_path):
    folder = generate(tmp_path / "run", ["elpv"], ["cross-entropy"], [5], [0])
    page, stop, builds = folder / "report.html", threading.Event(), []
    watcher = threading.Thread(target=lambda: builds.append(watch([folder], interval=0.05, stop=stop)))
    watcher.start()
    try:
        wait_for(lambda: page.exists() and "1 of 1 cell done" in page.read_text())
        assert 'http-equiv="refresh"' in page.read_text()
        write(folder, [record(cell("elpv", 5, 1, "cross-entropy"))])
        wait_for(lambda: "2 of 2 cells done" in page.read_text())
    finally:
        stop.set()
        watcher.join(20)
    assert builds == [2]
    assert 'http-equiv="refresh"' not in page.read_text()


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def test_commands_on_the_page_name_no_folder_of_this_machine() -> None:
    command = "python -m benchmarks.run --results /home/ann/run/a --cache /home/ann/cache"
    assert without_folders(command, [Path("/home/ann/run"), Path("/home/ann/run/a")]) == (
        "python -m benchmarks.run --results DIR --cache /home/ann/cache"
    )
