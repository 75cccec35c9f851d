"""Where output goes: documents to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import rich_click as click

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Machine-readable output on stdout."
)


def echo(text: str = "") -> None:
    """Write a line to stdout."""
    print(text)  # noqa: T201 -- this is what it is for


def put_json(document: Any) -> None:
    """Write one JSON document, keys sorted, as a line on stdout."""
    data = msgspec.json.encode(document, order="deterministic")
    sys.stdout.write(data.decode() + "\n")
    sys.stdout.flush()
