"""Races: priorities that change at steps which can race, and nowhere else.

PCT changes priorities at a few of all steps, POS at every step that races. What most
bugs need lies between: a task is held back for long, from the right one of a few dozen
steps on. So each run of this strategy draws how many of the racing steps bring a
change, and what a change is: before the step the task in front falls back behind all
others, or after the step it draws its priority anew, and may stay in front.

Hardware has moods: a coin says of each hardware task whether it is idle in the next
run. Many bugs of fork need an entry to stay in one CPU's TLB while another CPU's is
evicted; the more evictions there are, the fewer runs leave one alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Task

from .chance import Chance
from .racing import RacingSteps

FALL_BACK = 0.75
"""In how many of the runs a change is to fall back."""

FALL_BACK_RATES = (0.03, 0.06, 0.12)
DRAW_ANEW_RATE = 0.3
"""At how many of the steps that can race there is a change."""

IN_ORDER = 0.9
"""In how many of the runs tasks have their first turns in the order of creation."""

HARDWARE = 0.25
"""How many of the steps hardware takes, unless all of it is idle."""


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
        self._priorities: dict[int, float] = {}
        self._lowest = 0.0
        self._idle: dict[int, bool] = {}

    def begin(self) -> None:
        """Draw what the next run is like."""
        chance = self._chance
        self._racing.begin()
        self._falls_back = chance.random() < FALL_BACK
        drawn = FALL_BACK_RATES[chance.pick(len(FALL_BACK_RATES))]
        self._rate = drawn if self._falls_back else DRAW_ANEW_RATE
        self._in_order = chance.random() < IN_ORDER
        self._priorities = {}
        self._lowest = 0.0
        self._idle = {}

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose hardware at times, or else the task with the highest priority."""
        chosen = self._hardware(runnable)
        if chosen < 0:
            chosen = self._foremost(runnable)
            task = runnable[chosen]
            if self._racing.can_race(task) and self._chance.random() < self._rate:
                self._priorities[task.index] = self._changed()
                if self._falls_back:
                    chosen = self._foremost(runnable)
        self._racing.step(runnable[chosen])
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._chance.pick(options)

    def _changed(self) -> float:
        """Return the priority that the task in front has from now on."""
        if not self._falls_back:
            return self._chance.random()
        self._lowest -= 1.0
        return self._lowest

    def _foremost(self, runnable: Sequence[Task]) -> int:
        best, highest = 0, float("-inf")
        for i, task in enumerate(runnable):
            if task.daemon:
                continue
            priority = self._priorities.get(task.index)
            if priority is None:
                priority = self._priorities[task.index] = self._first(task)
            if priority > highest:
                best, highest = i, priority
        return best

    def _first(self, task: Task) -> float:
        """Return the priority of a task that has not had one in this run."""
        if self._in_order:
            return 1.0 + 1.0 / (1 + task.index)  # before all that are drawn
        return self._chance.random()

    def _hardware(self, runnable: Sequence[Task]) -> int:
        """Return which of the hardware takes this step; -1 if another task does."""
        alone = runnable[0].daemon and all(task.daemon for task in runnable)
        if not alone and self._chance.random() >= HARDWARE:
            return -1
        daemons = [i for i, task in enumerate(runnable) if task.daemon]
        busy = [i for i in daemons if not self._is_idle(runnable[i])]
        if alone:
            busy = busy or daemons
        return busy[self._chance.pick(len(busy))] if busy else -1

    def _is_idle(self, task: Task) -> bool:
        idle = self._idle.get(task.index)
        if idle is None:
            idle = self._idle[task.index] = self._chance.random() < 0.5
        return idle
