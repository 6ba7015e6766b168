"""The parts of a cell: its clock, what its method is given, the block in which it runs."""

from __future__ import annotations

import logging
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.grid import plan
from benchmarks.grid import presets as settings
from benchmarks.running import cell as cells
from benchmarks.running.isolation import OutOfTime, limited, switches

CPU = torch.device("cpu")


def planned(bench: Any, *overrides: str, **more: Any) -> Any:
    return plan.build(settings.load(str(bench.preset), list(overrides)), ["textures"], **more).cells[0]


def test_a_clock_counts_seconds_also_of_a_phase_that_fails() -> None:
    clock = cells.Clock()
    with clock.phase("short"):
        time.sleep(0.05)
    with pytest.raises(KeyError), clock.phase("failed"):
        raise KeyError
    assert 0.05 <= clock.seconds["short"] < 30
    assert 0 <= clock.seconds["failed"] < 30


def test_notes_are_kept_once_from_information_on() -> None:
    notes, log = cells.Notes(), logging.Logger("a method")
    log.addHandler(notes)
    for level in (logging.DEBUG, logging.INFO, logging.INFO, logging.WARNING):
        log.log(level, "%s says it", logging.getLevelName(level))
    assert notes.lines == ["INFO says it", "WARNING says it"]


@pytest.mark.parametrize("frozen", [True, False])
def test_a_network_has_the_backbone_just_where_it_reads_images(bench, frozen: bool) -> None:
    cell = planned(bench, f"backbone.frozen={str(frozen).lower()}")
    context = cells.make_context(cell, CPU, bench.cache, cells.Notes())
    assert context.backbone == (None if frozen else cell.settings.backbone)
    assert context.seed == cell.identity
    assert context.budget == cell.settings.budget
    assert context.optimizer == cell.settings.optimizer
    assert context.augmentation == cell.settings.augmentation
    assert context.network == cell.network


def test_a_cell_computes_with_one_thread_and_the_same_kernels_and_leaves_both_as_they_were() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    torch.backends.cudnn.benchmark = True
    try:
        with cells.deterministic(CPU):
            assert torch.get_num_threads() == 1
            assert not torch.backends.cudnn.benchmark
            assert not torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 3
        assert torch.backends.cudnn.benchmark
        with pytest.raises(KeyError), cells.deterministic(CPU):
            raise KeyError
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
        torch.backends.cudnn.benchmark = False


def denormals_are_zero() -> bool:
    return (torch.tensor([1e-310], dtype=torch.float64) * 0.5).item() == 0.0


def test_switches_of_torch_have_its_defaults_inside_and_are_as_found_after() -> None:
    """The defaults are those of its documentation."""
    cudnn, mkldnn = torch.backends.cudnn, torch._C
    known = [
        (torch.set_num_threads, torch.get_num_threads, 1, 3),
        (torch.use_deterministic_algorithms, torch.are_deterministic_algorithms_enabled, False, True),
        (lambda on: setattr(cudnn, "benchmark", on), lambda: cudnn.benchmark, False, True),
        (torch.set_grad_enabled, torch.is_grad_enabled, True, False),
        (torch.set_default_dtype, torch.get_default_dtype, torch.float32, torch.float64),
        (torch.set_float32_matmul_precision, torch.get_float32_matmul_precision, "highest", "medium"),
        (mkldnn._set_mkldnn_enabled, mkldnn._get_mkldnn_enabled, True, False),
        (torch.set_flush_denormal, denormals_are_zero, False, True),
    ]
    assert len(known) == len(switches(CPU))
    before = [get() for _, get, _, _ in known]
    try:
        for put, _, _, other in known:
            put(other)
        with cells.deterministic(CPU):
            assert [get() for _, get, _, _ in known] == [default for _, _, default, _ in known]
        assert [get() for _, get, _, _ in known] == [other for _, _, _, other in known]
    finally:
        for (put, _, _, _), value in zip(known, before, strict=True):
            put(value)


def test_on_a_gpu_kernels_are_deterministic() -> None:
    values = {get: value for get, _, value in switches(torch.device("cuda"))}
    assert values[torch.are_deterministic_algorithms_enabled] is True
    assert values[torch.get_num_threads] == 1


def test_a_time_limit_ends_its_block_and_nothing_after_it() -> None:
    def works_for_a_minute() -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            pass

    with pytest.raises(OutOfTime), limited(0.05):
        works_for_a_minute()
    with limited(0.05):
        pass
    with limited(None):
        time.sleep(0.1)  # the earlier limit is over


def test_global_random_states_are_those_of_seed_nought_inside_and_untouched_outside() -> None:
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
    drawn = []
    for _ in range(2):
        with cells.deterministic(CPU):
            drawn.append((random.random(), np.random.random(), torch.rand(1).item()))  # noqa: NPY002
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
    assert before == after
    third = torch.rand(1, generator=torch.Generator().manual_seed(0)).item()
    assert drawn == [(random.Random(0).random(), np.random.RandomState(0).random_sample(), third)] * 2


def test_a_record_says_when_it_was_made_and_what_it_spent(bench) -> None:
    record, scores = cells.run(planned(bench), Path(bench.cache), "cpu")
    assert record.status == "done"
    assert scores is not None
    assert record.created is not None
    assert len(record.created) == len("2026-01-31T12:00:00+00:00")
    assert record.cost is not None
    seconds = dict(record.cost.seconds)
    assert seconds.pop("total") == pytest.approx(sum(seconds.values()), abs=1e-3)
    assert {"load", "fit", "predict"} <= set(seconds)
    assert record.cost.peak_memory_mb > 10
    assert record.data is not None
    assert record.data.test_counts == np.bincount(scores["labels"]).tolist()


def test_tuning_is_told_which_images_belong_together(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def search(cell: Any, train: Any, units: Any, context: Any) -> Any:
        asked.append((len(train), units))
        raise KeyError("asked")

    monkeypatch.setattr(cells.study, "search", search)
    (cell,) = [
        cell for cell in plan.build(settings.load(str(bench.preset)), ["textures"], tune=4).cells[:2] if cell.tune
    ]
    record, _ = cells.run(cell, Path(bench.cache), "cpu")
    assert record.failure is not None
    assert record.failure.type == "KeyError"
    ((images, units),) = asked
    assert units is None or len(units) == images
