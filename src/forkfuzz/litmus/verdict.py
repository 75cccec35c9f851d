"""What became of a test's assertions."""

from __future__ import annotations

import enum

import attrs

from forkfuzz.exhaustive import Decided
from forkfuzz.rules import Rules

from .conditions import Condition, evaluate
from .places import Observation
from .test import Assertion, LitmusTest


class Result(enum.Enum):
    """Whether an assertion holds."""

    OK = "Ok"
    NO = "No"
    UNKNOWN = "Unknown"


@attrs.frozen(slots=True)
class Verdict:
    """A test that was decided.

    Attributes:
        test: The test.
        rules: The rules that it was run under.
        decided: What can come of it.
        results: Of each of its assertions.
    """

    test: LitmusTest
    rules: Rules
    decided: Decided[Observation]
    results: tuple[tuple[Assertion, Result], ...]

    @property
    def holds(self) -> bool:
        """Return whether every assertion is known to hold."""
        return all(result is Result.OK for _, result in self.results)

    def states(self) -> list[Observation]:
        """Return the different ends, sorted by what was seen."""
        return sorted(self.decided.ends, key=_by_values)

    def subject(self) -> Condition | None:
        """Return the condition that the test is about: the first that it names."""
        for assertion, _ in self.results:
            if assertion.kind in ("exists", "forbidden"):
                return assertion.condition
        return None


def _by_values(seen: Observation) -> tuple[tuple[bool, int], ...]:
    return tuple((value is not None, int(value or 0)) for value in seen.values)


def judge(test: LitmusTest, rules: Rules, decided: Decided[Observation]) -> Verdict:
    """Compare what can come of a test with its assertions."""
    results = [
        (assertion, _result(assertion, decided)) for assertion in test.assertions
    ]
    return Verdict(test, rules, decided, tuple(results))


def _result(assertion: Assertion, decided: Decided[Observation]) -> Result:
    """Return whether it holds; an example settles it, the lack of one if complete."""
    positive = assertion.kind in ("exists", "violates")
    if _has_example(assertion, decided):
        return Result.OK if positive else Result.NO
    if not decided.progress.exhaustive:
        return Result.UNKNOWN
    return Result.NO if positive else Result.OK


def _has_example(assertion: Assertion, decided: Decided[Observation]) -> bool:
    """Return whether there is what shows an assertion true, or shows it false."""
    match assertion.kind:
        case "violates":
            return any(assertion.covers(prop) for prop in decided.properties)
        case "clean":
            return bool(decided.violations)
    condition = assertion.condition
    assert condition is not None  # the other kinds have one
    wanted = assertion.kind != "always"
    return any(evaluate(condition, end) is wanted for end in decided.ends)
