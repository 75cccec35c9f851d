"""When a search gives up, and which runs it leaves out on purpose.

Most errors of concurrent programs need few departures from a run in which nobody is
stopped. What counts as one is a matter of the bound. A *preemption* stops a task that
could go on; which of the others follows is free. A *delay* passes over a task where the
order of who goes next is fixed: the one that went last, and then around by number.

M. Musuvathi and S. Qadeer, Iterative Context Bounding for Systematic Testing of
Multithreaded Programs, PLDI 2007; M. Emmi, S. Qadeer and Z. Rakamaric, Delay-Bounded
Scheduling, POPL 2011.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from forkfuzz.engine import Task


@attrs.frozen(slots=True)
class Limits:
    """When to give up.

    Attributes:
        states: After so many different states.
        memory: In bytes, for what is kept of them; estimated.
        preemptions: How many a run may have; as many as there is occasion for if None.
        delays: The same for delays; not both.
    """

    states: int = 1_000_000
    memory: int = 8 << 30
    preemptions: int | None = None
    delays: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.preemptions is not None and self.delays is not None:
            msg = "a search is bounded by preemptions or by delays, not by both"
            raise ValueError(msg)

    @property
    def departures(self) -> int | None:
        """Return how often a run may depart from one in which nobody is stopped."""
        return self.delays if self.preemptions is None else self.preemptions

    def __str__(self) -> str:
        """Return the bound on departures in words."""
        kind = "preemption" if self.delays is None else "delay"
        return f"{self.departures} {kind}{'' if self.departures == 1 else 's'}"

    def first(self, runnable: Sequence[Task], stay: int, last: int) -> int:
        """Return who goes next in a run without departures.

        Args:
            runnable: Who can go.
            stay: Which of them took the last step, -1 if that one cannot go on.
            last: The index of the task that took the last step, -1 at the start.
        """
        if stay >= 0 or self.delays is None:
            return max(stay, 0)
        after = (i for i, task in enumerate(runnable) if task.index > last)
        return next(after, 0)

    def cost(self, option: int, first: int, options: int, stay: int) -> int:
        """Return how many departures it is to choose *option* instead of *first*."""
        if self.delays is not None:
            return (option - first) % options
        return int(option != first and stay >= 0)
