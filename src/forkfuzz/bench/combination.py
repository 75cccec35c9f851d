"""A lock with a combination: six decisions of a run have to be just the right ones.

Eight tasks have something to do at each of 24 places; at six of these only one of the
tasks is the right one to go next. A random walk opens the lock in one of 8**6 = 262,144
runs. What tells that it is getting closer is how many of the six have been right so far,
so a search that keeps what reaches further, and varies it, needs far fewer.
"""

from __future__ import annotations

import functools

from forkfuzz.checkers import Severity, Violation
from forkfuzz.engine import Machine, Strategy, point, run_inline
from forkfuzz.harness import Feedback, RunResult, TargetSpec

TASKS = 8
PLACES = 24
WHEELS = {3: 5, 7: 2, 10: 6, 14: 1, 19: 4, 22: 7}
"""At which places which task has to go next."""


class Combination:
    """The lock, as something that a campaign can fuzz."""

    name = "combination"

    def run(self, strategy: Strategy, feedback: Feedback | None) -> RunResult:
        """Run once; the violation is that the lock opens."""
        strategy.begin()
        order: list[int] = []
        machine = Machine(strategy)
        for number in range(TASKS):
            machine.spawn(f"T{number}", functools.partial(_turn, number, order))
        run_inline(machine)
        right = _right(order)
        if feedback is not None and feedback.kinds:
            for reached in range(right + 1):
                feedback.buffer[reached] = 1
        violations = []
        if right == len(WHEELS):
            message = "the lock is open"
            violations = [Violation("lock.open", Severity.PROGRAM, message, PLACES, ())]
        names = tuple(task.name for task in machine.tasks)
        return RunResult(
            machine.outcome, tuple(violations), machine.decisions, names, machine.steps
        )

    def close(self) -> None:
        """Nothing is held."""


def open_combination(_spec: TargetSpec) -> Combination:
    """Open it as a campaign opens its targets."""
    return Combination()


async def _turn(number: int, order: list[int]) -> None:
    # Every task is there until the last place, so that each decision is among all.
    while len(order) < PLACES:
        await point("combination:turn")
        if len(order) < PLACES:
            order.append(number)


def _right(order: list[int]) -> int:
    """Return how many wheels are right before the first that is not."""
    count = 0
    for place, task in WHEELS.items():
        if order[place] != task:
            break
        count += 1
    return count
