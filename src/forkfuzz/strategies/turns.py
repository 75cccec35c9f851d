"""Whose turn it is at an object, so that every order of the steps there is as likely."""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Task

from .chance import Chance

ALL = ""
"""In place of an object's name: every step."""

NOBODY = -1
"""In place of a task's index: whoever comes."""


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


class Turns:
    """Who is to go next at each object, drawn in proportion to the steps left there.

    Args:
        chance: Where the draws come from.
        counts: How many steps are left.
    """

    def __init__(self, chance: Chance, counts: StepCounts) -> None:
        self._chance = chance
        self._counts = counts
        self._next: dict[str, int] = {}

    def begin(self) -> None:
        """Begin the next run."""
        self._next = {}

    def is_held(self, task: Task, tasks: Sequence[Task]) -> bool:
        """Return whether it is another task's turn where this one is about to step.

        Args:
            task: One of *tasks*; its next step is on an object.
            tasks: Those that can step now. Nobody waits for one that is not among them.
        """
        obj = task.access.obj
        index = self._next.get(obj, NOBODY)
        if all(other.index != index for other in tasks):
            index = self._next[obj] = self._draw(obj, tasks)
        return index not in (NOBODY, task.index)

    def taken(self, task: Task) -> None:
        """Take note that a task takes its step now: the next turn is open."""
        self._next.pop(task.access.obj, None)

    def _draw(self, obj: str, tasks: Sequence[Task]) -> int:
        weights = [max(self._counts.left(task, obj), 0) for task in tasks]
        if not any(weights):  # more steps than last time
            return NOBODY
        return tasks[self._chance.by_weight(weights)].index
