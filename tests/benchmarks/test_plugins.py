"""Other people's methods and datasets."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch

import datasets
import methods
from benchmarks.commands import plugins
from methods import testing

EXAMPLE = Path(__file__).parents[1] / "methods" / "example_method.py"
pytestmark = pytest.mark.usefixtures("forget_plugins")


def plugin(folder: Path, *lines: str) -> Path:
    path = folder / "mine.py"
    path.write_text("import datasets, methods\n" + "\n".join(lines) + "\n")
    return path


def own(name: str) -> tuple[str, str]:
    return (
        f"@methods.register({name!r}, family='baseline', source='me')",
        "class Mine(methods.NetworkMethod): '''x'''",
    )


def own_dataset(*names: str) -> tuple[str, str]:
    return (f"@datasets.register(*{names!r})", "class Data(datasets.Dataset): pass")


def test_the_example_is_loaded_and_keeps_the_contract():
    assert plugins.load_file(EXAMPLE) == ("rare-margin",)
    testing.check_method("rare-margin")


def test_loading_a_file_twice_is_loading_it_once():
    first = plugins.load_file(EXAMPLE)
    method = methods.get("rare-margin")
    assert plugins.load_file(str(EXAMPLE)) == first
    assert methods.get("rare-margin") is method


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["import nothing_of_that_name"], "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        (["def broken(:"], "SyntaxError"),
        (["1 / 0"], "ZeroDivisionError: division by zero"),
        (["raise SystemExit(0)"], "SystemExit: 0"),
        (["x = 1"], "registers nothing"),
        (own("focal"), "'focal' is registered already, by methods.cost_sensitive.reweighting"),
        (own("imblearn:SMOTE"), "'imblearn:SMOTE' is registered already"),
        (own_dataset("elpv"), "'elpv' is registered already, by datasets.sources.elpv"),
        (own_dataset("folder:/mine"), "'folder:/mine' is registered already, by datasets.sources.folder"),
        (own_dataset("*"), "a name is made of letters"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_a_clear_error(tmp_path, lines, reason):
    path = plugin(tmp_path, *lines)
    focal = methods.get("focal")
    with pytest.raises(plugins.PluginError, match=reason) as caught:
        plugins.load_file(path)
    assert str(path) in str(caught.value)
    assert methods.get("focal") is focal


def test_a_plugin_that_fails_half_way_leaves_nothing_and_can_be_mended(tmp_path):
    lines = *own("half-way"), *own_dataset("half-data", "half:rest")
    before = plugins.registered()
    path = plugin(tmp_path, *lines, "1 / 0")
    with pytest.raises(plugins.PluginError):
        plugins.load_file(path)
    assert plugins.registered() == before
    plugin(tmp_path, *lines)
    assert plugins.load_file(path) == ("half-way", "half-data", "half:rest")
    assert datasets.expand(["half-*", "half:here"]) == ["half-data", "half:here"]


@pytest.mark.parametrize("name", ["missing.py", "folder", "text.txt"])
def test_what_is_no_python_file_is_refused(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").touch()
    with pytest.raises(plugins.PluginError, match="not a Python file"):
        plugins.load_file(tmp_path / name)


@pytest.mark.parametrize(("kind", "lines"), [("methods", own("installed")), ("datasets", own_dataset("installed"))])
def test_installed_packages_announce_theirs_by_an_entry_point(tmp_path, monkeypatch, kind, lines):
    plugin(tmp_path, *lines)
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("mine", "mine", f"imbalance_benchmark.{kind}")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point] if group == point.group else [])
    plugins.load_installed.cache_clear()
    assert plugins.load_installed() == ("installed",)
    assert plugins.load_installed() == ("installed",)
    plugins.load_installed.cache_clear()
    sys.modules.pop("mine")


def predict_elsewhere(path, sent, images):
    plugins.load_file(path)
    torch.set_num_threads(1)
    return [method.predict_logits(images).numpy() for method in sent]


@pytest.mark.slow
def test_trained_methods_are_used_in_another_process():
    plugins.load_file(EXAMPLE)
    train, trained = testing.made_data(), []
    for name in ("rare-margin", "smote", "imblearn:SMOTE", "rusboost", "self-paced-ensemble", "ncm"):
        trained.append(methods.create(name))
        trained[-1].fit(train, testing.tiny_context(train))
    here = [method.predict_logits(train.images).numpy() for method in trained]
    with get_context("spawn").Pool(1) as pool:
        pool.apply(plugins.load_file, (EXAMPLE,))
        there = pool.apply(predict_elsewhere, (EXAMPLE, trained, train.images))
    for name, a, b in zip((m.name for m in trained), here, there, strict=True):
        assert (a == b).all(), name
