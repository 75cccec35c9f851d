"""Which guard closes a hole: the rules at hand differ from the documented ones in some."""

from __future__ import annotations

import enum
from collections.abc import Callable

import attrs

from forkfuzz.checkers import Violation
from forkfuzz.harness.run import Run
from forkfuzz.rules import FIELDS, Rules
from forkfuzz.scenarios.program import Program
from forkfuzz.search import Limits

from .decide import INTERRUPTED, Decided, Tick, decide


class Closes(enum.Enum):
    """What a guard does about something that can be seen without it."""

    YES = "makes it impossible"
    NO = "does not prevent it"
    UNKNOWN = "was not decided within the limits"
    INTERRUPTED = "was not decided before the interrupt"


@attrs.frozen(slots=True)
class Outcome:
    """What is looked for: a property broken, or an end of the program.

    Attributes:
        prop: The property; empty if it is an end.
        end: Whether a run that is over ended so.
    """

    prop: str = ""
    end: Callable[[Run], bool] = lambda _run: False

    def seen(self, decided: Decided[bool]) -> bool:
        """Return whether it can be seen."""
        if not self.prop:
            return True in decided.ends
        return any(_covers(self.prop, violation) for violation in decided.violations)


def _covers(prop: str, violation: Violation) -> bool:
    return violation.prop == prop or violation.prop.startswith(f"{prop}.")


@attrs.frozen(slots=True)
class Guard:
    """One guard that is not in force, and what it would do.

    Attributes:
        field: Its name.
        value: The value that it has; the right one is put in its place.
        closes: What that does.
        states: How many states were looked at to find out.
    """

    field: str
    value: str
    closes: Closes
    states: int


@attrs.frozen(slots=True)
class Bisection:
    """What became of the search for guards.

    Attributes:
        possible: Whether the outcome is impossible as it is; then no guard was tried.
        guards: What each missing guard does, as far as they were tried.
        interrupted: Whether the keyboard ended it. What was known of the outcome by
            then, or of the last guard, still holds.
    """

    possible: Closes
    guards: list[Guard]
    interrupted: bool = False


def missing(rules: Rules) -> list[str]:
    """Return the guards that do not have the value of the documented protocol."""
    right = Rules()
    return [n for n in FIELDS if getattr(rules, n) != getattr(right, n)]


def bisect(
    program: Program,
    rules: Rules,
    outcome: Outcome,
    limits: Limits,
    tick: Tick = lambda _progress: None,
) -> Bisection:
    """Put in each guard that is missing, alone, and see whether that is enough.

    After an interrupt from the keyboard no further guard is tried.
    """
    before, decided = _closes(program, rules, outcome, limits, tick)
    guards: list[Guard] = []
    interrupted = decided.progress.stopped == INTERRUPTED
    if before is not Closes.NO or interrupted:
        return Bisection(before, guards, interrupted)
    for field in missing(rules):
        right = getattr(Rules(), field)
        with_guard = attrs.evolve(rules, **{field: right})
        closes, decided = _closes(program, with_guard, outcome, limits, tick)
        states = decided.progress.states
        guards.append(Guard(field, getattr(rules, field), closes, states))
        if decided.progress.stopped == INTERRUPTED:
            return Bisection(before, guards, interrupted=True)
    return Bisection(before, guards)


def _closes(
    program: Program, rules: Rules, outcome: Outcome, limits: Limits, tick: Tick
) -> tuple[Closes, Decided[bool]]:
    decided = decide(program, rules, outcome.end, limits, tick=tick)
    if outcome.seen(decided):  # also before an interrupt: it is known all the same
        return Closes.NO, decided
    if decided.progress.stopped == INTERRUPTED:
        return Closes.INTERRUPTED, decided
    return (Closes.YES if decided.progress.exhaustive else Closes.UNKNOWN), decided
