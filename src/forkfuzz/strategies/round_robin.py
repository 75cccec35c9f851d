"""Round robin: everyone in turn, the fairest and least surprising order."""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Task


class RoundRobin:
    """Gives each step to the next task in order of creation; outcomes are 0."""

    def __init__(self) -> None:
        self._last = -1

    def begin(self) -> None:
        """Start the next run with the task created first."""
        self._last = -1

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the first task created after the one that stepped last."""
        chosen = 0
        for index, task in enumerate(runnable):
            if task.index > self._last:
                chosen = index
                break
        self._last = runnable[chosen].index
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose the undramatic outcome."""
        return 0
