"""Stay: nobody is preempted."""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Task


class Stay:
    """Lets a task go on while it can, then the one created first; outcomes are 0."""

    def begin(self) -> None:
        """Start the next run; nothing is kept."""

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the current task."""
        return max(stay, 0)

    def next_value(self, label: str, options: int) -> int:
        """Choose the undramatic outcome."""
        return 0
