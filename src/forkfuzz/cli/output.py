"""Where output goes: documents to stdout, everything else to stderr."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

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


@contextlib.contextmanager
def whole_writes() -> Iterator[None]:
    """Let what is written to stdout arrive whole or raise an error, also unbuffered.

    With ``PYTHONUNBUFFERED`` or ``python -u`` each write becomes one of the system's, and
    nobody looks how much of it a disk that was filling up still took. A line still
    leaves when it ends.
    """
    stdout = sys.stdout
    raw = getattr(stdout, "buffer", None)
    if not isinstance(raw, io.RawIOBase):
        yield
        return
    buffered = io.BufferedWriter(raw)
    text = io.TextIOWrapper(
        buffered, stdout.encoding, stdout.errors, line_buffering=True
    )
    try:
        with contextlib.redirect_stdout(text):
            yield
    finally:
        # Otherwise they would close what is not theirs, after a last loud attempt.
        flush(text)
        text.detach()
        buffered.detach()


def flush(stream: TextIO) -> OSError | None:
    """Write out what is buffered; return why that failed, if it did."""
    try:
        stream.flush()
    except OSError as error:
        # What could not be written would be tried again, loudly, at the very end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error
    return None


def echo(text: str = "", *, flush: bool = False) -> None:
    """Write a line to stdout, where *flush* lets it be read at once.

    Raises:
        BrokenPipeError: Whoever read it has seen enough.
        UsageError: It cannot be written, such as to a full disk.
    """
    _write(text + "\n", flush=flush)


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
