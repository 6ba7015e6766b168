"""Dask clusters: one of this machine's processes that ends with the run, or anybody's by address."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any

from benchmarks.commands.request import Request
from benchmarks.running.engine import is_here
from datasets import UserError

LOG = logging.getLogger(__name__)
LEAVE_S = 0.5
"""How long a worker may take to end by itself when a run is interrupted, and to be gone once it was killed."""
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
    # pages about the run, which any user of the machine could read
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


@contextlib.contextmanager
def open_client(workers: int, request: Request) -> Iterator[Any]:
    """Give a client of somebody's scheduler, or of a cluster of local processes that ends with the block.

    Raises:
        UserError: no scheduler answers at the address, or it has no workers.
    """
    import dask
    from distributed import Client, LocalCluster
    from distributed.security import Security

    with contextlib.ExitStack() as stack:
        stack.enter_context(silent_logs())
        if request.scheduler:
            yield stack.enter_context(_connect(request))
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
                # keys made for this run alone: nobody else on the machine can send it work
                security=Security.temporary(),
            )
        stack.enter_context(cluster)
        client = stack.enter_context(Client(cluster))
        try:
            yield client
        except BaseException:  # interrupted: what is in hand is left
            cluster.sync(_leave, list(cluster.workers.values()))
            raise


async def _leave(nannies: list[Any]) -> None:
    """End workers in the middle of a cell, which otherwise have four seconds to come to its end."""
    await asyncio.gather(*(nanny.close(timeout=LEAVE_S) for nanny in nannies), return_exceptions=True)


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


def _connect(request: Request) -> Any:
    """Return a client of somebody's scheduler whose workers can run this suite."""
    from distributed import Client

    scheduler = str(request.scheduler)
    start = f"start both where this suite is: `PYTHONPATH=. dask scheduler`, `PYTHONPATH=. dask worker {scheduler}`"
    security = _security(request)
    client = Client.__new__(Client)
    try:
        client.__init__(scheduler, timeout=CONNECT_S, security=security)  # type: ignore[misc]
    except (OSError, ValueError) as error:
        # the garbage collector would, at any time: were that while the next client starts, both would wait for ever
        client.__del__()
        if request.tls_ca is not None:
            raise UserError(
                f"no Dask scheduler at {scheduler} accepts these certificates ({' '.join(str(error).split())}); see "
                "that it is up, that --tls-ca is its authority's certificate, and that --tls-key belongs to --tls-cert"
            ) from error
        raise UserError(
            f"no Dask scheduler answers at {scheduler} ({error}); start one with `dask scheduler`, or leave "
            "out --scheduler to use processes of this machine"
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


def _security(request: Request) -> Any:
    """Return how to talk to somebody's scheduler.

    Raises:
        UserError: a tls:// address without all files, files without such an address, or files that cannot be used.
    """
    from distributed.security import Security

    files = {"tls_ca_file": request.tls_ca, "tls_client_cert": request.tls_cert, "tls_client_key": request.tls_key}
    encrypted = str(request.scheduler).startswith("tls://")
    if not encrypted and not any(files.values()):
        LOG.warning(
            "%s is not encrypted: whoever can reach it can run code there; use a tls:// address", request.scheduler
        )
        return Security()
    if not encrypted or not all(files.values()):
        raise UserError(
            f"--scheduler {request.scheduler}: an encrypted scheduler has a tls:// address, and needs --tls-ca FILE, "
            "--tls-cert FILE and --tls-key FILE"
        )
    for path in files.values():
        if path is not None and not path.is_file():
            raise UserError(f"{path} is not a file; --tls-ca, --tls-cert and --tls-key name files in PEM format")
    return Security(**{name: str(path) for name, path in files.items()}, require_encryption=True)


def first_line(error: Exception) -> str:
    """Return where an error began, in one line."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
