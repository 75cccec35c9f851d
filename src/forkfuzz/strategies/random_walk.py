"""Random walk: every runnable task with the same chance, at every step.

For bugs that need few exact steps this is a strong baseline; it hardly ever delays
one task for long.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from forkfuzz.engine import Task


class RandomWalk:
    """Chooses uniformly among the runnable tasks, and among outcomes.

    One stream of random numbers goes through all runs, so that each run differs and a
    seed stands for the whole sequence of them.

    Args:
        seed: Where the stream starts.
    """

    def __init__(self, seed: int) -> None:
        # Only random() is promised to give the same numbers on every Python.
        self._random = random.Random(seed).random

    def begin(self) -> None:
        """Start the next run; the stream goes on."""

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose any runnable task."""
        return int(self._random() * len(runnable))

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return int(self._random() * options)
