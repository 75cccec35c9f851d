"""Exit codes, and how exceptions become them."""

from __future__ import annotations

import contextlib
import enum
import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from types import FrameType

import click

from forkfuzz.errors import InternalError, RefusedError, UsageError


class Exit(enum.IntEnum):
    """How the program ends."""

    CLEAN = 0  # nothing found; replay: does not reproduce; litmus: as expected
    VIOLATION = 1  # a violation; replay: reproduces; litmus: not as expected
    USAGE = 2  # usage, configuration, or input that cannot be read
    INTERNAL = 3  # forkfuzz's own fault: nondeterminism, a broken invariant
    REFUSED = 4  # a limit, or data that is not trusted
    INTERRUPTED = 130  # Ctrl-C, after everything was saved
    UNREAD = 141  # whoever read the output left before its end, as on SIGPIPE
    TERMINATED = 143  # the same on SIGTERM


EXIT_CODES = """\
Exit codes:

0    nothing found (replay: not reproduced; litmus: as expected)

1    violation (replay: reproduced; litmus: not as expected)

2    usage, configuration or unreadable input

3    forkfuzz's own fault: nondeterminism, internal error

4    refused: a limit was exceeded

130  interrupted, after a clean save

141  whoever read the output left before its end

143  interrupted by SIGTERM, after a clean save
"""
"""What stands below the help of every verb: a paragraph becomes a line there."""


UNWRITABLE = {errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC}
"""Errors of a stream; those of a named file are explained where they happen."""

LONGEST = 2000
"""Characters of a message that anybody would read; a name in it may be longer."""

LAST = 500
"""So many of them are its end, which tells the reason."""


@contextlib.contextmanager
def terminable() -> Iterator[list[int]]:
    """Let SIGTERM do what Ctrl-C does; it is noted in the list that this gives.

    Only the main thread of a program can ask for this; elsewhere nothing changes.
    """
    noted: list[int] = []

    def interrupt(signum: int, frame: FrameType | None) -> None:
        noted.append(signum)
        if len(noted) > 1:  # `timeout` sends it twice, and is in no such hurry
            return
        handler = signal.getsignal(signal.SIGINT)
        if not callable(handler):  # Ctrl-C is ignored, as in the background of a shell
            raise KeyboardInterrupt
        handler(signum, frame)

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:
        yield noted
        return
    try:
        yield noted
    finally:
        signal.signal(signal.SIGTERM, before)


def say(message: str) -> None:
    """Write one line to the standard error."""
    with contextlib.suppress(OSError):  # the exit code tells it too
        print(message, file=sys.stderr)  # noqa: T201 -- this is what it is for


def code_for(error: BaseException) -> Exit:
    """Say in one line what went wrong, and return the code to exit with."""
    match error:
        case click.ClickException():
            say(f"forkfuzz: {_as_ours(_one_line(error.format_message()))}")
            return Exit.USAGE
        case click.Abort() | KeyboardInterrupt():
            say("forkfuzz: interrupted")
            return Exit.INTERRUPTED
        case UsageError():
            say(f"forkfuzz: {_one_line(str(error))}")
            return Exit.USAGE
        case RefusedError():
            say(f"forkfuzz: refused: {_one_line(str(error))}")
            return Exit.REFUSED
        case InternalError():
            say(f"forkfuzz: {_one_line(str(error))}")
            return Exit.INTERNAL
        case BrokenPipeError():
            return Exit.UNREAD
        case OSError(filename=None) if error.errno in UNWRITABLE:
            say(f"forkfuzz: cannot write the output: {error.strerror}")
            return Exit.USAGE
        case _:
            return _unexpected(error)


def _unexpected(error: BaseException) -> Exit:
    if os.environ.get("FORKFUZZ_TRACEBACK"):
        traceback.print_exception(error)
    kind = type(error).__name__
    say(
        f"forkfuzz: forkfuzz bug: {kind}: {_one_line(str(error))}; "
        "FORKFUZZ_TRACEBACK=1 shows where"
    )
    return Exit.INTERNAL


def _as_ours(text: str) -> str:
    """Return a message of click's in the form of ours: no capital, no full stop."""
    return text[:1].lower() + text[1:].removesuffix(".")


def _one_line(text: str) -> str:
    """Return *text* without line breaks or control characters; without its middle if long."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - LAST]} ... {text[-LAST:]}"
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
