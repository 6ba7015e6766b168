"""Anyone's table of images."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import DatasetUnavailable, UserError, create, expand, load, split

LINES = "image,label,group\nimages/a.png,ok,p1\nimages/b.png,bad,p2\nimages/c.png,ok,p1\nimages/d.png,bad,\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for value, name in enumerate("abcd"):
        Image.new("L", (5, 7), 60 * value).save(tmp_path / "images" / f"{name}.png")
    return tmp_path


def write(folder: Path, text: str, name: str = "labels.csv") -> str:
    (folder / name).write_bytes(text.encode())
    return f"table:{folder / name}"


def test_labels_groups_and_images_follow_the_lines(folder: Path) -> None:
    loaded = load(create(write(folder, LINES)), 4, folder / "cache")
    assert loaded.index.class_names == ("bad", "ok")
    assert loaded.labels.tolist() == [1, 0, 1, 0]
    assert loaded.images[:, 0, 0, 0].tolist() == [0, 60, 120, 180]
    groups = loaded.index.groups
    assert groups is not None
    assert groups[0] == groups[2]
    assert len(set(groups.tolist())) == 3
    assert loaded.index.official_test is None


def test_columns_and_separator_go_by_parameters_and_excel_writes_a_mark(folder: Path) -> None:
    text = (
        "\ufefffile;finding;part;patient\r\nimages/a.png;1;TEST;x\r\nimages/b.png;0;train;x\r\nimages/c.png;0;val;y\r\n"
    )
    names = {"image": "file", "label": "finding", "split": "part", "group": "patient"}
    index = create(write(folder, text), separator=";", **names).index()
    assert index.labels.tolist() == [1, 0, 0]
    assert index.official_test is not None
    assert index.official_test.tolist() == [True, False, False]
    assert index.groups is not None
    assert index.groups.tolist() == [0, 0, 1]


def test_a_quoted_path_may_hold_the_separator(folder: Path) -> None:
    Image.new("L", (2, 2)).save(folder / "images" / "e, f.png")
    index = create(write(folder, 'image,label\n"images/e, f.png",x\nimages/a.png,y\n')).index()
    assert index.class_names == ("x", "y")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no column 'image', 'label' among \[\]"),
        ("image;label\na.png;x\n", r"no column 'image', 'label' among \['image;label'\]; rename it, or set"),
        ("image,label\nimages/a.png,x\nimages/b.png,x\n", "column 'label' has fewer than two classes"),
        ("image,label\nimages/a.png,x\nimages/b.png\n", "line 3: it has more or fewer values than columns"),
        ("image,label\nimages/a.png,x,y\n", "line 2: it has more or fewer values than columns"),
        ("image,label\nimages/a.png,x\n,y\n", "line 3: image or label is empty"),
        ("image,label\nimages/a.png,x\nimages/b.png,\n", "line 3: image or label is empty"),
        ("image,label\nimages/a.png,x\nimages/../images/a.png,y\n", "line 3: .*a.png stands in line 2 too"),
        ("image,label,split\nimages/a.png,x,test\nimages/b.png,y,holdout\n", "line 3: split 'holdout' is not one of"),
        ("image,label\nimages/a.png,x\nimages/z.png,y\n", r"1 of 2 listed images are missing, such as .*z\.png"),
        ('image,label\n"images/a.png,x\n', "it cannot be read as a table"),
        ("image,label\nimages/a\0.png,x\nimages/b.png,y\n", "line 2: image or label is empty|read as a table"),
    ],
)
def test_what_is_wrong_with_a_table_is_named(folder: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=rf"^dataset table:.*labels\.csv.*({message})"):
        create(write(folder, text)).index()


def test_a_table_that_is_no_text_or_not_there(folder: Path) -> None:
    (folder / "labels.csv").write_bytes(b"image,label\n\xff\xfe,x\n")
    with pytest.raises(UserError, match="save it as UTF-8"):
        create(f"table:{folder}/labels.csv").index()
    for name in ("gone.csv", "labels.csv/inside.csv"):
        with pytest.raises(DatasetUnavailable, match=r"there is no file .* with the columns image,label"):
            create(f"table:{folder}/{name}").index()
    with pytest.raises(UserError, match=r"no column 'patient' among \['image', 'label', 'group'\]"):
        create(write(folder, LINES), group="patient").index()


def test_a_changed_table_or_image_changes_the_key(folder: Path) -> None:
    dataset = create(write(folder, LINES))
    before = dataset.index().fingerprint
    write(folder, LINES.replace("a.png,ok", "a.png,no"))
    changed = dataset.index().fingerprint
    Image.new("L", (5, 7), 255).save(folder / "images" / "a.png")
    assert len({before, changed, dataset.index().fingerprint}) == 3


def test_one_table_is_one_dataset_however_its_path_is_spelt(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write(folder, LINES)
    (folder / "link.csv").symlink_to(folder / "labels.csv")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    spelt = ["labels.csv", "./labels.csv", "images/../labels.csv", "~/labels.csv", "link.csv"]
    assert expand(f"table:{path}" for path in spelt) == [name]
    assert {create(f"table:{path}").name for path in spelt} == {name}


CSV_EXAMPLE = Path(__file__).parents[2] / "examples" / "csv_dataset.py"


@pytest.mark.slow
def test_a_dataset_of_ones_own_is_thirty_lines_and_a_plugin(tmp_path: Path) -> None:
    assert len(CSV_EXAMPLE.read_text().splitlines()) <= 30
    (tmp_path / "clinic").mkdir()
    lines, rng = ["file,finding,patient"], np.random.default_rng(0)
    for number in range(40):
        Image.fromarray(rng.integers(0, 256, (20, 20), dtype=np.uint8)).save(tmp_path / "clinic" / f"{number}.png")
        lines.append(f"{number}.png,{('none', 'some')[number % 2]},{number // 4}")
    (tmp_path / "clinic" / "findings.csv").write_text("\n".join(lines))
    code = (
        "from benchmarks.commands import plugins; import datasets, datasets.testing, sys\n"
        "plugins.load_file(sys.argv[1])\n"
        "datasets.testing.check_dataset('clinic')\n"
        "index = datasets.create('clinic').index()\n"
        "parts = datasets.split(index, 0)\n"
        "print(index.class_names, index.counts, set(index.groups[parts.train]) & set(index.groups[parts.test]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(CSV_EXAMPLE)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(CSV_EXAMPLE.parents[1]), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "('none', 'some') [20 20] set()\n", done.stderr


def test_a_split_in_the_table_is_kept(folder: Path) -> None:
    text = "image,label,split\nimages/a.png,x,train\nimages/b.png,y,train\nimages/c.png,x,test\nimages/d.png,y,test\n"
    parts = split(create(write(folder, text)).index(), 3)
    assert (parts.train.tolist(), parts.test.tolist()) == ([0, 1], [2, 3])
