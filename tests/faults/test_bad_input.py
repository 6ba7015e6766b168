"""What a user gets wrong ends with code 2 and one message that names the thing and the remedy, before anything runs."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.records.store import Store
from benchmarks.running import devices
from datasets import Level


def tree(root: Path, counts: dict[str, int], side: int = 16) -> Path:
    """A folder of noise images, one sub-folder per class."""
    rng = np.random.default_rng(0)
    for name, number in counts.items():
        (root / name).mkdir(parents=True)
        for i in range(number):
            Image.fromarray(rng.integers(0, 256, (side, side), dtype=np.uint8)).save(root / name / f"{i:03d}.png")
    return root


def refused(bench: Any, *arguments: str) -> str:
    """Run, see that it is refused without a traceback or a record, and return the message."""
    answer = bench(*arguments)
    assert answer.code == 2, answer.out + answer.err
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    assert "Traceback" not in answer.err + answer.out
    assert not list(bench.results.glob("cells/*"))
    return str(answer.err)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--dataset", "texturs"], ["texturs", "did you mean 'textures'"]),
        (["--method", "focall"], ["focall", "did you mean 'focal'"]),
        (["--method", "imblearn:SMOT"], ["did you mean 'imblearn:SMOTE'"]),
        (["--preset", "defualt"], ["defualt", "did you mean 'default'"]),
        (["--preset", "nowhere.toml"], ["nowhere.toml"]),
        (["--protocol", "stepp"], ["stepp", "'step'", "'long-tail'"]),
        (["--comparison", "fair"], ["fair", "as-in-paper"]),
        (["--device", "tpu"], ["tpu", "auto, cpu, cuda"]),
        (["--set", "budget.stesp=3"], ["budget.stesp", "did you mean 'budget.steps'"]),
        (["--set", "bugdet.steps=3"], ["bugdet", "did you mean 'budget'"]),
        (["--set", "dataset.textures.sise=3"], ["did you mean 'dataset.textures.size'"]),
        (["--set", "method.focal.gama=3"], ["gama", "did you mean 'gamma'"]),
        (["--set", "method.focall.gamma=3"], ["focall", "did you mean 'focal'"]),
        (["--set", "budget.steps=many"], ["budget.steps", "many", "integer"]),
        (["--set", "budget.steps=-3"], ["budget.steps", "-3", "greater than 0"]),
        (["--set", "budget.steps=true"], ["budget.steps", "true and false"]),
        (["--set", "optimizer.momentum=5"], ["optimizer.momentum", "less than 1"]),
        (["--steps", "0"], ["steps", "0"]),
        (["--backbone", "resnet1888"], ["resnet1888", "did you mean"]),
        (["--set", "backbone.weights='nowhere.safetensors'"], ["nowhere.safetensors", "cannot be read"]),
        (["--results", ""], ["--results", "empty path"]),
        (["--cache", ""], ["--cache", "empty path"]),
        (["--set", "optimizer.name=adamm"], ["optimizer.name", "adamm", "'adamw'"]),
        (["--set", "budget=3"], ["budget", "dictionary"]),
        (["--set", "budget.steps.deep=3"], ["steps", "no keys"]),
        (["--set", "budget"], ["key=value"]),
        (["--set", "method.focal.gamma=high"], ["focal", "gamma", "high"]),
        (["--set", "dataset.textures.parameters.number=7"], ["textures", "number"]),
        (["--set", "dataset.textures.parameters.colour='red'"], ["textures", "colour"]),
        (["--set", "backbone.name='resnet1888'"], ["resnet1888", "did you mean"]),
        (["--set", "backbone.strides=[3]"], ["small-cnn", "[4, 8, 16]"]),
        (["--ratio", "0.5"], ["at least 1", "0.5"]),
        (["--ratio", "nan"], ["ratios", "nan"]),
        (["--workers", "-1"], ["--workers", "-1"]),
        (["--minority", "few"], ["minorities", "few"]),
        (["--plugin", "nowhere.py"], ["nowhere.py", ".py file"]),
    ],
    ids=lambda value: " ".join(value) if value and value[0].startswith("--") else "",
)
def test_a_wrong_name_or_value_is_answered_by_what_there_is(bench, arguments, named) -> None:
    message = refused(bench, *arguments)
    for part in named:
        assert part in message


def test_nothing_asked_for(bench) -> None:
    from benchmarks import run

    assert run.main([]) == 2
    assert "--all" in bench.capsys.readouterr().err


def test_quoted_names_with_dots_can_be_set(bench, untimed, tmp_path) -> None:
    own = f"folder:{tree(tmp_path / 'my.images', {'bad': 20, 'good': 20})}"
    answer = bench("--dataset", own, "--ratio", "2", "--set", f'dataset."{own}".size=24', "--plan")
    assert answer.code == 0, answer.err
    assert "did you mean" in refused(bench, "--dataset", own, "--set", f'dataset."{own}".sise=24')


def test_a_missing_folder(bench, tmp_path) -> None:
    message = refused(bench, "--dataset", f"folder:{tmp_path / 'nowhere'}")
    assert str(tmp_path / "nowhere") in message
    assert "one per class" in message


@pytest.mark.parametrize("counts", [{}, {"only": 5}, {"empty": 0, "full": 5}])
def test_an_empty_folder(bench, tmp_path, counts) -> None:
    (tmp_path / "own").mkdir()
    tree(tmp_path / "own", counts)
    message = refused(bench, "--dataset", f"folder:{tmp_path / 'own'}")
    assert str(tmp_path / "own") in message


@pytest.mark.parametrize("content", [b"", b"no image at all", None])
def test_an_image_that_cannot_be_read(bench, tmp_path, content) -> None:
    own = tree(tmp_path / "own", {"bad": 10, "good": 10})
    path = own / "bad" / "003.png"
    path.write_bytes(path.read_bytes()[:100] if content is None else content)
    message = refused(bench, "--dataset", f"folder:{own}", "--ratio", "2")
    assert "bad/003.png" in message
    assert "delete or replace it" in message


def test_a_ratio_that_the_data_cannot_support_is_skipped_and_shown(bench) -> None:
    answer = bench("--ratio", "5", "--ratio", "500")
    assert answer.code == 0
    assert "skipped: textures, step, IR 500:" in answer.out
    assert len(list(bench.results.glob("cells/*.json"))) == 2
    (asked,) = Store(bench.results).grids()
    assert [(skip.dataset, skip.level) for skip in asked.skipped] == [("textures", Level("step", ratio=500))]


def test_everything_skipped_is_an_error(bench) -> None:
    message = refused(bench, "--ratio", "500")
    assert "nothing to run" in message
    assert "lower the ratio" in message


def test_a_class_with_too_few_images_for_a_split(bench, tmp_path) -> None:
    own = tree(tmp_path / "own", {"rare": 1, "common": 20})
    assert "'rare' has too few images" in refused(bench, "--dataset", f"folder:{own}")


def test_a_dataset_that_is_not_here_says_how_to_get_it(bench, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("IMBALANCE_DATA", str(tmp_path))
    message = refused(bench, "--dataset", "dagm/1")
    assert "download" in message
    assert "dagm" in message


def test_datasets_of_a_preset_that_are_not_here_are_left_out_and_shown(bench, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("IMBALANCE_DATA", str(tmp_path))
    answer = bench("--all", "--set", "datasets=['dagm/1','textures']", "--method", "focal")
    assert answer.code == 0
    assert "left out: dagm/1 " in answer.out


def test_a_gpu_that_is_not_here(bench, monkeypatch) -> None:
    import torch

    monkeypatch.setattr(devices, "has_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    message = refused(bench, "--device", "cuda")
    assert "no GPU" in message
    assert "--device cpu" in message


def test_a_gpu_of_too_high_a_number(bench, monkeypatch) -> None:
    import torch

    monkeypatch.setattr(devices, "has_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert "cuda:0 to cuda:1" in refused(bench, "--device", "cuda:2")


@pytest.mark.filterwarnings("ignore")  # of sockets that Dask closes late
@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1:{free}"])
def test_a_scheduler_that_does_not_answer(bench, monkeypatch, address) -> None:
    """Nor is its client left for the garbage collector to close: while another client starts, that never ends."""
    from distributed import Client

    closed, close = [], Client.close
    monkeypatch.setattr("benchmarks.running.connection.CONNECT_S", 0.5)
    monkeypatch.setattr(Client, "close", lambda client: (closed.append(client), close(client)))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = address.format(free=taken.getsockname()[1])
    message = refused(bench, "--scheduler", address)
    assert address in message
    assert "dask scheduler" in message
    assert {client.status for client in closed} == {"closed"}


@pytest.mark.parametrize(
    ("source", "named"),
    [("import nowhere_to_be_found", "nowhere_to_be_found"), ("x = 1", "registers nothing"), ("def", "SyntaxError")],
)
def test_a_plugin_that_cannot_be_loaded(bench, tmp_path, source, named) -> None:
    (tmp_path / "mine.py").write_text(source)
    message = refused(bench, "--plugin", str(tmp_path / "mine.py"))
    assert "mine.py" in message
    assert named in message


def test_a_plugin_whose_name_is_taken(bench, tmp_path) -> None:
    (tmp_path / "mine.py").write_text(
        "from methods import NetworkMethod, register\n"
        "@register('focal', family='cost-sensitive', source='me')\nclass Focal(NetworkMethod): ...\n"
    )
    assert "'focal' is registered already" in refused(bench, "--plugin", str(tmp_path / "mine.py"))


@pytest.mark.parametrize("text", ["[budget", "\x00", "steps = = 3"])
def test_a_preset_that_is_not_toml(bench, text) -> None:
    bench.preset.write_text(text)
    assert str(bench.preset) in refused(bench)


def somebodys_cluster(workers: int) -> Any:
    """A Dask cluster of threads, reached by its address."""
    from distributed import LocalCluster

    anywhere = {"dashboard_address": "127.0.0.1:0"}
    return LocalCluster(
        n_workers=workers, processes=False, protocol="tcp", dashboard_address=None, scheduler_kwargs=anywhere
    )


def test_a_scheduler_without_workers(bench, monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.running.connection.CONNECT_S", 0.5)
    with somebodys_cluster(workers=0) as cluster:
        message = refused(bench, "--scheduler", cluster.scheduler_address)
    assert "has no workers" in message
    assert f"dask worker {cluster.scheduler_address}" in message


def test_a_cluster_that_cannot_load_the_suite(bench, monkeypatch) -> None:
    def is_not_here() -> None:
        raise ModuleNotFoundError("No module named 'benchmarks'")

    monkeypatch.setattr("benchmarks.running.connection.is_here", is_not_here)
    with somebodys_cluster(workers=1) as cluster:
        message = refused(bench, "--scheduler", cluster.scheduler_address)
    assert "No module named 'benchmarks'" in message
    assert "PYTHONPATH=. dask worker" in message


def test_images_that_changed_since_are_not_passed_off_as_the_old_ones(bench, tmp_path) -> None:
    own = tree(tmp_path / "own", {"bad": 20, "good": 20})
    command = ("--dataset", f"folder:{own}", "--ratio", "2", "--method", "cross-entropy")
    assert bench(*command).code == 0
    again = bench(*command)
    assert again.code == 0
    assert "none to do" in again.out
    one, other = own / "bad" / "000.png", own / "good" / "000.png"
    one.rename(own / "kept")
    other.rename(one)
    (own / "kept").rename(other)
    changed = bench(*command)
    assert changed.code == 2
    assert "are not those that" in changed.err


def test_bad_images_are_left_out_on_demand_and_named_in_the_records(bench, tmp_path) -> None:
    own = tree(tmp_path / "own", {"bad": 20, "good": 20})
    for name in ("000", "007"):
        (own / "bad" / f"{name}.png").write_bytes(b"no image")
    command = ("--dataset", f"folder:{own}", "--ratio", "2", "--method", "cross-entropy")
    message = refused(bench, *command)
    assert "2 of 40 images are not readable: bad/000.png (not an image" in message
    assert "bad/007.png" in message
    assert bench(*command, "--skip-bad-images").code == 0
    (record,) = Store(bench.results).records()
    assert any("2 images that cannot be read are left out" in note for note in record.data.notes)


def test_settings_find_a_folder_however_its_path_is_spelt(bench, tmp_path, monkeypatch) -> None:
    tree(tmp_path / "own", {"bad": 20, "good": 20})
    monkeypatch.chdir(tmp_path)
    assert bench("--dataset", "folder:own", "--ratio", "2", "--set", 'dataset."folder:./own/".size=24').code == 0
    sizes = {record.cell["data"]["size"] for record in Store(bench.results).records()}
    assert sizes == {24}
