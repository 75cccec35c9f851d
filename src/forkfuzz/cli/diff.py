"""``forkfuzz diff``: where two runs part, and what comes of each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import attrs
import rich_click as click

from forkfuzz.errors import RefusedError, UsageError

from .exit import EXIT_CODES, Exit
from .fuzz import dir_option
from .output import echo, json_option, put_json


@click.command(epilog=EXIT_CODES)
@click.argument("first", metavar="SIG|FILE")
@click.argument("second", metavar="SIG|FILE")
@dir_option
@click.option("--original", is_flag=True, help="The runs as found, before shrinking.")
@json_option
def diff(
    *, first: str, second: str, directory: Path, original: bool, as_json: bool
) -> int:
    """Compare two stored runs: the steps in common, what each does then, how they end.

    Exit code 1: the runs do not break the same properties.
    """
    from forkfuzz.report import difference, difference_text, record

    from .stored import open_stored

    names = (first, second)
    recordings = []
    for name in names:
        with _named(name):
            stored = open_stored(name, directory, original=original)
            recording = record(stored.program, stored.rules, stored.decisions)
            stored.check_used(recording.result)
        recordings.append(recording)
    found = difference(*recordings)
    if as_json:
        put_json({**attrs.asdict(found), "same": found.same})
    else:
        echo(difference_text(names, *recordings))
    return Exit.CLEAN if found.same else Exit.VIOLATION


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Let a message say which of the two runs it is about."""
    try:
        yield
    except (UsageError, RefusedError) as error:
        if repr(name) in str(error):
            raise
        kind = RefusedError if isinstance(error, RefusedError) else UsageError
        msg = f"{name!r}: {error}"
        raise kind(msg) from error
