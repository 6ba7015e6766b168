from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = os.environ.get("IMBALANCE_DATA")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real images; they are not part of the project."""
    if not _ROOT:
        pytest.skip("IMBALANCE_DATA is unset: no real images here")
    return Path(_ROOT)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty folder that stands for the downloaded datasets."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("IMBALANCE_DATA", str(folder))
    return folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network: every connection fails as it does without one."""

    def refuse(*_: object) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
