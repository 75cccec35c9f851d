"""The smallest and plainest form of a run: shrunk, proved, and as a litmus test."""

from __future__ import annotations

import attrs

from forkfuzz.engine import Schedule
from forkfuzz.errors import UsageError
from forkfuzz.exhaustive import certify
from forkfuzz.harness import RunResult
from forkfuzz.harness.trial import with_lazy_tlb
from forkfuzz.litmus import format_test, parse
from forkfuzz.rules import Rules, format_rules
from forkfuzz.scenarios import Program
from forkfuzz.shrink import Shrunk, again, shrink, shrink_schedule

TEST = "minimal.litmus"
"""Name of the test beside the schedule that is a run of it."""


@attrs.frozen(slots=True)
class Minimal:
    """A shrunk run, as it is stored.

    Attributes:
        shrunk: The run.
        test: The program as a litmus test; empty if it is that of the scenario, which
            no test can say.
    """

    shrunk: Shrunk
    test: str

    def schedule(self, header: dict[str, str]) -> Schedule:
        """Return the run as a schedule that says what it is for."""
        spec = {"scenario": TEST} if self.test else {}
        result = self.shrunk.result
        return Schedule.of(result.decisions, result.task_names, {**header, **spec})


def title_of(message: str) -> str:
    """Return the title of a stored run of a violation."""
    return message[:200].rstrip()


def minimize(
    program: Program, rules: Rules, result: RunResult, *, prop: str, signature: str
) -> Minimal:
    """Shrink a run along all axes, and look for the plainest run there is.

    Where the shrunk program cannot be written as a test, the schedule alone is shrunk.

    Args:
        program: What ran.
        rules: Under which rules.
        result: The run.
        prop: The property that it breaks.
        signature: Identity of the violation to keep.
    """
    shrunk = certify(shrink(program, rules, result, signature), rules, prop, signature)
    written = _as_test(shrunk, rules, prop, signature)
    if written is None:
        return Minimal(shrink_schedule(program, rules, result, signature), "")
    return written


def _as_test(shrunk: Shrunk, rules: Rules, prop: str, signature: str) -> Minimal | None:
    """Return the run as one of a litmus test, if there is such a test."""
    try:
        text = format_test(
            "minimal",
            shrunk.program,
            format_rules(rules),
            assertions=[f"violates {prop}"],
        )
    except UsageError:
        return None
    program = attrs.evolve(with_lazy_tlb(parse(text).program), name=shrunk.program.name)
    run = again(shrunk, program, rules, signature)
    return None if run is None else Minimal(run, text)
