"""States as short tuples of numbers, equal if and only if the states are equal.

Every part of a state, the shared ones and the local one of each task, is stored once
and numbered in the order of first sight. Parts are compared in full: a number stands
for a value, not for a hash of it, so two different states never merge.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from forkfuzz.engine import Task

from .coroutine import CoroutineStates
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
        self._alike = trial.alike()
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

    def take(self) -> Fingerprint:
        """Return the fingerprint of the state that the run is in."""
        places = self.places
        tasks = [places[task.index] for task in self._trial.machine.tasks]
        for group in self._alike:
            for index, place in zip(
                group, sorted(tasks[index] for index in group), strict=True
            ):
                tasks[index] = place
        return (*tasks, *map(self._parts.number, self._trial.shared_state()))
