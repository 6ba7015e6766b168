"""Where a cell ran: versions, hardware, revision; and how much memory it took."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

from benchmarks.running.machine import cpu, peak_resident_mb

PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "numpy",
    "scikit-learn",
    "imbalanced-learn",
    "scipy",
    "pandas",
    "distributed",
)


@functools.cache
def describe(device: str) -> dict[str, Any]:
    """Return versions, CPU or GPU, and git revision."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": cpu(),
        "gpu": torch.cuda.get_device_name(device) if device.startswith("cuda") else None,
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "revision": _revision(),
    }


def _revision() -> str | None:
    """Return the git revision of the suite, marked where files are changed; None outside a checkout."""
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(git, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def reset_peak_memory(device: torch.device) -> None:
    """Start measuring anew, where the system can (Linux, CUDA)."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb(device: torch.device) -> float:
    """Return the peak since the last reset: of the device's memory on a GPU, of the process's resident memory else."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return peak_resident_mb()
