"""Races: priorities that change at steps which can race, and nowhere else.

PCT changes priorities at a few of all steps, POS at every step that races. What most
bugs need lies between: a task is held back for long, from the right one of a few dozen
steps on. So each run of this strategy draws how many of the racing steps bring a
change: after such a step the task in front draws its priority anew.

Tasks mostly have their first turns in the order of creation, before all that draw: a
task that is held back then waits for whoever has not begun, and the others go far.
"""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Task

from .chance import Chance
from .foremost import Priorities, foremost, workers
from .length import RunLength
from .racing import RacingSteps

RATES = (0.02, 0.05, 0.1)
"""At how many of the steps that can race there is a change; at one of them, on average,
where that would be less.
"""

IN_ORDER = 0.95
"""In how many of the runs tasks have their first turns in the order of creation."""


class Races:
    """Runs the task with the highest priority, which changes where steps race.

    Args:
        seed: Where the stream of random numbers starts.
    """

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed)
        self._racing = RacingSteps()
        self._races = RunLength(0)
        self._rate = 0.0
        self._in_order = False
        self._priorities: Priorities = {}

    def begin(self) -> None:
        """Draw what the next run is like."""
        chance = self._chance
        chance.begin()
        self._racing.begin()
        self._races.begin()
        self._rate = RATES[chance.pick(len(RATES))]
        if self._races.length:
            self._rate = max(self._rate, 1 / self._races.length)
        self._in_order = chance.random() < IN_ORDER
        self._priorities = {}

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the task with the highest priority, or at times a daemon."""
        chosen = self._chance.daemon(runnable)
        if chosen < 0:
            chosen = foremost(workers(runnable), self._priorities, self._first)
            self._change(runnable[chosen])
        self._racing.step(runnable[chosen])
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._chance.pick(options)

    def _change(self, task: Task) -> None:
        if not self._racing.can_race(task):
            return
        if self._racing.known:
            self._races.step()
        if self._chance.random() < self._rate:
            self._priorities[task.index] = self._chance.random()

    def _first(self, task: Task) -> float:
        """Return the priority of a task that has not had one in this run."""
        if self._in_order:
            return 1.0 + 1.0 / (1 + task.index)  # before all that are drawn
        return self._chance.random()
