"""The grid: plan cells, run them, store records, report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.report.data.loading import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    """Import `load` when it is first used: workers that train need no pandas."""
    if name == "load":
        from benchmarks.report.data.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
