"""URW and SURW: every interleaving as likely as every other.

A random walk among tasks favours interleavings in which all end together. If a task is
chosen in proportion to the steps that it has left, all interleavings are equally likely
(URW). SURW does so for the steps on one object, drawn for each run, and leaves the
order of the others to chance: of all the ways in which tasks can meet at this object,
each has the same chance.

How many steps there are is learned from the runs before, the first of which is a random
walk.

Source: Zhao, Wolff, Mathur and Roychoudhury, "Selectively Uniform Concurrency Testing",
ASPLOS 2025.
"""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Task

from .chance import Chance
from .turns import ALL, StepCounts, Turns


class Urw:
    """Chooses a task in proportion to the steps that it has left.

    Args:
        seed: Where the stream of random numbers starts.
    """

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed)
        self._counts = StepCounts()

    def begin(self) -> None:
        """Take the last run for the measure of the next."""
        self._counts.begin()

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose by weight; a task beyond its expected end has the weight of a step."""
        weights = [self._counts.weight(task, ALL) for task in runnable]
        chosen = self._chance.by_weight(weights)
        self._counts.step(runnable[chosen])
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._chance.pick(options)


class Surw:
    """Orders the steps on one object uniformly, another object in each run.

    Args:
        seed: Where the stream of random numbers starts.
    """

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed)
        self._counts = StepCounts()
        self._turns = Turns(self._chance, self._counts)
        self._object = ALL

    def begin(self) -> None:
        """Draw the object whose steps are ordered."""
        self._counts.begin()
        self._turns.begin()
        met = self._counts.met()
        self._object = met[self._chance.pick(len(met))] if met else ALL

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose any task but those that would be at the object out of turn."""
        free = list(range(len(runnable)))
        if self._object:
            held = [i for i in free if self._is_held(runnable[i], runnable)]
            # If the intended task waits for one of those held, the order was not one.
            free = [i for i in free if i not in held] or held
        chosen = free[self._chance.pick(len(free))]
        self._turns.taken(runnable[chosen])
        self._counts.step(runnable[chosen])
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._chance.pick(options)

    def _is_held(self, task: Task, tasks: Sequence[Task]) -> bool:
        return task.access.obj == self._object and self._turns.is_held(task, tasks)
