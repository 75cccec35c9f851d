"""Rates: what two reports of progress together say."""

from __future__ import annotations

from typing import Protocol

from .events import Progress


class Counts(Protocol):
    """What is counted of a campaign."""

    @property
    def runs(self) -> int:
        """Runs so far."""
        ...

    @property
    def hits(self) -> int:
        """Runs with a violation."""
        ...

    @property
    def signatures(self) -> set[str]:
        """The different violations."""
        ...


class Pace:
    """Makes reports of progress out of counts; remembers the report before."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._runs = 0
        self._features = 0
        self._new_at = 0.0

    def progress(
        self, elapsed: float, counts: Counts, features: int, corpus: int
    ) -> Progress:
        """Return the report for this moment."""
        if features > self._features:
            self._features = features
            self._new_at = elapsed
        seconds = elapsed - self._elapsed
        rate = (counts.runs - self._runs) / seconds if seconds > 0 else 0.0
        self._elapsed, self._runs = elapsed, counts.runs
        return Progress(
            elapsed=elapsed,
            runs=counts.runs,
            rate=rate,
            features=features,
            corpus=corpus,
            findings=len(counts.signatures),
            hits=counts.hits,
            since_new=elapsed - self._new_at,
        )
