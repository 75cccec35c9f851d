"""How long runs are: strategies that act at chosen steps have to know."""

from __future__ import annotations


class RunLength:
    """Counts the steps of a run, and remembers the longest run.

    Args:
        expected: Steps of a run, before one was seen.
    """

    def __init__(self, expected: int) -> None:
        self._longest = expected
        self._steps = 0

    @property
    def length(self) -> int:
        """Return how many steps to expect of the next run."""
        return max(self._longest, self._steps)

    def begin(self) -> None:
        """Begin the next run."""
        self._longest = self.length
        self._steps = 0

    def step(self) -> int:
        """Return the number of this step, from 0, and count it."""
        step = self._steps
        self._steps = step + 1
        return step
