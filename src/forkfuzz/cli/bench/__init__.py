"""``forkfuzz bench``: figures about forkfuzz itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import rich_click as click

from forkfuzz.cli.exit import EXIT_CODES
from forkfuzz.cli.verbs import Verbs


class _Benchmarks(Verbs):
    """The benchmarks, imported when they are asked for."""

    verbs: ClassVar[Mapping[str, str]] = {
        "drivers": "bench.drivers:drivers",
        "find": "bench.find:find",
        "grow": "bench.grow:grow",
    }


@click.group(cls=_Benchmarks, epilog=EXIT_CODES)
def bench() -> None:
    """Measure forkfuzz: its speed, and how soon its strategies find bugs."""
