"""Counts of a campaign, and which violations it has seen."""

from __future__ import annotations

from forkfuzz.checkers import Severity
from forkfuzz.harness.result import RunResult


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
        self.signatures: set[str] = set()
        self.visible = False
        self.runs = 0
        self.hits = 0

    @property
    def reached(self) -> tuple[str, ...]:
        """Names of the ``sometimes`` properties reached so far, sorted."""
        return tuple(sorted(self._reached))

    def note(self, result: RunResult) -> str | None:
        """Count one run; return the signature of its violation if that is new."""
        self.runs += 1
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
