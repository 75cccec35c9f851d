"""A random strategy that is sometimes restless and sometimes not."""

from __future__ import annotations

import random
from collections.abc import Sequence

from forkfuzz.engine import Task


class Walk:
    """Mostly stays with a task, sometimes changes; how often differs by run."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._change = 1.0

    def begin(self) -> None:
        """Choose how restless this run is."""
        self._change = self._random.choice([1, 0.5, 0.25, 0.1, 0.04])

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Stay, or take any."""
        if stay >= 0 and self._random.random() > self._change:
            return stay
        return self._random.randrange(len(runnable))

    def next_value(self, label: str, options: int) -> int:
        """Take any."""
        return self._random.randrange(options)
