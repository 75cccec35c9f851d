"""The question a run asks at every point: who goes next?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .task import Task


class Strategy(Protocol):
    """Decides a run. One object may serve many runs, one after the other."""

    def begin(self) -> None:
        """Start the next run: forget what was particular to the last one."""
        ...

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose who takes the next step.

        Args:
            runnable: The tasks that can take one, in order of creation; never empty.
            stay: Index in *runnable* of the task that took the last step, or -1 if it
                cannot go on.

        Returns:
            An index into *runnable*.
        """
        ...

    def next_value(self, label: str, options: int) -> int:
        """Choose one of *options* outcomes of what hardware may do either way.

        Returns:
            A number from 0 to ``options - 1``; 0 is the undramatic outcome.
        """
        ...
