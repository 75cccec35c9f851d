"""Terminals and pipes: colour only where it is wanted, no complaint about ``head``."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from .running import QUICK, environment, launch, start

ESCAPE = b"\x1b"


def in_a_terminal(*arguments: str, cwd: Path, **changes: str) -> tuple[int, bytes]:
    """Run a command whose output is a terminal; return its exit code and output."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "forkfuzz", *arguments],
        cwd=cwd,
        env=environment(**{"TERM": "xterm-256color", "COLUMNS": "80", **changes}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = bytearray()
        while data := read_terminal(ours):
            shown += data
        os.close(ours)
    return process.returncode, bytes(shown)


def read_terminal(fd: int) -> bytes:
    """Read a piece; nothing once nobody writes any more, which Linux calls an error."""
    try:
        return os.read(fd, 1 << 16)
    except OSError:
        return b""


CAMPAIGN = ("fuzz", "mp", "--rules", "seed", "--runs", "60", *QUICK)


@pytest.mark.slow
def test_a_terminal_gets_a_panel(tmp_path: Path) -> None:
    """Redrawn in place, removed at the end, and the cursor is visible again."""
    code, shown = in_a_terminal(*CAMPAIGN, cwd=tmp_path)
    assert code == 0
    assert b"forkfuzz mp" in shown
    assert b"violations" in shown
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l")
    assert b"no violation in 60 runs of this model under rules seed\r\n" in shown


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["NO_COLOR", "TERM"])
def test_a_terminal_without_colour_gets_plain_lines(
    setting: str, tmp_path: Path
) -> None:
    """NO_COLOR and a dumb terminal: not one escape sequence."""
    changes = {"NO_COLOR": "1"} if setting == "NO_COLOR" else {"TERM": "dumb"}
    code, shown = in_a_terminal(*CAMPAIGN, cwd=tmp_path, **changes)
    assert code == 0
    assert ESCAPE not in shown
    code, shown = in_a_terminal("fuzz", "--help", cwd=tmp_path, **changes)
    assert code == 0
    assert ESCAPE not in shown


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["scenarios", "rules", "--help"])
def test_no_terminal_no_escape_sequence(verb: str, tmp_path: Path) -> None:
    """What is piped into a file is text."""
    outcome = launch(verb, cwd=tmp_path)
    assert outcome.code == 0
    assert "\x1b" not in outcome.out + outcome.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["rules"],
        ["scenarios", "--json"],
        ["show", "FILE", "--as", "json"],
        ["show", "FILE", "--as", "steps"],
        ["replay", "FILE"],
    ],
)
def test_a_reader_that_leaves_early_is_no_failure(
    arguments: list[str], campaign: Path
) -> None:
    """Neither a traceback nor a complaint, also if nothing was read at all."""
    crashes = campaign / "crashes"
    path = next(crashes.glob("*/minimal.schedule"))
    process = start(
        *(argument.replace("FILE", str(path)) for argument in arguments), cwd=campaign
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process:
        complaint = process.stderr.read()
    assert complaint == ""
    assert process.returncode in {0, 1}


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["rules"], ["scenarios", "--json"]])
def test_a_full_disk_is_one_line(arguments: list[str], tmp_path: Path) -> None:
    """What could not be written is no result: exit 2, without a traceback."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "forkfuzz", *arguments],
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "forkfuzz: cannot write the output: No space left on device\n"
