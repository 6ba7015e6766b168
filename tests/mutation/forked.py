"""Run tests in a forked process that reads one module changed."""

from __future__ import annotations

import ast
import importlib.machinery
import os
import resource
import signal
import sys
import time
from pathlib import Path
from types import CodeType

WALL = 900.0
"""Seconds after which a process that waits for ever is ended."""
QUIET = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
"""The libraries are loaded before pytest looks at its plug-ins."""


def outcome(root: Path, module: str, tree: ast.Module | None, tests: list[str], seconds: int) -> tuple[str, float]:
    """Return `killed`, `timeout` or `survived`, and the seconds of processor time that it took.

    Args:
        root: of the checkout.
        module: path from the root.
        tree: what it reads as; None for what it is.
        tests: paths from the root.
        seconds: of processor time, after which the process is ended: a loop without an end is noticed, and a machine
            that is busy with other things is no reason.
    """
    assert not any(getattr(loaded, "__file__", None) == str(root / module) for loaded in sys.modules.values())
    child = os.fork()
    if not child:
        os._exit(_run(root, module, tree, tests, seconds))
    deadline = time.monotonic() + WALL
    while True:
        ended, status, used = os.wait4(child, os.WNOHANG)
        if ended:
            took = used.ru_utime + used.ru_stime
            return _word(os.waitstatus_to_exitcode(status)), took
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.02)


def _word(code: int) -> str:
    return {0: "survived", -signal.SIGXCPU: "timeout", -signal.SIGKILL: "timeout"}.get(code, "killed")


def _run(root: Path, module: str, tree: ast.Module | None, tests: list[str], seconds: int) -> int:
    """Run the tests in this process, quietly."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    try:
        if tree is not None:
            _serve(str(root / module), tree)
        import pytest

        os.chdir(root)
        options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-m", "not slow", "-W", QUIET]
        return int(pytest.main([*options, *tests]))
    except BaseException:  # a mutant may raise anything, from anywhere; that is noticing it
        return 1


def _serve(path: str, tree: ast.Module) -> None:
    """Let the import system read `tree` where it would read the file."""
    code = compile(tree, path, "exec", dont_inherit=True)
    true = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, fullname: str) -> CodeType | None:
        return code if self.path == path else true(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
