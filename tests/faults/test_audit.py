"""`make check` fails for a package with a known fault, and not where the list of these cannot be reached."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLEAN = "No known vulnerabilities found"
SKIPPED = f"""{CLEAN}
Name  Skip Reason
----- -------------------------------------------------------------------
torch Dependency not found on PyPI and could not be audited: torch (2.14.1)"""
FOUND = """Found 1 known vulnerability in 1 package
Name   Version ID             Fix Versions
------ ------- -------------- ------------
jinja2 2.4.1   PYSEC-2014-8   2.7.3"""
NOBODY = "ERROR:pip_audit._cli:Failed to connect to pypi.org"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")
@pytest.mark.parametrize(
    ("said", "code", "fails"), [(CLEAN, 0, False), (SKIPPED, 0, False), (FOUND, 1, True), (NOBODY, 1, False)]
)
def test_a_known_fault_fails_the_check_and_an_unreachable_list_does_not(tmp_path, said, code, fails) -> None:
    for name in ("ruff", "mypy", "bandit", "python", "pip-audit"):
        body = f"cat <<'END'\n{said}\nEND\nexit {code}\n" if name == "pip-audit" else "exit 0\n"
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}")
        (tmp_path / name).chmod(0o755)
    command = ["make", "check", f"BIN={tmp_path}", f"VENV={tmp_path}", "-o", f"{tmp_path}/.ready"]
    (tmp_path / ".ready").touch()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    assert said in done.stdout
    assert ("could not be reached" in done.stdout) == (said == NOBODY)
