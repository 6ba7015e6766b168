"""Devices: what was asked for, what is here, and which one a worker takes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from typing import Any

from datasets import UserError

DRIVERS = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1", "libamdhip64.so")
"""Without one of these libraries no GPU can be used, whatever torch was built for."""
CONTEXT_BYTES = 600 * 2**20
"""Of GPU memory that a process takes for CUDA and its libraries before it has a tensor."""
MOST_PER_GPU = 8
"""Workers; steps of more than that wait for each other."""


def has_driver() -> bool:
    """Say whether a GPU's driver is installed; torch, which takes seconds to import, is asked only then."""
    for name in DRIVERS:
        with contextlib.suppress(OSError):
            ctypes.CDLL(name)
            return True
    return False


def count_gpus() -> int:
    """Return how many GPUs torch can use."""
    if not has_driver():
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def worker_device(device: str) -> str:
    """Return the device of this process: with several GPUs, workers take them in turn."""
    if device != "cuda":
        return device
    name: Any = 0
    with contextlib.suppress(ImportError, ValueError):
        from distributed import get_worker

        name = get_worker().name
    number = int(name) if str(name).isdigit() else os.getpid()
    return f"cuda:{number % max(1, count_gpus())}"


def resolve_device(asked: str) -> str:
    """Return `cpu`, `cuda` or `cuda:i` for `auto|cpu|cuda[:i]`.

    Raises:
        UserError: no such device here.
    """
    if asked == "auto":
        return "cuda" if count_gpus() else "cpu"
    if asked == "cpu":
        return asked
    kind, _, number = asked.partition(":")
    if kind != "cuda" or (number and not number.isdigit()):
        raise UserError(f"unknown device {asked!r}; one of auto, cpu, cuda, cuda:0, cuda:1, ...")
    count = count_gpus()
    if count == 0:
        raise UserError(f"device {asked!r} was asked for, but torch sees no GPU here; use --device cpu or auto")
    if number and int(number) >= count:
        raise UserError(
            f"device {asked!r} was asked for, but there are {count} GPUs; use one of cuda:0 to cuda:{count - 1}"
        )
    return asked


def default_workers(device: str, needed: int = 0) -> int:
    """Return as many workers as a GPU has room for, or one a core.

    Args:
        device: `cpu`, `cuda` for all GPUs, or `cuda:1`.
        needed: bytes of GPU memory that the largest cell takes; 0 where that is not known: one worker a GPU.
    """
    from dask.system import CPU_COUNT  # minds what a container or a batch system allows

    if device == "cpu":
        return int(CPU_COUNT)
    gpus = count_gpus() if device == "cuda" else 1
    return gpus * (workers_per_gpu(free_bytes(device), needed, CPU_COUNT // max(1, gpus)) if needed else 1)


def workers_per_gpu(free: int, needed: int, cores: int) -> int:
    """Return how many workers a GPU has room for: each a context and its largest cell, and a core to drive it."""
    return max(1, min(MOST_PER_GPU, cores, free // (CONTEXT_BYTES + needed)))


def free_bytes(device: str) -> int:
    """Return the free memory of the GPU that has least."""
    import torch

    places = range(torch.cuda.device_count()) if device == "cuda" else [device]
    return min(torch.cuda.mem_get_info(place)[0] for place in places)
