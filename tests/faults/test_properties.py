"""Whatever is written into a command line, a preset, a record, a grid or a table: it is read, or refused by a sentence.

`FUZZ=2000` tries so many of each instead of a few.
"""

from __future__ import annotations

import io
import json
import os
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import datasets
from benchmarks import run
from benchmarks.commands.request import Request
from benchmarks.commands.terminal import plain
from benchmarks.grid import presets
from benchmarks.records.files import Damaged
from benchmarks.records.record import Record
from benchmarks.records.store import Store, read_record
from benchmarks.report.data.frame import row, to_frame
from datasets import UserError
from datasets.sources.dagm_layout import read_part
from tests.report.synthetic import asked, cell, cells, record

TRIED = int(os.environ.get("FUZZ", "12"))
often = settings(
    max_examples=TRIED,
    deadline=None,
    derandomize=TRIED < 100,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

odd_text = st.text(max_size=20) | st.sampled_from(
    ["", "\0", "\ud800", "caf\udce9", "..", "~", "~x/y", "/" * 300, "[" * 2000, "9" * 5000, "nan", "inf", "-1", "0",
     "1e400", "true", "'", '"', "=", "a.b=c", "[1,", "*", "[a-", "folder:", "table:", "medmnist:", "folder:\0",
     "\x1b[31m"]
)  # fmt: skip
numbers = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 2**63, 2**53 + 1])
values = st.recursive(
    st.none() | st.booleans() | numbers | odd_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def is_a_sentence(error: UserError) -> None:
    assert str(error).strip()
    assert len(str(error)) < 5000
    assert "Traceback" not in str(error)
    plain(str(error)).encode()


OPTIONS = [action.option_strings[0] for action in run.parser()._actions]
SETTINGS = ["budget.steps", "budget", "seeds", "ratios", "methods", "backbone.name", "backbone.strides",
            "minorities", "dataset.elpv.size", "dataset.*.parameters", "optimizer.momentum",
            "method.focal.gamma", "a.b", ""]  # fmt: skip


@often
@given(st.lists(st.tuples(st.sampled_from(OPTIONS), odd_text), max_size=4))
def test_command_lines(given_options: list[tuple[str, str]]) -> None:
    arguments = [part for option in given_options for part in option]
    try:
        with redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
            options = run.parser().parse_args(arguments)
    except SystemExit:  # argparse has said why
        return
    try:
        request = Request.of(options, "python -m benchmarks.run")
        presets.load(request.preset, request.overrides())
        if request.dataset:
            for name in datasets.expand(request.dataset):
                datasets.availability(datasets.create(name))
    except UserError as error:
        is_a_sentence(error)
    except OSError:  # `ending` names the file and what the system says of it
        return


@often
@given(st.sampled_from(SETTINGS), odd_text | values.map(lambda value: json.dumps(value)))
def test_settings(key: str, value: str) -> None:
    try:
        presets.load("smoke", [f"{key}={value}"])
    except UserError as error:
        is_a_sentence(error)


def toml(value: Any) -> str:
    """Write a value as TOML would have it, more or less."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value).replace("null", '""').replace("NaN", "nan").replace("Infinity", "inf")


@often
@given(st.dictionaries(st.sampled_from(list(presets.Preset.model_fields)), values, max_size=3) | st.binary(max_size=40))
def test_presets(tmp_path: Path, content: dict[str, Any] | bytes) -> None:
    path = tmp_path / "odd.toml"
    text = content if isinstance(content, bytes) else "\n".join(f"{k} = {toml(v)}" for k, v in content.items())
    path.write_bytes(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    try:
        presets.load(str(path), [])
    except UserError as error:
        is_a_sentence(error)


def places(content: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value of nested dictionaries and lists."""
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [at, *(place for key, value in inside for place in places(value, (*at, key)))]


def changed(content: Any, place: tuple[Any, ...], value: object) -> Any:
    if not place:
        return value
    copy = content.copy()
    copy[place[0]] = changed(content[place[0]], place[1:], value)
    return copy


RECORD = json.loads(record(cell("elpv", 10, 0, "focal"), 0.9).model_dump_json())
GRID = json.loads(asked(cells("elpv", ratios=[1, 10], names=["focal", "crt"], seeds=[0])).model_dump_json())


@often
@given(st.sampled_from(places(RECORD)), values)
def test_records(tmp_path: Path, place: tuple[Any, ...], value: object) -> None:
    path = tmp_path / f"{RECORD['id']}.json"
    path.write_text(json.dumps(changed(RECORD, place, value)))
    try:
        read = read_record(path)
    except Damaged as error:
        is_a_sentence(error)
        return
    assert isinstance(read, Record)
    to_frame([row(read, str(tmp_path))])
    read.model_dump_json().encode()


@often
@given(st.sampled_from(places(GRID)), values)
def test_grids(tmp_path: Path, place: tuple[Any, ...], value: object) -> None:
    store = Store(tmp_path)
    store.asked.mkdir(exist_ok=True)
    (store.asked / "a.json").write_text(json.dumps(changed(GRID, place, value)))
    damaged: list[Damaged] = []
    assert len(store.grids(damaged)) + len(damaged) == 1
    for error in damaged:
        is_a_sentence(error)


fields = st.sampled_from(["1", "0", "0576", "0576.PNG", "0576_label.PNG", ""]) | st.text(max_size=6)
lines = st.lists(st.lists(fields, max_size=6).map("\t".join), max_size=4).map("\r\n".join)


@often
@given(lines.map(lambda text: text.encode(errors="surrogatepass")) | st.binary(max_size=60))
def test_labels_of_dagm(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "Class1" / "Train" / "Label").mkdir(parents=True, exist_ok=True)
    (tmp_path / "Class1" / "Train" / "0576.PNG").touch()
    (tmp_path / "Class1" / "Train" / "Label" / "Labels.txt").write_bytes(content)
    try:
        read_part(tmp_path / "Class1" / "Train")
    except UserError as error:
        is_a_sentence(error)


def indexed(name: str) -> None:
    """List a dataset, which may be refused."""
    try:
        datasets.create(name).index()
    except UserError as error:
        is_a_sentence(error)


XR = "train/XR_ELBOW/patient1"
mura_paths = st.text(max_size=12) | st.sampled_from(
    [
        "MURA-v1.1/train/XR_ELBOW/patient00001/study1_negative/image1.png",
        "valid/XR_ELBOW/patient2/study1_positive/a.png",
        f"{XR}/study1_negative/../../../../../etc/passwd",
        f"{XR}/study1_maybe/a.png",
    ]
)
mura_tables = st.lists(mura_paths, max_size=4).map("\n".join).map(lambda text: text.encode(errors="surrogatepass"))


@often
@given(mura_tables | st.binary(max_size=60))
def test_tables_of_mura(tmp_path: Path, content: bytes) -> None:
    root = tmp_path / "MURA-v1.1"
    root.mkdir(exist_ok=True)
    (root / "train_image_paths.csv").write_bytes(content)
    (root / "valid_image_paths.csv").write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMBALANCE_DATA", str(tmp_path))
        indexed("mura/elbow")


in_table = st.sampled_from(["a.png", "x", "y", "", "train", "test", '"', "../a.png"]) | odd_text


@often
@given(
    st.lists(st.sampled_from(["image", "label", "group", "split", "image", ""]), min_size=1, max_size=5),
    st.lists(st.lists(in_table, max_size=5), max_size=4),
    st.binary(max_size=30) | st.just(b""),
)
def test_tables(tmp_path: Path, head: list[str], rows: list[list[str]], rest: bytes) -> None:
    text = "\n".join([",".join(head), *(",".join(line) for line in rows)])
    (tmp_path / "a.png").touch()
    (tmp_path / "labels.csv").write_bytes(text.encode(errors="surrogatepass") + rest)
    indexed(f"table:{tmp_path / 'labels.csv'}")
