"""The plainest run that shows something: fewest preemptions, then fewest steps."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from forkfuzz.counting import counted
from forkfuzz.engine import Outcome, Schedule
from forkfuzz.harness.run import Run
from forkfuzz.harness.trial import ProgramSystem, ProgramTrial
from forkfuzz.rules import Rules, format_rules
from forkfuzz.scenarios.program import Program
from forkfuzz.search import ShortestSearch


@attrs.frozen(slots=True)
class Plainest:
    """A witness.

    Attributes:
        schedule: The whole run; its header names the program and the rules.
        steps: How many steps it takes until there is what was looked for.
        preemptions: How often a task is stopped that could have gone on. With fewer,
            nothing of the kind can be seen: every such run was looked at.
        states: How many states that took.
    """

    schedule: Schedule
    steps: int
    preemptions: int
    states: int

    def __str__(self) -> str:
        """Return how plain it is, and how sure that is."""
        text = (
            f"{counted(self.steps, 'step')}, {counted(self.preemptions, 'preemption')}"
        )
        if self.preemptions:
            text += f", none with fewer ({counted(self.states, 'state')})"
        return text


def plainest_violation(
    program: Program,
    rules: Rules,
    prop: str,
    *,
    signature: str = "",
    max_states: int = 200_000,
) -> Plainest | None:
    """Find the plainest run that breaks a property.

    Args:
        program: What to run; its TLBs fill and evict lazily.
        rules: Under which rules.
        prop: The property.
        signature: Identity of the violation, if not any of that property will do.
        max_states: How many states to look at, at most.

    Returns:
        None if there is none, or none within *max_states*.
    """
    spelled = format_rules(rules)

    def broken(trial: ProgramTrial, ended: bool) -> bool:  # noqa: FBT001
        run = trial.run
        found = run.result().violations if ended else run.violations()
        return any(
            violation.prop == prop and signature in ("", violation.signature(spelled))
            for violation in found
        )

    header = {"violates": prop}
    return _plainest(program, rules, broken, header, max_states)


def plainest_end(
    program: Program,
    rules: Rules,
    wanted: Callable[[Run], bool],
    *,
    max_states: int = 200_000,
) -> Plainest | None:
    """Find the plainest run that ends as wanted.

    Returns:
        None if there is none, or none within *max_states*.
    """

    def there(trial: ProgramTrial, ended: bool) -> bool:  # noqa: FBT001
        finished = trial.machine.outcome is Outcome.FINISHED
        return ended and finished and wanted(trial.run)

    return _plainest(program, rules, there, {}, max_states)


def _plainest(
    program: Program,
    rules: Rules,
    goal: Callable[[ProgramTrial, bool], bool],
    header: dict[str, str],
    max_states: int,
) -> Plainest | None:
    system = ProgramSystem(program, rules)
    found = ShortestSearch(system, goal, max_states).run()
    if found is None:
        return None
    header = {"scenario": program.name, "rules": format_rules(rules), **header}
    schedule = Schedule.of(found.decisions, found.task_names, header)
    return Plainest(schedule, found.steps, found.preemptions, found.states)
