"""Another strategy, asked only where it matters: at the steps that will race."""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Strategy, Task

from .racing import RacingSteps


class AtRaces:
    """Asks another strategy, but only who takes the next step that will race.

    A task whose next step will not goes on by itself; the one that went last first.

    Args:
        inner: Who decides where it matters.
    """

    def __init__(self, inner: Strategy) -> None:
        self._inner = inner
        self._racing = RacingSteps()

    def begin(self) -> None:
        """Start the next run."""
        self._racing.begin()
        self._inner.begin()

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose a task that will not race, or as the inner strategy does."""
        races = self._racing.will_race
        free = [i for i, t in enumerate(runnable) if not t.daemon and not races(t)]
        if not free:
            chosen = self._inner.next_task(runnable, stay)
        else:
            chosen = stay if stay in free else free[0]
        self._racing.step(runnable[chosen])
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose as the inner strategy does."""
        return self._inner.next_value(label, options)
