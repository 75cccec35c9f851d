"""States as short tuples of numbers, equal if and only if the states are equal.

Every part of a state, the shared ones and the local one of each task, is stored once
and numbered in the order of first sight. Parts are compared in full: a number stands
for a value, not for a hash of it, so two different states never merge.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from forkfuzz.engine import Task

from .coroutine import CoroutineStates
from .futures import Node
from .parked import ParkedRun
from .system import Trial

DONE = -1
UNBEGUN = -2

Fingerprint = tuple[int, ...]


class Parts:
    """Numbers the parts of states."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, part: Hashable) -> int:
        """Return the number of a part, the same for an equal one."""
        return self._numbers.setdefault(part, len(self._numbers))


class Symmetry:
    """Which tasks can be exchanged for each other.

    Args:
        groups: Their indices, group by group.
    """

    def __init__(self, groups: Sequence[Sequence[int]]) -> None:
        self._groups = groups
        self._first = {index: group[0] for group in groups for index in group}

    def node(self, index: int, place: int) -> Node:
        """Return where a task stands; the same for all that can be exchanged for it."""
        return self._first.get(index, index), place

    def state(self, places: Mapping[int, int], shared: int) -> Fingerprint:
        """Return the fingerprint of a state: where each task stands, what they share.

        Which of those that can be exchanged stands at which place is not part of it.
        """
        tasks = [places[index] for index in range(len(places))]
        for group in self._groups:
            standing = sorted([tasks[index] for index in group])
            for index, place in zip(group, standing, strict=True):
                tasks[index] = place
        return (*tasks, shared)


class Fingerprints:
    """Takes the fingerprints of the states of one run.

    Args:
        parts: Shared by all runs of a search.
        trial: The run.
        parked: Its coroutines.
        places: Local states of tasks that are known already, by their index.
    """

    def __init__(
        self, parts: Parts, trial: Trial, parked: ParkedRun, places: Mapping[int, int]
    ) -> None:
        self._parts = parts
        self._trial = trial
        self._parked = parked
        self._coroutines = CoroutineStates(trial.names)
        self.places = dict(places)

    def moved(self, task: Task) -> None:
        """Note that a task has taken a step."""
        self.places[task.index] = self._place(task)

    def look(self) -> None:
        """Find out where every task stands that is not known."""
        for task in self._trial.machine.tasks:
            if task.index not in self.places:
                self.places[task.index] = self._place(task)

    def _place(self, task: Task) -> int:
        if task.done:
            return DONE
        coroutine = self._parked.coroutines.get(task.index)
        if coroutine is None:
            return UNBEGUN
        return self._parts.number(self._coroutines.read(coroutine))

    def shared(self) -> int:
        """Return the number of the shared state that the run is in."""
        number = self._parts.number
        return number(tuple(map(number, self._trial.shared_state())))
