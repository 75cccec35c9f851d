"""What the tests of the command line share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .programs import TORN
from .running import QUICK, TERMINAL_SETTINGS, Outcome, call, launch


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no setting of whoever runs the tests colour the output."""
    for name in (*TERMINAL_SETTINGS, "FORKFUZZ_TRACEBACK", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no slow machine have its progress told, in this process."""
    monkeypatch.setattr("forkfuzz.cli.progress.PLAIN_SECONDS", 1e9)


@pytest.fixture(scope="session", name="finished")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a campaign that found the torn snapshot; not to change."""
    folder = tmp_path_factory.mktemp("finished") / "campaign"
    assert call("fuzz", "mp", *QUICK, "--dir", folder).code == 1
    return folder


@pytest.fixture(name="campaign")
def _campaign(finished: Path, tmp_path: Path) -> Path:
    """Return a copy of that directory."""
    return Path(shutil.copytree(finished, tmp_path / "campaign"))


@pytest.fixture(name="torn")
def _torn(tmp_path: Path) -> Path:
    """Return the file of a litmus test that holds, under mainline's rules."""
    path = tmp_path / "torn.litmus"
    path.write_text(TORN)
    return path


@pytest.fixture(scope="session", name="demo_folder")
def _demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the demo runs."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session", name="demo")
def _demo(demo_folder: Path) -> Outcome:
    """Return how the demo went, in a process of its own; at most 20 seconds."""
    return launch("demo", cwd=demo_folder, seconds=20)
