"""What a GPU needs, on paper: bytes from shapes, workers from bytes, and a record where there was no room."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.grid import plan
from benchmarks.grid import presets as settings
from benchmarks.grid.sizes import Size
from benchmarks.records.store import Store
from benchmarks.running import devices, memory
from methods.networks import build
from methods.training.data import Images
from methods.training.settings import NetworkSettings


def test_a_linear_layer_keeps_its_input_and_its_weights_four_times(bench) -> None:
    """Average of (4, 2, 2) maps to 4 features and 2 classes, by hand: 10 parameters, 8 x 4 features of 4 bytes."""
    network = build([(4, 2, 2)], 2, NetworkSettings(head="average", dropout=0.0)).to("meta")
    assert sum(p.numel() for p in network.parameters()) == 10
    kept = memory._kept(network, [(4, 2, 2)], 8)
    features, maps = 8 * 4 * 4, 8 * 16 * 4
    assert features <= kept <= features + maps


def test_a_cell_takes_more_with_a_larger_batch_and_with_more_images(bench) -> None:
    (cell, *_) = plan.build(settings.load(str(bench.preset), ["methods=['focal']"]), ["textures"]).cells
    budget = cell.settings.budget.model_copy(update={"batch_size": 512})
    large = cell.model_copy(update={"settings": cell.settings.model_copy(update={"budget": budget})})
    few, many = Size(counts=(20, 4), tested=20), Size(counts=(20000, 4000), tested=20)
    assert memory.device_bytes(large, few) > 4 * memory.device_bytes(cell, few)
    assert memory.device_bytes(cell, many) > memory.device_bytes(cell, few) + 1.3 * 23000 * 32 * 32


def test_workers_share_a_gpu_as_its_memory_allows() -> None:
    context = devices.CONTEXT_BYTES
    assert devices.workers_per_gpu(10 * (context + 100), 100, cores=16) == devices.MOST_PER_GPU
    assert devices.workers_per_gpu(3 * (context + 100) + 1, 100, cores=16) == 3
    assert devices.workers_per_gpu(3 * (context + 100) + 1, 100, cores=2) == 2
    assert devices.workers_per_gpu(1, 100, cores=2) == 1


def test_a_cell_without_room_on_its_gpu_fails_alone_and_says_what_to_do(bench, monkeypatch) -> None:
    import methods

    focal = methods.get("focal")
    monkeypatch.setattr(focal, "fit", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("CUDA out of memory.")))
    assert bench().code == 1
    records = {record.cell["method"]: record for record in Store(bench.results).records()}
    assert records["cross-entropy"].status == "done"
    failure = records["focal"].failure
    assert failure is not None
    assert failure.type == "OutOfMemoryError"
    assert "--workers" in failure.message
    assert "budget.batch_size" in failure.message


class Copies(TorchDispatchMode):
    """Notes what is copied from the host."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        tensors = [each for each in args if isinstance(each, torch.Tensor)]
        out = func(*args, **(kwargs or {}))
        if "cpu" in {each.device.type for each in tensors} and isinstance(out, torch.Tensor) and out.is_meta:
            self.found.append(str(func))
        return out


@pytest.mark.parametrize("steps", [2])
def test_reading_a_batch_copies_nothing_from_the_host_after_the_first(steps) -> None:
    images = Images((torch.zeros(4, 8, 8, 3, dtype=torch.uint8),), (120.0, 121.0, 122.0), (60.0, 61.0, 62.0))
    images, rows = images.to(torch.device("meta")), torch.zeros(2, dtype=torch.int64, device="meta")
    images.read(rows)
    with Copies() as copies:
        for _ in range(steps):
            images.read(rows)
    assert copies.found == []
