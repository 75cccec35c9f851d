"""What a campaign shows while it runs: a live panel, or a plain line now and then."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Protocol, Self

from forkfuzz.campaign import Progress
from forkfuzz.counting import counted

from .exit import say

PLAIN_SECONDS = 3.0
"""Seconds between two lines where the terminal cannot be rewritten."""


class Display(Protocol):
    """Shows how far a campaign is."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        ...

    def update(self, progress: Progress) -> None:
        """Show *progress*, if it is time."""
        ...


def line(scenario: str, progress: Progress) -> str:
    """Return *progress* as one line."""
    return (
        f"fuzz: {scenario}: elapsed {progress.elapsed:.0f}s, runs {progress.runs} "
        f"({progress.rate:.0f}/s), features {progress.features}, corpus "
        f"{progress.corpus}, violations {progress.findings} "
        f"({counted(progress.hits, 'run')}), "
        f"last new {progress.since_new:.0f}s ago"
    )


class PlainDisplay:
    """One line every three seconds, for logs and pipes."""

    def __init__(self, scenario: str) -> None:
        self._scenario = scenario
        self._due = PLAIN_SECONDS

    def __enter__(self) -> Self:
        """Begin to show."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the terminal as it was."""

    def update(self, progress: Progress) -> None:
        """Write a line, if the last one is old enough."""
        if progress.elapsed >= self._due:
            self._due = progress.elapsed + PLAIN_SECONDS
            say(line(self._scenario, progress))


class LiveDisplay:
    """A panel that is redrawn in place, on a terminal."""

    def __init__(self, scenario: str) -> None:
        from rich.console import Console
        from rich.live import Live

        self._scenario = scenario
        console = Console(stderr=True)
        self._live = Live(console=console, transient=True, refresh_per_second=4)

    def __enter__(self) -> Self:
        """Begin to show."""
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        self._live.__exit__(kind, error, traceback)

    def update(self, progress: Progress) -> None:
        """Redraw."""
        from rich.panel import Panel
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        for row in (
            ("elapsed", f"{progress.elapsed:.1f} s", "runs", f"{progress.runs}"),
            ("runs/s", f"{progress.rate:.0f}", "features", f"{progress.features}"),
            ("corpus", f"{progress.corpus}", "violations", f"{progress.findings}"),
            (
                "last new",
                f"{progress.since_new:.1f} s ago",
                "runs with one",
                f"{progress.hits}",
            ),
        ):
            table.add_row(*row)
        self._live.update(Panel(table, title=f"forkfuzz {self._scenario}", width=64))


def display(scenario: str) -> Display:
    """Return the display that fits the standard error."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if plain or not sys.stderr.isatty():
        return PlainDisplay(scenario)
    return LiveDisplay(scenario)
