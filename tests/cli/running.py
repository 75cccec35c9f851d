"""Running the command line: in this process to be quick, in its own to be sure."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

import forkfuzz
from forkfuzz.campaign import Campaign
from forkfuzz.cli import main

SOURCE = Path(forkfuzz.__file__).parents[1]
TERMINAL_SETTINGS = (
    "FORCE_COLOR",
    "PY_COLORS",
    "CI",
    "GITHUB_ACTIONS",
    "TTY_COMPATIBLE",
)
QUICK = ("--engine", "builtin", "--driver", "inline")
"""The engine and the driver that start at once."""


@attrs.frozen
class Outcome:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    def lines(self) -> list[Any]:
        """Return the JSON documents on the standard output."""
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        """Return the events of one kind."""
        return [line for line in self.lines() if line["event"] == event]


def call(*arguments: object) -> Outcome:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    code: object = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            code = exit_.code
    assert isinstance(code, int)
    return Outcome(code, out.getvalue(), err.getvalue())


def environment(**changes: str) -> dict[str, str]:
    """Return an environment in which a process finds forkfuzz, and no terminal."""
    kept = {k: v for k, v in os.environ.items() if k not in TERMINAL_SETTINGS}
    path = os.pathsep.join(filter(None, (str(SOURCE), kept.get("PYTHONPATH"))))
    return {**kept, "PYTHONPATH": path, **changes}


def start(
    *arguments: object, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "forkfuzz", *map(str, arguments)],
        cwd=cwd,
        env=env or environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str], *, seconds: float = 60) -> Outcome:
    """Wait for a command to end; kill it if it does not."""
    with process:
        try:
            out, err = process.communicate(timeout=seconds)
        finally:
            process.kill()
    return Outcome(process.returncode, out, err)


def launch(*arguments: object, cwd: Path, seconds: float = 60) -> Outcome:
    """Run a command in a process of its own."""
    return end(start(*arguments, cwd=cwd), seconds=seconds)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below *folder* with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def visible_signature(folder: Path) -> str:
    """Return the signature of the campaign's violation that a program can see."""
    campaign = Campaign(folder)
    return next(
        signature
        for signature in campaign.signatures()
        if campaign.record(signature).severity == "program"
    )


def assert_one_line(outcome: Outcome, code: int) -> None:
    """Check that a command failed as it should: one clear line, and nothing else."""
    assert outcome.code == code, outcome
    assert outcome.out == ""
    assert outcome.err.startswith("forkfuzz: ")
    assert outcome.err.endswith("\n")
    line = outcome.err[:-1]
    assert line.isprintable(), ascii(line)
    assert "Traceback" not in line
    assert not line.endswith(".")
