"""PCT: priorities, and a few random points at which the task in front falls back.

A bug of depth d needs d ordering constraints between steps. With n tasks and k steps,
one run finds it with a chance of at least 1/(n * k**(d-1)), however long a task has to
be delayed for it; that is where a random walk is hopeless.

Source: Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with
Probabilistic Guarantees of Finding Bugs", ASPLOS 2010.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from forkfuzz.engine import Task

_DAEMON_RATES = (0.0, 0.0625, 0.25)


class Pct:
    """Runs the task with the highest priority, which changes ``depth - 1`` times.

    A daemon (hardware that may act at any time) would starve all others if it held
    the highest priority. It has none: in each run daemons take a random share of the
    steps instead, none at all in a third of the runs.

    Args:
        seed: Where the stream of random numbers starts.
        depth: How many ordering constraints the bug is expected to need.
        length: Expected number of steps of a run; grows to the longest run seen.
    """

    def __init__(self, seed: int, depth: int = 3, length: int = 50) -> None:
        self._random = random.Random(seed).random
        self._depth = depth
        self._length = length
        self._priorities: dict[int, float] = {}
        self._changes: dict[int, float] = {}
        self._steps = 0
        self._daemon_rate = 0.0

    @property
    def length(self) -> int:
        """Over how many steps the changes of the next run are spread."""
        return max(self._length, self._steps)

    def begin(self) -> None:
        """Draw new priorities, changes and the daemons' share."""
        self._length = self.length
        self._steps = 0
        self._priorities = {}
        # The i-th change leaves a task at priority i/depth: below every priority that
        # tasks begin with, which are 1 to 2, and in an order independent of time.
        self._changes = {
            self._pick(self._length): i / self._depth for i in range(1, self._depth)
        }
        self._daemon_rate = _DAEMON_RATES[self._pick(len(_DAEMON_RATES))]

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the task with the highest priority, or at times a daemon."""
        step = self._steps
        self._steps = step + 1
        tasks = [i for i, task in enumerate(runnable) if not task.daemon]
        daemons = [i for i, task in enumerate(runnable) if task.daemon]
        if not tasks or (daemons and self._random() < self._daemon_rate):
            return daemons[self._pick(len(daemons))]
        chosen = self._foremost(runnable, tasks)
        if step in self._changes:
            self._priorities[runnable[chosen].index] = self._changes[step]
            chosen = self._foremost(runnable, tasks)
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._pick(options)

    def _foremost(self, runnable: Sequence[Task], among: Sequence[int]) -> int:
        best, best_priority = among[0], -1.0
        for i in among:
            index = runnable[i].index
            priority = self._priorities.get(index)
            if priority is None:
                priority = self._priorities[index] = 1.0 + self._random()
            if priority > best_priority:
                best, best_priority = i, priority
        return best

    def _pick(self, count: int) -> int:
        return int(self._random() * count)
