"""The command line, from arguments to files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmarks import run as benchmark
from benchmarks.explain.__main__ import METHODS, main

TINY = [
    *("--device", "cpu", "--ratio", "5", "--seed", "0"),
    *("--set", "budget.steps=6", "--set", "budget.batch_size=8", "--set", "network.width=8"),
    *("--set", "dataset.textures.parameters.number=[34, 34]", "--set", "dataset.textures.majority=15"),
    *("--set", "dataset.textures.size=64"),
]
TEXTURES = ["--dataset", "textures", *TINY]

Command = Callable[..., int]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def explain(tmp_path: Path, cache: Path) -> Command:
    def command(*arguments: str) -> int:
        return main([*arguments, "--results", str(tmp_path), "--cache", str(cache)])

    return command


def _names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "explain").iterdir()}


@pytest.fixture
def folder_of_images(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("flat", "round"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(16):
            pixels = rng.integers(0, 256, (32, 32), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    return tmp_path / "images"


@pytest.mark.slow
def test_it_shows_scores_and_projects(
    explain: Command, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ["cross-entropy", "under-bagging", "multiscale-scratch", "easy-ensemble"]
    methods = [part for name in chosen for part in ("--method", name)]
    shared = ["--results", str(tmp_path), "--cache", str(cache), "--workers", "0", "--no-report"]
    assert benchmark.main([*TEXTURES, *methods, *shared]) == 0
    capsys.readouterr()

    assert explain(*TEXTURES, *methods, "--images", "3") == 0

    said = capsys.readouterr().out
    for name in chosen[:3]:
        # trained again, each gives bit for bit what the run recorded
        assert f"{name}, step, IR 5, seed 0: the logits of its record" in said
    assert "left out: easy-ensemble: another classifier decides" in said
    figures = {f"textures-step-{name}.{kind}" for name in ("IR-5-panels", "features") for kind in ("png", "pdf")}
    tables = {f"textures-step-scores.{kind}" for kind in ("md", "csv", "tex")}
    assert _names(tmp_path) == {*figures, *tables, "textures-step-images.csv"}
    frame = pd.read_csv(tmp_path / "explain" / "textures-step-images.csv")
    assert frame.groupby("label").size().to_dict() == dict.fromkeys(chosen[:3], 8)  # a third of 24
    assert frame["class"].eq("defect").all()
    assert frame["energy"].dropna().between(0, 1).all()
    assert frame["pointing"].between(0, 1).all()
    for name in ("IR-5-panels", "features"):
        with Image.open(tmp_path / "explain" / f"textures-step-{name}.png") as picture:
            assert np.asarray(picture.convert("L")).std() > 0


@pytest.mark.slow
def test_the_same_command_gives_the_same_files(explain: Command, folder_of_images: Path, tmp_path: Path) -> None:
    source = f"method.multiscale-two-stage.source=['folder:{folder_of_images}']"
    arguments = [*TEXTURES, "--method", "multiscale-two-stage", "--images", "2", "--set", source]
    contents = []
    for _ in range(2):
        assert explain(*arguments) == 0
        contents.append({path.name: path.read_bytes() for path in (tmp_path / "explain").iterdir()})
    assert contents[0] == contents[1]


def test_a_dataset_without_masks_has_panels_and_no_scores(
    explain: Command, folder_of_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"folder:{folder_of_images}"
    assert explain("--dataset", name, *TINY[:10], "--set", "dataset.*.size=32", "--method", "cross-entropy") == 0
    assert "scores: n/a" in capsys.readouterr().out
    assert not [file for file in _names(tmp_path) if "scores" in file]
    assert [file for file in _names(tmp_path) if file.endswith("panels.png")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dataset", "texture"], "did you mean 'textures'?"),
        (["--dataset", "dagm/*"], "one dataset at a time"),
        ([*TEXTURES, "--method", "focus"], "did you mean 'focal'?"),
        ([*TEXTURES, "--method", "easy-ensemble"], "nothing to show: easy-ensemble: another classifier decides"),
        ([*TEXTURES, "--images", "0"], "--images 0"),
        ([*TEXTURES, "--set", "budget.step=1"], "did you mean 'budget.steps'?"),
        ([*TEXTURES, "--preset", "defalt"], "did you mean 'default'?"),
        (["--dataset", "textures", *TINY[:2], *TINY[4:], "--ratio", "1000"], "nothing to explain"),
    ],
)
def test_what_the_user_can_put_right_is_said(
    explain: Command, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(*arguments) == 2
    assert said in capsys.readouterr().err


def test_one_failing_method_does_not_end_the_others(
    explain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # two members cannot share one step
    one_step = ["--set", "budget.steps=1", "--method", "cross-entropy", "--method", "under-bagging"]
    assert explain(*TEXTURES, *one_step, "--images", "1") == 1
    assert "left out: under-bagging, step, IR 5, seed 0: ValueError" in capsys.readouterr().out
    assert "under-bagging" in (tmp_path / "explain" / "textures-step-scores.md").read_text()


def test_what_is_explained_by_default_is_what_the_paper_compares() -> None:
    import methods

    assert set(METHODS) <= set(methods.available())
    assert METHODS[-1] == "multiscale-two-stage"
