"""Worker processes that draw while the rest of a report is made."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Self

from joblib.externals.loky import get_reusable_executor  # type: ignore[import-untyped]

WORTH_A_WORKER = 5
"""So many datasets (times protocols and comparisons) take longer to draw than a worker process to start."""
MAX_WORKERS = 4
Drawn = Callable[[], list[Path]]
"""Waits until something is drawn, or draws it where there are no workers, and returns the files."""


class Workers:
    """Draws in worker processes where there is much to draw; a caller's script needs no main guard for them.

    Args:
        much: how many datasets (times protocols and comparisons) there are to draw.
    """

    def __init__(self, much: int) -> None:
        count = min(MAX_WORKERS, os.cpu_count() or 1, much // WORTH_A_WORKER)
        one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        # Ctrl-C reaches the workers too; it is this process that ends them, without a traceback of each
        quiet = {"initializer": signal.signal, "initargs": (signal.SIGINT, signal.SIG_IGN)}
        self._executor = get_reusable_executor(count, timeout=60, env=one, **quiet) if count > 1 else None

    def start(self, task: Callable[..., list[Path]], *given: object) -> Drawn:
        """Begin a task that other processes can have, or put it off where there are none."""
        return partial(task, *given) if self._executor is None else self._executor.submit(task, *given).result

    def __enter__(self) -> Self:
        """Go on while they draw."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the processes, at once where something went wrong."""
        if self._executor is None:
            return
        if kind is not None:
            # the executor's own `kill_workers` breaks in its thread, aloud, where tasks still wait
            for process in list(self._executor._processes.values()):
                process.terminate()
        self._executor.shutdown(wait=True)
