"""The only clock: for budgets and progress. No run sees it.

A campaign bounded by runs repeats exactly; one bounded by time stops where it stops.
"""

from __future__ import annotations

import time  # noqa: TID251 -- when to stop and what to show, never what to do

PROGRESS_PERIOD = 0.25
"""Seconds between two reports of progress."""


class Stopwatch:
    """Seconds since it was started.

    Args:
        start: When, by the clock that all processes of a system share; by default now.
    """

    def __init__(self, start: float | None = None) -> None:
        self.start = time.monotonic() if start is None else start

    def elapsed(self) -> float:
        """Return the seconds since it was started."""
        return time.monotonic() - self.start


class Ticker:
    """Says when it is time to report again.

    Args:
        period: Seconds between two reports.
    """

    def __init__(self, period: float = PROGRESS_PERIOD) -> None:
        self._period = period
        self._due = period

    def is_due(self, elapsed: float) -> bool:
        """Return whether a report is due, and if so, put off the next one."""
        if elapsed < self._due:
            return False
        self._due = elapsed + self._period
        return True
