"""Random runs with a few preemptions, or a few delays, and otherwise none.

Most errors need one or two departures from a run in which nobody is stopped. These
strategies draw at which steps they are. What a preemption is, and what a delay, is told
in `forkfuzz.search.bounds`, which looks at all such runs where this takes samples.

Sources: Musuvathi and Qadeer, PLDI 2007; Emmi, Qadeer and Rakamaric, POPL 2011.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from forkfuzz.engine import Task

from .chance import Chance
from .length import RunLength


class _Bounded(ABC):
    """Lets the task in front go on, but for a few steps."""

    def __init__(self, seed: int, bound: int, length: int = 50) -> None:
        self._chance = Chance(seed)
        self._bound = bound
        self._run = RunLength(length)
        self._departures: list[int] = []
        self._last = -1

    def begin(self) -> None:
        """Draw the steps at which to depart, of which there may be fewer."""
        self._run.begin()
        self._chance.begin()
        self._departures = [
            self._chance.pick(self._run.length) for _ in range(self._bound)
        ]
        self._last = -1

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the task that went last, or another one at a departure."""
        step = self._run.step()
        daemon = self._chance.daemon(runnable)
        if daemon >= 0:
            return daemon
        tasks = [i for i, task in enumerate(runnable) if not task.daemon]
        last = [i for i in tasks if runnable[i].index == self._last]
        front = last[0] if last else self._follow(runnable, tasks)
        for _ in range(self._departures.count(step)):
            front = self._depart(tasks, front)
        self._last = runnable[front].index
        return front

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._chance.pick(options)

    @abstractmethod
    def _follow(self, runnable: Sequence[Task], tasks: Sequence[int]) -> int:
        """Return who goes on when the last one cannot."""

    @abstractmethod
    def _depart(self, tasks: Sequence[int], front: int) -> int:
        """Return who goes on in the place of the one in front."""


class PreemptionBounded(_Bounded):
    """Stops a task that could go on only a few times; who follows is drawn.

    Args:
        seed: Where the stream of random numbers starts.
        bound: How often, at most.
        length: Expected number of steps of a run; grows to the longest run seen.
    """

    def __init__(self, seed: int, bound: int = 2, length: int = 50) -> None:
        super().__init__(seed, bound, length)

    def _follow(self, runnable: Sequence[Task], tasks: Sequence[int]) -> int:
        return tasks[self._chance.pick(len(tasks))]

    def _depart(self, tasks: Sequence[int], front: int) -> int:
        others = [i for i in tasks if i != front] or [front]
        return others[self._chance.pick(len(others))]


class DelayBounded(_Bounded):
    """Passes over a task only a few times; who follows is fixed, around by number.

    Args:
        seed: Where the stream of random numbers starts.
        bound: How often, at most.
        length: Expected number of steps of a run; grows to the longest run seen.
    """

    def __init__(self, seed: int, bound: int = 3, length: int = 50) -> None:
        super().__init__(seed, bound, length)

    def _follow(self, runnable: Sequence[Task], tasks: Sequence[int]) -> int:
        after = [i for i in tasks if runnable[i].index > self._last]
        return (after or tasks)[0]

    def _depart(self, tasks: Sequence[int], front: int) -> int:
        return tasks[(tasks.index(front) + 1) % len(tasks)]
