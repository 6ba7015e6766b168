"""Devices: what was asked for, what is here, and which one a worker takes."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import torch

from datasets import UserError


def worker_device(device: str) -> str:
    """Return the device of this process: with several GPUs, workers take them in turn."""
    if device != "cuda":
        return device
    name: Any = 0
    with contextlib.suppress(ImportError, ValueError):
        from distributed import get_worker

        name = get_worker().name
    number = int(name) if str(name).isdigit() else os.getpid()
    return f"cuda:{number % max(1, torch.cuda.device_count())}"


def resolve_device(asked: str) -> str:
    """Return `cpu`, `cuda` or `cuda:i` for `auto|cpu|cuda[:i]`.

    Raises:
        UserError: no such device here.
    """
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if asked == "cpu":
        return asked
    kind, _, number = asked.partition(":")
    if kind != "cuda" or (number and not number.isdigit()):
        raise UserError(f"unknown device {asked!r}; one of auto, cpu, cuda, cuda:0, cuda:1, ...")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        raise UserError(f"device {asked!r} was asked for, and torch sees no GPU here; use --device cpu or auto")
    if number and int(number) >= count:
        raise UserError(f"device {asked!r} was asked for, and there are {count} GPUs: cuda:0 to cuda:{count - 1}")
    return asked


def default_workers(device: str) -> int:
    """Return one worker a GPU, or one a core."""
    if device == "cuda":
        return torch.cuda.device_count()
    from dask.system import CPU_COUNT  # minds what a container or a batch system allows

    return 1 if device.startswith("cuda:") else CPU_COUNT
