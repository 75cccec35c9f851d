"""Races: the order of the steps that can race is drawn, in two ways by turns.

Many of a run's steps cannot race, so that it makes no difference who takes them. Left
to themselves tasks go on as far as they can, one in front of the other. Of two runs,

- one deals turns: a coin says of each object whether it is drawn who steps there next,
  in proportion to the steps that tasks have left there. Nearly any order of racing
  steps can come of it; it finds what needs tasks to move along together. Who is in
  front at the other objects is drawn too, every second time.
- the other has a single change: after one of the steps that will race the task in front
  falls back behind all others, which go in the order of their creation. It finds what
  needs a task to be held back for long while the others go on undisturbed.

How many steps there are, and which of them race, is learned from the runs before; the
first is a random walk.
"""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Task

from .chance import Chance
from .foremost import Priorities, foremost, workers
from .length import RunLength
from .racing import RacingSteps
from .turns import StepCounts, Turns

DEALT = 0.5
"""At how many of the objects turns are dealt; at the others whoever is in front goes."""

IN_ORDER = 0.5
"""In how many of these runs those created first are in front.

Otherwise the order is drawn: turns at different objects are dealt independently of each
other, so they seldom have one whole task before another that was created earlier.
"""

LEARNING = 3
"""So many runs deal turns before there is one with a change: until then not much is
known of which steps race.
"""

NEVER = -1
"""In place of the number of a step."""


class Races:
    """Draws the order of racing steps; see the module.

    Args:
        seed: Where the stream of random numbers starts.
    """

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed)
        self._racing = RacingSteps()
        self._races = RunLength(0)
        self._counts = StepCounts()
        self._turns = Turns(self._chance, self._counts)
        self._runs = 0
        self._deals = True
        self._dealt: dict[str, bool] = {}
        self._in_order = True
        self._change = NEVER
        self._priorities: Priorities = {}

    def begin(self) -> None:
        """Draw what the next run is like."""
        self._chance.begin()
        self._racing.begin()
        self._races.begin()
        self._priorities = {}
        self._change = NEVER
        self._runs += 1
        self._deals = self._runs <= LEARNING or self._runs % 2 == 1
        if self._deals:
            self._counts.begin()
            self._turns.begin()
            self._dealt = {}
            self._in_order = self._chance.random() < IN_ORDER
        else:
            self._in_order = True
            self._change = self._chance.pick(self._races.length)

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the task in front of those whose turn it is, or at times a daemon."""
        chosen = self._choose(runnable)
        task = runnable[chosen]
        if self._deals:
            self._turns.taken(task)
            self._counts.step(task)
        self._racing.step(task)
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._chance.pick(options)

    def _choose(self, runnable: Sequence[Task]) -> int:
        """Return the place of the task that goes next."""
        if not self._racing.known:
            return self._chance.pick(len(runnable))
        chosen = self._chance.daemon(runnable)
        if chosen < 0:
            tasks = workers(runnable)
            if self._deals:
                tasks = self._in_turn(tasks)
            chosen = foremost(tasks, self._priorities, self._first)
            self._count(runnable[chosen])
        return chosen

    def _count(self, task: Task) -> None:
        """Count racing steps; after the one that was drawn the task falls back."""
        if self._racing.will_race(task) and self._races.step() == self._change:
            self._priorities[task.index] = 0.0  # behind all

    def _in_turn(self, tasks: list[tuple[int, Task]]) -> list[tuple[int, Task]]:
        """Return those of the tasks that are not held; all of them if all are."""
        rivals = [task for _place, task in tasks]
        return [
            (place, task)
            for place, task in tasks
            if not self._deals_at(task.access.obj)
            or not self._turns.is_held(task, rivals)
        ] or tasks

    def _deals_at(self, obj: str) -> bool:
        """Return whether turns are dealt at an object in this run."""
        dealt = self._dealt.get(obj)
        if dealt is None:
            dealt = self._dealt[obj] = bool(obj) and self._chance.random() < DEALT
        return dealt

    def _first(self, task: Task) -> float:
        """Return the priority that a task has to begin with, above zero."""
        if self._in_order:
            return 1.0 / (1 + task.index)
        return 1.0 - self._chance.random()
