"""What one run came to."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable

import attrs

from forkfuzz.checkers.violation import Severity, Violation
from forkfuzz.engine import CHOICE, Outcome, RawDecision


@attrs.frozen(slots=True)
class RunResult:
    """One execution of a program under rules and a strategy.

    Attributes:
        outcome: How the run ended.
        violations: In the order in which they were noticed.
        decisions: The whole schedule, as the machine recorded it.
        task_names: Names of the tasks, by the index that *decisions* use.
        steps: How many steps were taken.
        reached: Names of the ``sometimes`` properties that this run reached.
        end: What the threads have loaded, and how those ended that did not come to
            their end.
    """

    outcome: Outcome
    violations: tuple[Violation, ...]
    decisions: list[RawDecision]
    task_names: tuple[str, ...]
    steps: int
    reached: tuple[str, ...] = ()
    end: Hashable = ()

    def headline(self) -> Violation | None:
        """Return the violation to name first: one that a program can see, if any."""
        for violation in self.violations:
            if violation.severity is Severity.PROGRAM:
                return violation
        return self.violations[0] if self.violations else None

    def trace(self) -> bytes:
        """Return the run step by step; equal for equal decisions, on any machine."""
        lines = [
            f"? {label} {options} {value}"
            if task == CHOICE
            else f"{self.task_names[task]} {label} {options}"
            for task, label, options, value in self.decisions
        ]
        lines.extend(f"! {violation}" for violation in self.violations)
        lines.append(f"= {self.outcome.value}")
        return "\n".join(lines).encode()

    def digest(self) -> str:
        """Return the SHA-256 of `trace`, in hexadecimal."""
        return hashlib.sha256(self.trace()).hexdigest()
