"""Randomness as strategies use it: the same on every Python, and hardware's share."""

from __future__ import annotations

import random
from collections.abc import Sequence

from forkfuzz.engine import Task

_DAEMON_RATES = (0.0, 0.0625, 0.25)


class Chance:
    """One stream of random numbers, through all runs of a strategy.

    Args:
        seed: Where the stream starts.
    """

    def __init__(self, seed: int) -> None:
        # Only random() is promised to give the same numbers on every Python.
        self.random = random.Random(seed).random
        self._daemon_rate = 0.0

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

    def begin(self) -> None:
        """Draw the share of the steps that daemons take in the next run.

        A daemon is hardware that may act at any time. A strategy that lets the task in
        front go on would let it go on for ever, or never. So daemons take a random
        share of the steps instead, none at all in a third of the runs.
        """
        self._daemon_rate = _DAEMON_RATES[self.pick(len(_DAEMON_RATES))]

    def daemon(self, runnable: Sequence[Task]) -> int:
        """Return which daemon takes this step; -1 if another task does."""
        daemons = [i for i, task in enumerate(runnable) if task.daemon]
        if not daemons:
            return -1
        if len(daemons) < len(runnable) and self.random() >= self._daemon_rate:
            return -1
        return daemons[self.pick(len(daemons))]
