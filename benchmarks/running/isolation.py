"""Cells apart from one another: global state as it should be at the start of each, and as it was found at its end."""

from __future__ import annotations

import ctypes
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits


class OutOfTime(BaseException):
    """A cell has taken longer than it may."""


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Give the same bits whatever runs beside or ran before.

    One thread on a CPU (a sum's order depends on their number), deterministic kernels on a GPU, torch's global switches
    at their defaults, and global random states that are the same at the start of every block; all as found after it.
    """
    with ExitStack() as stack:
        for get, put, value in switches(device):
            stack.callback(put, get())
            put(value)
        stack.enter_context(threadpool_limits(1))
        stack.enter_context(fixed_random_states(device))
        yield


def switches(device: torch.device) -> list[tuple[Callable[[], Any], Callable[[Any], Any], Any]]:
    """Return torch's global switches: how each is read and set, and the value that cells have."""
    cudnn = torch.backends.cudnn

    def set_benchmark(value: bool) -> None:
        cudnn.benchmark = value

    return [
        (torch.get_num_threads, torch.set_num_threads, 1),
        (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, device.type == "cuda"),
        (lambda: cudnn.benchmark, set_benchmark, False),
        (torch.is_grad_enabled, torch.set_grad_enabled, True),
        (torch.get_default_dtype, torch.set_default_dtype, torch.float32),
        (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
        # the context manager of the public module warns of TF32 on every CPU
        (torch._C._get_mkldnn_enabled, torch._C._set_mkldnn_enabled, True),
        (flushes_denormals, torch.set_flush_denormal, False),
    ]


def flushes_denormals() -> bool:
    """Say whether this thread takes the smallest numbers for zero; torch can set that and not tell."""
    return bool(torch.tensor([1e-310], dtype=torch.float64).mul(0.5).item() == 0.0)


@contextmanager
def fixed_random_states(device: torch.device) -> Iterator[None]:
    """Seed the global generators inside the block, for code that uses them unasked, and restore them after."""
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - other people's methods may use it
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        torch.manual_seed(0)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002


@contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Raise `OutOfTime` inside the block when it takes longer; not before a call of a native library returns."""
    if seconds is None:
        yield
        return
    thread, lock, over = threading.get_ident(), threading.Lock(), False

    def interrupt() -> None:
        with lock:
            if not over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(OutOfTime))

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over = True
        timer.cancel()
