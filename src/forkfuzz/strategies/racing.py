"""Which steps can race, going by the runs so far.

Where a step cannot meet a conflicting one of another task, it makes no difference
whether the task goes on. A strategy that looks only at the other steps, which are half
of those of a fork, has fewer decisions to get right.
"""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Strategy, Task

Place = tuple[str, bool, int]
"""An object, whether it is written, and by the task with which index."""


class RacingSteps:
    """Learns how often each task touches each object.

    Until a first run has ended every step counts as racing.
    """

    def __init__(self) -> None:
        self._most: dict[Place, int] = {}
        self._now: dict[Place, int] = {}
        self._places: dict[str, list[Place]] = {}
        self._can_race: dict[Place, bool] = {}

    def begin(self) -> None:
        """Begin the next run."""
        for place, count in self._now.items():
            if place not in self._most:
                self._places.setdefault(place[0], []).append(place)
                self._can_race.clear()
            self._most[place] = max(count, self._most.get(place, 0))
        self._now = {}

    def step(self, task: Task) -> None:
        """Take note of the step that a task is about to take."""
        place = _place(task)
        if place[0]:
            self._now[place] = self._now.get(place, 0) + 1

    def can_race(self, task: Task) -> bool:
        """Return whether another task's steps conflict with this one's next."""
        if not self._most:
            return True
        place = _place(task)
        can = self._can_race.get(place)
        if can is None:
            can = self._can_race[place] = bool(self._rivals(place))
        return can

    def will_race(self, task: Task) -> bool:
        """Return whether such a step is still to come, as far as one can tell.

        No task is expected to touch an object more often than in any run before.
        """
        if not self._most:
            return True
        now, most = self._now, self._most
        rivals = self._rivals(_place(task))
        return any(now.get(rival, 0) < most[rival] for rival in rivals)

    def _rivals(self, place: Place) -> list[Place]:
        """Return what others do at the object that conflicts."""
        obj, write, index = place
        return [
            rival
            for rival in self._places.get(obj, ())
            if rival[2] != index and (rival[1] or write)
        ]


def _place(task: Task) -> Place:
    return task.access.obj, task.access.write, task.index


class AtRaces:
    """Asks another strategy, but only who takes the next step that will race.

    A task whose next step will not goes on by itself; the one that went last first.

    Args:
        inner: Who decides where it matters.
    """

    def __init__(self, inner: Strategy) -> None:
        self._inner = inner
        self._racing = RacingSteps()

    def begin(self) -> None:
        """Start the next run."""
        self._racing.begin()
        self._inner.begin()

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose a task that will not race, or as the inner strategy does."""
        races = self._racing.will_race
        free = [i for i, t in enumerate(runnable) if not t.daemon and not races(t)]
        if not free:
            chosen = self._inner.next_task(runnable, stay)
        else:
            chosen = stay if stay in free else free[0]
        self._racing.step(runnable[chosen])
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose as the inner strategy does."""
        return self._inner.next_value(label, options)
