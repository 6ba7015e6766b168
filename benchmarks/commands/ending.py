"""How a command ends: 0 or what it returns, one line and 2 for what the user can put right, 130 when interrupted."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Callable

from benchmarks.commands.stopping import INTERRUPTED, Terminated
from benchmarks.commands.terminal import plain
from datasets import UserError

EXIT_USER_ERROR = 2
EXIT_FAULT = 70
EXIT_TERMINATED = 143

REMEDIES = {
    errno.EMFILE: "raise the limit on open files (`ulimit -n 4096`), or use fewer --workers",
    errno.ENFILE: "this machine has too many files open; close other programs, or use fewer --workers",
    errno.ENAMETOOLONG: "name a shorter path",
    errno.ELOOP: "symbolic links lead in a circle; name another path",
    errno.ENOMEM: "use fewer --workers, or smaller images",
}
GO_ON = "fix that and run the same command again; nothing finished is lost"


def ending(work: Callable[[], int], interrupted: str) -> int:
    """Do a command's work and return its exit code.

    Args:
        work: returns the exit code where nothing went wrong.
        interrupted: what to say on Ctrl-C: what is kept, and how to go on.
    """
    try:
        code = work()
        sys.stdout.flush()  # where nobody reads any more, that shows here and not when Python ends
        return code
    except UserError as error:
        return refuse(str(error))
    except BrokenPipeError:  # whoever read the output has seen enough, as in `--list | head`
        return _unread()
    except OSError as error:
        return refuse(
            f"{error.filename or 'a file'}: {error.strerror or error}; {REMEDIES.get(error.errno or 0, GO_ON)}"
        )
    except MemoryError as error:
        return refuse(f"out of memory ({error or 'none left'}); {REMEDIES[errno.ENOMEM]}")
    except KeyboardInterrupt as stop:
        sys.stdout.write(f"\n{interrupted}\n")
        return EXIT_TERMINATED if isinstance(stop, Terminated) else INTERRUPTED
    except Exception as error:  # a fault of ours: kept in a file, and one line of it shown
        return _fault(error)


def refuse(reason: str) -> int:
    """Say in one line what the user can put right; return the exit code."""
    _say(f"error: {' '.join(reason.split())}")
    return EXIT_USER_ERROR


def _fault(error: Exception) -> int:
    """Say that the suite is at fault, and keep what its authors need; return the exit code."""
    with tempfile.NamedTemporaryFile("w", prefix="imbalance-benchmark-", suffix=".txt", delete=False) as file:
        file.write("".join(traceback.format_exception(error)).encode(errors="backslashreplace").decode())
    first = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    _say(f"a bug in this suite, not your mistake: {first}; please report it with {file.name}; what is finished is kept")
    return EXIT_FAULT


def _unread() -> int:
    """Leave standard output to nobody, so that nothing more is said about it; return the exit code."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return EXIT_USER_ERROR


def _say(line: str) -> None:
    from rich.console import Console

    Console(stderr=True).print(plain(line), style="bold red", markup=False, highlight=False, soft_wrap=True)
