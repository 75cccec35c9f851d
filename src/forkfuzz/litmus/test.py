"""A litmus test, as it is when it has been read."""

from __future__ import annotations

import attrs

from forkfuzz.harness.run import Run
from forkfuzz.rules import Rules
from forkfuzz.scenarios.program import Program

from . import places
from .conditions import Condition, places_in
from .places import Observation, Place


@attrs.frozen(slots=True)
class Assertion:
    """What is claimed about all runs of a test, or about some.

    Attributes:
        kind: ``exists``, ``forbidden``, ``always``, ``violates`` or ``clean``.
        text: What follows that word, as written.
        line: Where it is written; 0 if it is not.
        condition: Of the first three kinds.
        prop: Of ``violates``: a property, or a group of them.
        implied: Whether it holds without being written: ``clean`` in the absence of
            any ``violates``.
    """

    kind: str
    text: str = ""
    line: int = 0
    condition: Condition | None = None
    prop: str = ""
    implied: bool = False

    def covers(self, prop: str) -> bool:
        """Return whether *prop* is the property meant, or one of the group meant."""
        return prop == self.prop or prop.startswith(f"{self.prop}.")


@attrs.frozen(slots=True)
class LitmusTest:
    """A program, rules to run it under, and what may come of it.

    Attributes:
        name: Of the test.
        description: What it is about; may be empty.
        rules: To run it under.
        rules_text: These, as written.
        program: To run.
        assertions: In the order in which they are written; what is implied comes last.
        path: Of the file that it was read from.
    """

    name: str
    description: str
    rules: Rules
    rules_text: str
    program: Program
    assertions: tuple[Assertion, ...]
    path: str


def observables(test: LitmusTest) -> tuple[Place, ...]:
    """Return what the test's conditions look at, in the order of first appearance."""
    found: dict[Place, None] = {}
    for assertion in test.assertions:
        if assertion.condition is not None:
            found.update(dict.fromkeys(places_in(assertion.condition)))
    return tuple(found)


def observe(run: Run, looked_at: tuple[Place, ...]) -> Observation:
    """Look at a run of a test that has come to its end.

    Args:
        run: The run.
        looked_at: The `observables` of the test.
    """
    return places.look(run, looked_at)
