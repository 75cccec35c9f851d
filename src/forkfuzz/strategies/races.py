"""Races: priorities that change at steps which can race, and nowhere else.

PCT changes priorities at a few of all steps, POS at every step that races. What most
bugs need lies between: a task is held back for long, from the right one of a few dozen
steps on. So each run of this strategy draws how many of the racing steps bring a
change, and what a change is: before the step the task in front falls back behind all
others, or after the step it draws its priority anew, and may stay in front.
"""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Task

from .chance import Chance
from .foremost import Priorities, foremost, workers
from .racing import RacingSteps

FALL_BACK = 0.875
"""In how many of the runs a change is to fall back."""

FALL_BACK_RATES = (0.03, 0.06, 0.12)
DRAW_ANEW_RATE = 0.3
"""At how many of the steps that can race there is a change."""

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
        self._falls_back = False
        self._rate = 0.0
        self._in_order = False
        self._priorities: Priorities = {}
        self._lowest = 0.0

    def begin(self) -> None:
        """Draw what the next run is like."""
        chance = self._chance
        chance.begin()
        self._racing.begin()
        self._falls_back = chance.random() < FALL_BACK
        drawn = FALL_BACK_RATES[chance.pick(len(FALL_BACK_RATES))]
        self._rate = drawn if self._falls_back else DRAW_ANEW_RATE
        self._in_order = chance.random() < IN_ORDER
        self._priorities = {}
        self._lowest = 0.0

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the task with the highest priority, or at times a daemon."""
        chosen = self._chance.daemon(runnable)
        if chosen < 0:
            chosen = self._choose(runnable)
        self._racing.step(runnable[chosen])
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._chance.pick(options)

    def _choose(self, runnable: Sequence[Task]) -> int:
        tasks = workers(runnable)
        chosen = foremost(tasks, self._priorities, self._first)
        task = runnable[chosen]
        if not self._racing.can_race(task) or self._chance.random() >= self._rate:
            return chosen
        if not self._falls_back:
            self._priorities[task.index] = self._chance.random()
            return chosen
        self._lowest -= 1.0
        self._priorities[task.index] = self._lowest
        return foremost(tasks, self._priorities, self._first)

    def _first(self, task: Task) -> float:
        """Return the priority of a task that has not had one in this run."""
        if self._in_order:
            return 1.0 + 1.0 / (1 + task.index)  # before all that are drawn
        return self._chance.random()
