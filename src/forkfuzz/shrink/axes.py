"""Shrink along three axes: what runs, where it happens, and in which order."""

from __future__ import annotations

from forkfuzz.harness.result import RunResult
from forkfuzz.rules import Rules
from forkfuzz.scenarios.program import Program

from .attempt import Attempts
from .program import shrink_program
from .schedule import Shrunk, first_attempt, plainer_turns


def shrink(program: Program, rules: Rules, result: RunResult, signature: str) -> Shrunk:
    """Return the plainest run found, of the smallest program, with the violation.

    First threads and statements are left out, then pages and words, then preemptions
    and steps; a plainer schedule may need less of the program, so all of it is done
    again until nothing helps.

    Args:
        program: What ran.
        rules: Under which rules.
        result: The run to start from.
        signature: Identity of the violation to keep.

    Raises:
        InternalError: The run does not repeat.
    """
    attempts = Attempts(rules, signature)
    found = best = first_attempt(program, result, attempts)
    while not attempts.spent:
        before = best
        best = plainer_turns(shrink_program(best, attempts), attempts)
        if best.program == before.program and best.cost() >= before.cost():
            break
    return Shrunk.of(best, result, found.preemptions)
