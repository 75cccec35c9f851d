"""POS: random priorities for steps, drawn anew for those that lost a race.

Where a random walk picks among tasks, POS orders the steps that conflict: each pending
step has a priority, and when one is taken, the pending steps that conflict with it get
new ones. So each order of two racing steps is as likely as the other, whatever else the
tasks do between.

Source: Yuan, Yang and Gu, "Partial Order Aware Concurrency Sampling", CAV 2018.
"""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Access, Task

from .chance import Chance
from .foremost import Priorities, foremost


class Pos:
    """Takes the pending step with the highest priority.

    A daemon's step counts as a race with all others: one that never ends could go
    before a task of low priority for ever.

    Args:
        seed: Where the stream of random numbers starts.
    """

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed)
        self._priorities: Priorities = {}

    def begin(self) -> None:
        """Forget the priorities of the last run."""
        self._priorities.clear()

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the foremost step, and let those that race with it draw again."""
        chosen = foremost(enumerate(runnable), self._priorities, self._draw)
        taken = runnable[chosen]
        self._priorities.pop(taken.index)
        for task in runnable:
            if taken.daemon or conflict(task.access, taken.access):
                self._priorities.pop(task.index, None)
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._chance.pick(options)

    def _draw(self, _task: Task) -> float:
        return self._chance.random()


def conflict(one: Access, other: Access) -> bool:
    """Return whether two steps touch the same object, and one may change it."""
    return one.obj == other.obj != "" and (one.write or other.write)
