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
        ["--help"],
        ["fuzz", "mp", *QUICK],
        ["explore", "mp"],
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_early_is_no_failure(
    arguments: list[str], unbuffered: str, campaign: Path
) -> None:
    """Neither a traceback nor a complaint, also if nothing was read at all.

    The code is that of a program which SIGPIPE ended, also where a result was known, and
    whether all is written at the end or each line at once.
    """
    crashes = campaign / "crashes"
    path = next(crashes.glob("*/minimal.schedule"))
    process = start(
        *(argument.replace("FILE", str(path)) for argument in arguments),
        cwd=campaign,
        env=environment(PYTHONUNBUFFERED=unbuffered),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process:
        complaint = process.stderr.read()
    assert complaint == ""
    assert process.returncode == 141


def shell(
    command: str, cwd: Path, *, before: str = "", **changes: str
) -> subprocess.CompletedProcess[str]:
    """Let a shell run ``forkfuzz ...``, with what it redirects."""
    return subprocess.run(
        ["sh", "-c", f"{before}exec {sys.executable} -m {command}"],
        cwd=cwd,
        env=environment(**changes),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments", ["rules", "scenarios --json", "--help", "fuzz --help", "--version"]
)
@pytest.mark.parametrize(
    ("stdout", "reason"),
    [("/dev/full", "No space left on device"), ("&-", "Bad file descriptor")],
)
def test_output_that_cannot_be_written_is_one_line(
    stdout: str, reason: str, arguments: str, unbuffered: str, tmp_path: Path
) -> None:
    """It is no result: exit 2, without a traceback."""
    done = shell(
        f"forkfuzz {arguments} >{stdout}", tmp_path, PYTHONUNBUFFERED=unbuffered
    )
    assert done.stderr == f"forkfuzz: cannot write the output: {reason}\n"
    assert done.returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", ["rules --json", "scenarios", "show F --as html"])
def test_output_that_fits_in_part_is_one_line(
    arguments: str, unbuffered: str, campaign: Path, tmp_path: Path
) -> None:
    """A disk that fills up takes the beginning of a write; that is no success.

    A limit on the size of files does the same.
    """
    path = next(campaign.glob("crashes/*/minimal.schedule"))
    done = shell(
        f"forkfuzz {arguments.replace('F', str(path))} >out",
        tmp_path,
        before="ulimit -f 1; ",
        PYTHONUNBUFFERED=unbuffered,
    )
    assert done.stderr == "forkfuzz: cannot write the output: File too large\n"
    assert done.returncode == 2
    assert 0 < (tmp_path / "out").stat().st_size <= 1024


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirected", "code"),
    [
        ("rules 2>/dev/full", 0),
        ("nope 2>/dev/full", 2),
        ("nope 2>&-", 2),
        ("rules >/dev/full 2>/dev/full", 2),
        ("rules <&- >&- 2>&-", 2),
    ],
)
def test_without_a_standard_error_the_code_tells(
    redirected: str, code: int, tmp_path: Path
) -> None:
    """What nobody can read is lost, and does not end up among the output."""
    done = shell(f"forkfuzz {redirected}", tmp_path)
    assert done.returncode == code
    assert done.stderr == ""
    assert "forkfuzz: " not in done.stdout


@pytest.mark.slow
def test_a_campaign_does_without_standard_streams(tmp_path: Path) -> None:
    """No file of a campaign gets the number of one of them, to be written into."""
    path = tmp_path / "page.html"
    done = shell(f"forkfuzz {' '.join(CAMPAIGN)} <&- >&- 2>&-", tmp_path)
    assert done.returncode == 2  # nobody was told what came of it
    done = shell(f"forkfuzz report .forkfuzz -o {path} <&- >&- 2>&-", tmp_path)
    assert done.returncode == 0
    assert path.read_text().startswith("<!doctype html>")
    assert (tmp_path / ".forkfuzz" / "lock").read_text().strip().isdigit()
