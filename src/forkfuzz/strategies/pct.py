"""PCT: priorities, and a few random points at which the task in front falls back.

A bug of depth d needs d ordering constraints between steps. With n tasks and k steps,
one run finds it with a chance of at least 1/(n * k**(d-1)), however long a task has to
be delayed for it; that is where a random walk is hopeless.

Source: Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with
Probabilistic Guarantees of Finding Bugs", ASPLOS 2010.
"""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Task

from .chance import Chance
from .foremost import Priorities, foremost, workers
from .length import RunLength


class Pct:
    """Runs the task with the highest priority, which changes ``depth - 1`` times.

    Daemons have no priority, but a share of the steps.

    Args:
        seed: Where the stream of random numbers starts.
        depth: How many ordering constraints the bug is expected to need.
        length: Expected number of steps of a run; grows to the longest run seen.
    """

    def __init__(self, seed: int, depth: int = 3, length: int = 50) -> None:
        self._chance = Chance(seed)
        self._depth = depth
        self._run = RunLength(length)
        self._priorities: Priorities = {}
        self._changes: dict[int, float] = {}

    @property
    def length(self) -> int:
        """Over how many steps the changes of the next run are spread."""
        return self._run.length

    def begin(self) -> None:
        """Draw new priorities and changes, and which daemons are idle."""
        self._run.begin()
        self._priorities = {}
        # The i-th change leaves a task at priority i/depth: below every priority that
        # tasks begin with, which are 1 to 2, and in an order independent of time.
        self._changes = {
            self._chance.pick(self.length): i / self._depth
            for i in range(1, self._depth)
        }
        self._chance.begin()

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the task with the highest priority, or at times a daemon."""
        step = self._run.step()
        daemon = self._chance.daemon(runnable)
        if daemon >= 0:
            return daemon
        tasks = workers(runnable)
        chosen = foremost(tasks, self._priorities, self._first)
        if step in self._changes:
            self._priorities[runnable[chosen].index] = self._changes[step]
            chosen = foremost(tasks, self._priorities, self._first)
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._chance.pick(options)

    def _first(self, _task: Task) -> float:
        return 1.0 + self._chance.random()
