"""Sticky walk: stays with a task for a while, then goes on by the steps left.

Some bugs need a task to be left alone for long, others need all tasks to move along
together. A run of this strategy has a rate of switches, from a few to one at every
step, and gives each switch to a task in proportion to the steps that it has left, as
URW does; so it has something of both.
"""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Task

from .chance import Chance
from .uniform import ALL, StepCounts

RATES = (1.0, 0.5, 0.25, 0.1, 0.04)
"""Shares of the steps at which a run looks for another task."""


class Sticky:
    """Goes on with the same task, but for a share of the steps.

    Daemons have a share of the steps of their own.

    Args:
        seed: Where the stream of random numbers starts.
    """

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed)
        self._counts = StepCounts()
        self._rate = 1.0
        self._last = -1

    def begin(self) -> None:
        """Draw the rate of switches, and the daemons' share."""
        self._counts.begin()
        self._chance.begin()
        self._rate = RATES[self._chance.pick(len(RATES))]
        self._last = -1

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the task that went last, mostly, or another one by weight."""
        daemon = self._chance.daemon(runnable)
        if daemon >= 0:
            self._counts.step(runnable[daemon])
            return daemon
        tasks = [i for i, task in enumerate(runnable) if not task.daemon]
        last = [i for i in tasks if runnable[i].index == self._last]
        if last and self._chance.random() >= self._rate:
            chosen = last[0]
        else:
            weights = [self._counts.weight(runnable[i], ALL) for i in tasks]
            chosen = tasks[self._chance.by_weight(weights)]
        task = runnable[chosen]
        self._last = task.index
        self._counts.step(task)
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._chance.pick(options)
