"""The fuzz targets run, and exit as OSS-Fuzz expects."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("atheris")

ROOT = Path(__file__).resolve().parents[2]
TARGETS = sorted((ROOT / "fuzz").glob("fuzz_*.py"))
CRASHED = 77


def run(target: Path, folder: Path, *arguments: str, rules: str) -> int:
    """Run a target in an empty folder; return its exit code."""
    return subprocess.run(
        [sys.executable, str(target), *arguments],
        cwd=folder,
        env={**os.environ, "FORKFUZZ_RULES": rules},
        capture_output=True,
        check=False,
    ).returncode


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda path: path.stem)
def test_a_target_finds_nothing_under_the_documented_protocol(
    target: Path, tmp_path: Path
) -> None:
    """A bounded number of inputs ends with exit code 0 and no artefact."""
    assert run(target, tmp_path, "-atheris_runs=200", rules="seed") == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_violation_crashes_and_its_input_crashes_again(tmp_path: Path) -> None:
    """libFuzzer writes the input down, and running that alone crashes too."""
    target = ROOT / "fuzz" / "fuzz_fork.py"
    code = run(target, tmp_path, "-atheris_runs=5000", rules="mainline")
    artefacts = list(tmp_path.iterdir())
    assert code == CRASHED
    assert [path.name.partition("-")[0] for path in artefacts] == ["crash"]
    assert run(target, tmp_path, str(artefacts[0]), rules="mainline") == CRASHED
