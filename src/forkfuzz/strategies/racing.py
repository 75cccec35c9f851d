"""Which steps can race, going by the runs so far.

Where a step cannot meet a conflicting one of another task, it makes no difference
whether the task goes on. A strategy that looks only at the other steps has fewer
decisions to get right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from forkfuzz.engine import Task

Place = tuple[str, bool, int]
"""An object, whether it is written, and by the task with which index."""


class RacingSteps:
    """Learns how often each task touches each object."""

    def __init__(self) -> None:
        self._most: dict[Place, int] = {}
        self._now: dict[Place, int] = {}
        self._places: dict[str, list[Place]] = {}
        self._rivals: dict[Place, list[Place]] = {}

    @property
    def known(self) -> bool:
        """Whether a run has ended."""
        return bool(self._most)

    def begin(self) -> None:
        """Begin the next run."""
        for place, count in self._now.items():
            if place not in self._most:
                self._places.setdefault(place[0], []).append(place)
                self._rivals.clear()
            self._most[place] = max(count, self._most.get(place, 0))
        self._now = {}

    def step(self, task: Task) -> None:
        """Take note of the step that a task is about to take."""
        place = place_of(task)
        if place[0]:
            self._now[place] = self._now.get(place, 0) + 1

    def will_race(self, task: Task) -> bool:
        """Return whether a conflicting step of another task is expected to come.

        No task is expected to touch an object more often than in any run before.
        """
        return self._will_race(place_of(task), self._now)

    def raced(self, steps: Iterable[Place]) -> Iterator[str]:
        """Yield the object of each step of a whole run that raced, going by all runs.

        Args:
            steps: Of one run, in order.
        """
        now: Counter[Place] = Counter()
        for place in steps:
            if self._will_race(place, now):
                yield place[0]
            now[place] += 1

    def _will_race(self, place: Place, now: Mapping[Place, int]) -> bool:
        most = self._most
        return any(now.get(rival, 0) < most[rival] for rival in self._rivals_of(place))

    def _rivals_of(self, place: Place) -> list[Place]:
        """Return what others do at the same object that conflicts."""
        rivals = self._rivals.get(place)
        if rivals is None:
            obj, write, index = place
            rivals = self._rivals[place] = [
                other
                for other in self._places.get(obj, ())
                if other[2] != index and (other[1] or write)
            ]
        return rivals


def place_of(task: Task) -> Place:
    """Return what a task's next step does."""
    return task.access.obj, task.access.write, task.index
