"""Dask clusters: one of this machine's processes that ends with the run, or anybody's by address."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any

from benchmarks.running.engine import is_here
from datasets import UserError

CONNECT_S = 20.0
"""How long somebody's scheduler may take to answer, and to have its first worker."""

LOCAL = {
    "distributed.scheduler.allowed-failures": 0,  # who killed a worker is found out here, see `Queue`
    # Dask has workers give every freed block back to the system (MALLOC_TRIM_THRESHOLD_): steps then take twice as long
    "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": 1, "MKL_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": 1},
    "distributed.worker.memory.terminate": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.target": False,
}


@contextlib.contextmanager
def open_client(workers: int, scheduler: str | None) -> Iterator[Any]:
    """Give a client of somebody's scheduler, or of a cluster of local processes that ends with the block.

    Raises:
        UserError: no scheduler answers at the address, or it has no workers.
    """
    import dask
    from distributed import Client, LocalCluster

    with contextlib.ExitStack() as stack:
        stack.enter_context(silent_logs())
        if scheduler:
            yield stack.enter_context(_connect(scheduler))
            return
        stack.enter_context(dask.config.set(LOCAL))
        with deaf_to_interrupts():
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                # an HTTP server starts all the same: on any free port, or a second run beside this one warns
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                silence_logs=logging.CRITICAL,
            )
        yield stack.enter_context(Client(stack.enter_context(cluster)))


@contextlib.contextmanager
def silent_logs() -> Iterator[None]:
    """Keep Dask's own account of lost workers and connections from the terminal; ours says what it means."""
    import distributed  # gives each of its loggers a level of its own

    names = [name for name in logging.root.manager.loggerDict if name.startswith(distributed.__name__)]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Let threads started in the block, and all their processes, never see a Ctrl-C.

    A terminal sends it to every process; this one alone shall hear it, and end the others.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # started later, it would undo the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _connect(scheduler: str) -> Any:
    """Return a client of somebody's scheduler whose workers can run this suite."""
    from distributed import Client

    start = f"start both where this suite is: `PYTHONPATH=. dask scheduler`, `PYTHONPATH=. dask worker {scheduler}`"
    try:
        client = Client(scheduler, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise UserError(
            f"no Dask scheduler answers at {scheduler} ({error}); start one with `dask scheduler`, or leave "
            "--scheduler away to use processes of this machine"
        ) from error
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError as error:
        client.close()
        raise UserError(f"the Dask scheduler at {scheduler} has no workers; {start}") from error
    try:
        client.submit(is_here, pure=False).result()
    except Exception as error:  # whatever an import of this suite raises there
        client.close()
        raise UserError(
            f"the Dask cluster at {scheduler} cannot load this suite ({first_line(error)}); {start}"
        ) from error
    return client


def first_line(error: Exception) -> str:
    """Return where an error began, in one line."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
