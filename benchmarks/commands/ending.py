"""How a command ends: 0 or what it returns, one line and 2 for what the user can put right, 130 when interrupted."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

from benchmarks.commands.stopping import Terminated
from datasets import UserError

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

OUT_OF_REACH = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)


def ending(work: Callable[[], int], interrupted: str) -> int:
    """Do a command's work and return its exit code.

    Args:
        work: returns the exit code where nothing went wrong.
        interrupted: what to say on Ctrl-C: what is kept, and how to go on.
    """
    try:
        return work()
    except UserError as error:
        return refuse(str(error))
    except BrokenPipeError:  # whoever read the output has seen enough, as in `--list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_USER_ERROR
    except OSError as error:
        if error.errno not in OUT_OF_REACH:
            raise
        where = error.filename or "a file"
        return refuse(
            f"{where}: {error.strerror}; put that right and run the same command again, nothing finished is lost"
        )
    except KeyboardInterrupt as stop:
        sys.stdout.write(f"\n{interrupted}\n")
        return EXIT_TERMINATED if isinstance(stop, Terminated) else EXIT_INTERRUPTED


def refuse(reason: str) -> int:
    """Say in one line what the user can put right; return the exit code."""
    from rich.console import Console

    line = " ".join(reason.split())
    Console(stderr=True).print(f"error: {line}", style="bold red", markup=False, highlight=False, soft_wrap=True)
    return EXIT_USER_ERROR
