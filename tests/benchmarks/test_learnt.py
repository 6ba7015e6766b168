"""What cells have in common is learnt once, and kept as the rest of the cache is."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import torch

from benchmarks import cache as command
from benchmarks.running import learnt
from datasets import UserError, eviction
from methods.training.settings import Budget


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "cache" / "learnt" / "elpv-0123.safetensors"


class Teacher:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> dict[str, torch.Tensor]:
        self.asked += 1
        weight = torch.arange(24.0).view(2, 3, 2, 2).to(memory_format=torch.channels_last)
        return {"weight": weight.requires_grad_(), "batches": torch.tensor(7)}


def assert_taught(state: dict[str, torch.Tensor]) -> None:
    assert state["weight"].flatten().tolist() == list(range(24))
    assert not state["weight"].requires_grad
    assert state["batches"] == 7


def test_it_is_learnt_once(path) -> None:
    teach = Teacher()
    for _ in range(3):
        assert_taught(learnt.once(path, teach))
    assert teach.asked == 1
    assert sorted(each.suffix for each in path.parent.iterdir()) == [".digest", ".safetensors"]


@pytest.mark.skipif(os.name != "posix", reason="needs locks on files")
def test_who_asks_meanwhile_waits(path) -> None:
    teach, begun, go_on = Teacher(), threading.Event(), threading.Event()

    def slowly() -> dict[str, torch.Tensor]:
        begun.set()
        go_on.wait(10)
        return teach()

    found: list[dict[str, torch.Tensor]] = []
    first = threading.Thread(target=lambda: found.append(learnt.once(path, slowly)))
    first.start()
    assert begun.wait(10)
    others = [threading.Thread(target=lambda: found.append(learnt.once(path, teach))) for _ in range(2)]
    for thread in others:
        thread.start()
    others[0].join(4 * learnt.LOOK_S)
    assert not found
    go_on.set()
    for thread in (first, *others):
        thread.join(10)
    assert len(found) == 3
    assert teach.asked == 1
    for state in found:
        assert_taught(state)


@pytest.mark.parametrize("damage", ["cut", "bit", "digest"])
def test_what_is_damaged_is_learnt_again(path, damage) -> None:
    teach = Teacher()
    learnt.once(path, teach)
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[:-1])
    elif damage == "bit":
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    else:
        path.with_suffix(".digest").unlink()
    assert_taught(learnt.once(path, teach))
    assert teach.asked == 2
    assert path.read_bytes() == whole


def test_a_failure_keeps_nobody_out(path) -> None:
    def fail() -> dict[str, torch.Tensor]:
        raise RuntimeError("diverged")

    with pytest.raises(RuntimeError, match="diverged"):
        learnt.once(path, fail)
    assert_taught(learnt.once(path, Teacher()))


def test_where_nothing_can_be_written_it_is_learnt_each_time(path, monkeypatch) -> None:
    def full(*_) -> None:
        raise UserError("no space left")

    monkeypatch.setattr(learnt, "replacing", full)
    teach = Teacher()
    for _ in range(2):
        assert_taught(learnt.once(path, teach))
    assert teach.asked == 2


def test_it_goes_when_room_is_needed_and_the_command_shows_it(path, capsys) -> None:
    learnt.once(path, Teacher())
    cache = path.parents[1]
    (entry,) = eviction.entries(cache)
    assert (entry.path, entry.kind, entry.held) == (path, "learnt", False)
    assert entry.size == sum(each.stat().st_size for each in path.parent.iterdir())
    assert command.main(["--cache", str(cache)]) == 0
    assert "elpv-0123" in capsys.readouterr().out
    eviction.set_limit(cache, 0)
    assert eviction.make_room(cache) == [entry]
    assert not list(path.parent.iterdir())


def test_its_use_is_noted(path) -> None:
    learnt.once(path, Teacher())
    for each in path.parent.iterdir():
        os.utime(each, (100, 100))
    learnt.once(path, Teacher())
    (entry,) = eviction.entries(path.parents[1])
    assert entry.used > 100


def test_a_changed_copy_of_settings_is_named_after_its_own_values() -> None:
    budget = Budget(steps=600)
    assert '"steps": 600' in budget.text
    assert budget.model_copy(update={"steps": 180}).text == Budget(steps=180).text
