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

ALL = ""
"""In place of an object's name: every step."""


class StepCounts:
    """How many steps each task takes on each object, and in all.

    Attributes:
        before: Those of the last run, by object and index of the task.
    """

    def __init__(self) -> None:
        self.before: dict[str, dict[int, int]] = {}
        self._now: dict[str, dict[int, int]] = {}

    def begin(self) -> None:
        """Begin the next run."""
        if self._now:
            self.before, self._now = self._now, {}

    def step(self, task: Task) -> None:
        """Count the step that a task is about to take."""
        obj = task.access.obj
        for name in (ALL, obj) if obj else (ALL,):
            counts = self._now.setdefault(name, {})
            counts[task.index] = counts.get(task.index, 0) + 1

    def met(self) -> list[str]:
        """Return the objects that more than one task touched, sorted."""
        return sorted(o for o, tasks in self.before.items() if o and len(tasks) > 1)

    def left(self, task: Task, obj: str) -> int:
        """Return how many steps on *obj* the task will take, going by the last run."""
        taken = self._now.get(obj, {}).get(task.index, 0)
        return self.before.get(obj, {}).get(task.index, 0) - taken

    def weight(self, task: Task, obj: str) -> int:
        """Return the same as a weight: at least 1, and 1 before anything is known."""
        return max(self.left(task, obj), 1)


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
        self._object = ALL
        self._intended = -1

    def begin(self) -> None:
        """Draw the object whose steps are ordered."""
        self._counts.begin()
        met = self._counts.met()
        self._object = met[self._chance.pick(len(met))] if met else ALL
        self._intended = -1

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose any task but those that would be at the object out of turn."""
        free = list(range(len(runnable)))
        if self._object:
            self._intend(runnable)
            held = [i for i in free if self._is_held(runnable[i])]
            # If the intended task waits for one of those held, the order was not one.
            free = [i for i in free if i not in held] or held
        chosen = free[self._chance.pick(len(free))]
        task = runnable[chosen]
        if self._object and task.access.obj == self._object:
            self._intended = -1
        self._counts.step(task)
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._chance.pick(options)

    def _intend(self, runnable: Sequence[Task]) -> None:
        """Draw who is the next at the object, unless that is known."""
        if self._intended >= 0 and any(t.index == self._intended for t in runnable):
            return
        weights = [max(self._counts.left(task, self._object), 0) for task in runnable]
        self._intended = -1
        if any(weights):
            self._intended = runnable[self._chance.by_weight(weights)].index

    def _is_held(self, task: Task) -> bool:
        at_it = task.access.obj == self._object
        return at_it and self._intended >= 0 and task.index != self._intended
