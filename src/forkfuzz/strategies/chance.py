"""Randomness as strategies use it: the same on every Python, and hardware's share."""

from __future__ import annotations

import random
from collections.abc import Sequence

from forkfuzz.engine import Task

DAEMON_SHARE = 0.4
"""How many of the steps daemons take, unless all of them are idle."""

IDLE = 0.5
"""In how many of the runs each of them is idle."""


class Chance:
    """One stream of random numbers, through all runs of a strategy.

    Args:
        seed: Where the stream starts.
    """

    def __init__(self, seed: int) -> None:
        # Only random() is promised to give the same numbers on every Python.
        self.random = random.Random(seed).random
        self._idle: dict[int, bool] = {}
        self._idleness = IDLE
        self._daemon_share = DAEMON_SHARE

    def pick(self, count: int) -> int:
        """Return a number from 0 to ``count - 1``, each with the same chance."""
        return int(self.random() * count)

    def by_weight(self, weights: Sequence[float]) -> int:
        """Return an index, each with a chance in proportion to its weight."""
        ticket = self.random() * sum(weights)
        for i, weight in enumerate(weights):
            ticket -= weight
            if ticket < 0:
                return i
        return len(weights) - 1

    def begin(self, idle: float = IDLE, daemon_share: float = DAEMON_SHARE) -> None:
        """Let the daemons draw again who of them is idle in the next run.

        A daemon is hardware that may act at any time. A strategy that lets the task in
        front go on would let it go on for ever, or never. So daemons have a share of
        the steps instead; but many bugs need one of them, a CPU's TLB, to be left alone
        while another is busy, so a coin says of each whether it is idle.

        Args:
            idle: The chance of that.
            daemon_share: How many of the next run's steps daemons take.
        """
        self._idle = {}
        self._idleness = idle
        self._daemon_share = daemon_share

    def daemon(self, runnable: Sequence[Task]) -> int:
        """Return which daemon takes this step; -1 if another task does."""
        alone = runnable[0].daemon and all(task.daemon for task in runnable)
        if not alone and self.random() >= self._daemon_share:
            return -1
        daemons = [i for i, task in enumerate(runnable) if task.daemon]
        busy = [i for i in daemons if not self._is_idle(runnable[i])]
        if alone:
            busy = busy or daemons
        return busy[self.pick(len(busy))] if busy else -1

    def _is_idle(self, task: Task) -> bool:
        idle = self._idle.get(task.index)
        if idle is None:
            idle = self._idle[task.index] = self.random() < self._idleness
        return idle
