"""Dealt turns: SURW at many objects at once.

A coin says of each object whether it is drawn who steps there next, in proportion to
the steps that tasks have left there. Elsewhere tasks go on as far as they can, one in
front of the other, and now and then the one that goes on falls back behind all others.
So nearly any order of the steps at a few objects can come of it.

How many steps there are is learned from the run before. In the first a task is chosen
in proportion to all the steps that it has left, as URW does, if a run of another
strategy has shown them; else it is a random walk.
"""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Task

from .chance import Chance
from .foremost import Priorities, foremost, workers
from .turns import ALL, StepCounts, Turns

DEALT = 2 / 3
"""At how many of the objects turns are dealt; at the others whoever is in front goes."""

IN_ORDER = 0.75
"""In how many of the runs those created first are in front.

Otherwise the order is drawn: turns at different objects are dealt independently of each
other, so they seldom have one whole task before another that was created earlier.
"""

FALLS_BACK = 1 / 100
"""After how many of its steps a task falls back behind all others.

In a long run tasks would hardly ever be half done at the same time without it.
"""


class DealtTurns:
    """Deals out whose turn it is at some of the objects; see the module.

    Args:
        chance: Where the draws come from.
    """

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._counts = StepCounts()
        self._turns = Turns(chance, self._counts)
        self._is_first = True
        self._is_blind = True
        self._dealt: dict[str, bool] = {}
        self._in_order = True
        self._priorities: Priorities = {}

    def begin(self) -> None:
        """Take the last run for the measure of the next, and deal anew."""
        self._chance.begin()
        self._counts.begin()
        self._turns.begin()
        self._is_blind = self._is_first or not self._counts.met()
        self._is_first = False
        self._dealt = {}
        self._in_order = self._chance.random() < IN_ORDER
        self._priorities = {}

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the task in front of those whose turn it is, or at times a daemon."""
        chosen = self._choose(runnable)
        self._turns.taken(runnable[chosen])
        self._counts.step(runnable[chosen])
        return chosen

    def watch(self, task: Task) -> None:
        """Count a step of a run that another strategy decides."""
        self._counts.step(task)

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._chance.pick(options)

    def _choose(self, runnable: Sequence[Task]) -> int:
        if self._is_blind:
            weights = [self._counts.weight(task, ALL) for task in runnable]
            return self._chance.by_weight(weights)
        chosen = self._chance.daemon(runnable)
        if chosen < 0:
            chosen = self._in_turn(workers(runnable))
            if self._chance.random() < FALLS_BACK:
                last = min(self._priorities.values())
                self._priorities[runnable[chosen].index] = last - 1
        return chosen

    def _in_turn(self, tasks: list[tuple[int, Task]]) -> int:
        """Return the place of the one in front of those whose turn it is, or of all."""
        waiting = dict(tasks)
        rivals = list(waiting.values())
        while waiting:
            place = foremost(waiting.items(), self._priorities, self._first)
            task = waiting.pop(place)
            if not self._deals_at(task.access.obj):
                return place
            if not self._turns.is_held(task, rivals):
                return place
        return foremost(tasks, self._priorities, self._first)

    def _deals_at(self, obj: str) -> bool:
        """Return whether turns are dealt at an object in this run."""
        dealt = self._dealt.get(obj)
        if dealt is None:
            dealt = self._dealt[obj] = bool(obj) and self._chance.random() < DEALT
        return dealt

    def _first(self, task: Task) -> float:
        """Return the priority that a task has to begin with."""
        return -task.index if self._in_order else self._chance.random()
