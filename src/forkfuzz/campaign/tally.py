"""Counts of a campaign, and which violations it has seen."""

from __future__ import annotations

import hashlib

from forkfuzz.checkers import Severity
from forkfuzz.harness.result import RunResult

from .events import Reach


class Tally:
    """Counts runs and tells new violations from known ones.

    Args:
        rules: The rules in force; part of a signature.

    Attributes:
        signatures: Every violation seen, each run's headline.
        visible: Whether a program could see one of them.
        runs: How many runs.
        hits: How many with a violation.
    """

    def __init__(self, rules: str) -> None:
        self._rules = rules
        self._reached: set[str] = set()
        self._points: set[str] = set()
        self._interleavings: set[bytes] = set()
        self._outcomes: set[object] = set()
        self.signatures: set[str] = set()
        self.visible = False
        self.runs = 0
        self.hits = 0

    @property
    def reached(self) -> tuple[str, ...]:
        """Names of the ``sometimes`` properties reached so far, sorted."""
        return tuple(sorted(self._reached))

    @property
    def reach(self) -> Reach:
        """How much of the program was seen."""
        return Reach(
            len(self._interleavings), len(self._outcomes), tuple(sorted(self._points))
        )

    def _see(self, result: RunResult) -> None:
        # A label, and how many options there were, follow from what was decided before.
        way = bytes(
            [d[0] + 1 if d[0] >= 0 else 128 + (d[3] & 127) for d in result.decisions]
        )
        self._interleavings.add(hashlib.blake2b(way, digest_size=8).digest())
        self._outcomes.add((result.end, *(v.prop for v in result.violations)))
        self._points.update([d[1] for d in result.decisions if d[0] >= 0])

    def note(self, result: RunResult) -> str | None:
        """Count one run; return the signature of its violation if that is new."""
        self.runs += 1
        self._see(result)
        if result.reached:
            self._reached.update(result.reached)
        violation = result.headline()
        if violation is None:
            return None
        self.hits += 1
        self.visible |= violation.severity is Severity.PROGRAM
        signature = violation.signature(self._rules)
        if signature in self.signatures:
            return None
        self.signatures.add(signature)
        return signature
