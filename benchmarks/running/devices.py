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
        raise UserError(f"device {asked!r} was asked for, and torch sees no GPU here; use --device cpu or auto")
    if number and int(number) >= count:
        raise UserError(f"device {asked!r} was asked for, and there are {count} GPUs: cuda:0 to cuda:{count - 1}")
    return asked


def default_workers(device: str) -> int:
    """Return one worker a GPU, or one a core."""
    if device == "cuda":
        return count_gpus()
    from dask.system import CPU_COUNT  # minds what a container or a batch system allows

    return 1 if device.startswith("cuda:") else CPU_COUNT
