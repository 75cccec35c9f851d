"""Where output goes: documents to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import rich_click as click

from forkfuzz.errors import UsageError

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Machine-readable output on stdout."
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


def _write(text: str, *, flush: bool = False) -> None:
    try:
        sys.stdout.write(text)
        if flush:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        msg = f"cannot write the output: {error.strerror or error}"
        raise UsageError(msg) from error
