"""The nearest run that does not go wrong: what a failing one is best compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forkfuzz.engine import CHOICE, Outcome, RawDecision, Schedule, Task
from forkfuzz.harness.result import RunResult
from forkfuzz.harness.run import Run
from forkfuzz.rules import Rules
from forkfuzz.scenarios.program import Program
from forkfuzz.strategies import Replay, Stay

STEPS = 60_000
"""Runs are tried until they have taken so many steps, which takes a second or two."""


def nearest_passing(
    program: Program, rules: Rules, result: RunResult
) -> RunResult | None:
    """Return a clean run that has as much in common with a failing one as can be.

    It takes the same decisions but for one, as late as possible; from there on no
    task is preempted, and outcomes are undramatic.

    Args:
        program: What was run.
        rules: Under which rules.
        result: The failing run, whole.

    Returns:
        None if there is no violation, or no such run among those tried.
    """
    violation = result.headline()
    if violation is None:
        return None
    decisions = Schedule.of(result.decisions, result.task_names).decisions
    last = _decision_of_step(result.decisions, violation.step)
    steps = 0
    for position, answer in _turns(result.decisions, last):
        strategy = Replay(decisions[:position], then=_Turn(answer))
        strategy.begin()
        other = Run(program, rules, strategy).execute()
        if other.outcome is Outcome.FINISHED and not other.violations:
            return other
        steps += other.steps
        if steps > STEPS:
            break
    return None


def _decision_of_step(decisions: Sequence[RawDecision], step: int) -> int:
    """Return where the decision is that chose a step, counted from 1."""
    steps = [i for i, (task, *_) in enumerate(decisions) if task != CHOICE]
    return steps[min(step, len(steps)) - 1]


def _turns(decisions: Sequence[RawDecision], last: int) -> Iterator[tuple[int, int]]:
    """Return where to turn off, and which answer to give there, the latest first."""
    for position in range(last, -1, -1):
        _, _, options, _ = decisions[position]
        for answer in range(options if options > 1 else 0):
            yield position, answer


class _Turn(Stay):
    """Gives one answer, then stays with whoever has begun."""

    def __init__(self, answer: int) -> None:
        self._answer: int | None = answer

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Give the answer; afterwards let the current task go on."""
        return self._take(super().next_task(runnable, stay))

    def next_value(self, label: str, options: int) -> int:
        """Give the answer; afterwards pick the undramatic outcome."""
        return self._take(super().next_value(label, options))

    def _take(self, otherwise: int) -> int:
        answer, self._answer = self._answer, None
        return otherwise if answer is None else answer
