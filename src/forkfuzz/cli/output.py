"""Where output goes: documents to stdout, everything else to stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click

from forkfuzz.errors import UsageError

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Machine-readable output on stdout."
)

output_option = click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to FILE, whole or not at all.",
)


def echo(text: str = "") -> None:
    """Write a line to stdout.

    Raises:
        BrokenPipeError: Whoever read it has seen enough.
        UsageError: It cannot be written, such as to a full disk.
    """
    _write(text + "\n")


def put_json(document: Any) -> None:
    """Write one JSON document, keys sorted, as a line on stdout; see `echo`."""
    data = msgspec.json.encode(document, order="deterministic")
    _write(data.decode() + "\n", flush=True)


def put_bytes(data: bytes, what: str) -> None:
    """Write something that is not text to stdout; see `echo`.

    Args:
        data: What to write.
        what: What it is, for a person who has no use for it on a terminal.

    Raises:
        UsageError: stdout is a terminal, or cannot be written.
    """
    if sys.stdout.isatty():
        msg = f"{what} is binary; redirect it to a file, or name one with -o"
        raise UsageError(msg)
    with _explained():
        sys.stdout.flush()
        sys.stdout.buffer.write(data)


def put_file(path: Path, data: bytes) -> None:
    """Write *data* to a file that appears whole or not at all.

    Raises:
        UsageError: It cannot be written, or is a thing that nothing can replace.
    """
    from forkfuzz.campaign.atomic import write_file

    target = Path(os.path.realpath(path))
    if os.path.exists(target) and not os.path.isfile(target):
        msg = f"cannot write {str(path)!r}: not a regular file"
        raise UsageError(msg)
    write_file(target, data)


def _write(text: str, *, flush: bool = False) -> None:
    with _explained():
        sys.stdout.write(text)
        if flush:
            sys.stdout.flush()


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        msg = f"cannot write the output: {error.strerror or error}"
        raise UsageError(msg) from error
