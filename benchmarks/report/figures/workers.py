"""Worker processes that draw while the rest of a report is made."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self

from threadpoolctl import threadpool_limits

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
        self._executor = _executor(count) if count > 1 else None

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


def _executor(count: int) -> Any:
    """Return processes that are copies of this one, which have nothing to import, or new ones where that is not safe.

    A copy has only the thread that made it: what other threads that Python knows of hold locked, as those of a cluster
    do, stays locked.
    """
    if sys.platform == "linux" and threading.active_count() == 1:
        executor = ProcessPoolExecutor(count, multiprocessing.get_context("fork"), _begin_copy)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads of libraries, which are made for this
            executor.submit(os.getpid)  # makes all of them, while there is no other thread
        return executor
    from joblib.externals.loky import get_reusable_executor  # type: ignore[import-untyped]

    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return get_reusable_executor(count, timeout=60, env=one, initializer=_begin)


def _begin_copy() -> None:
    """Begin, and end with the process that made this one, be it killed: a copy holds what that held open."""
    _begin()
    threading.Thread(target=_end_with, args=[multiprocessing.parent_process()], daemon=True).start()


def _end_with(maker: Any) -> None:
    maker.join()
    os._exit(1)


def _begin() -> None:
    """Leave Ctrl-C to the process that ends the workers, without a traceback of each; draw on one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a copy has its maker's way to stop
    gc.freeze()  # what a copy shares with its maker stays shared
    threadpool_limits(1)
