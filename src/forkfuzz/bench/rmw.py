"""rmw: N tasks that each add to one integer, by a read and a write with a point before.

The classic toy of interleaving testers. What makes it a yardstick is that everything
about it is known: with N = 2 tasks of five increments each (``rmw5``) the sum can be as
low as 2, and no run has more than 20 steps. ``rmw1`` is one increment in the middle of
ten steps, the others of which touch nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterable

import attrs

from forkfuzz.engine import Machine, Stop, Strategy, Task, point, reads, writes
from forkfuzz.search import Accesses, Names, Touch

READ = reads("counter")
WRITE = writes("counter")


@attrs.frozen
class Rmw:
    """The program.

    Attributes:
        tasks: How many tasks.
        increments: How many each makes.
        padding: Steps that touch nothing, before the first increment and after the last.
    """

    tasks: int
    increments: int = 5
    padding: int = 0

    def begin(self, strategy: Strategy) -> RmwTrial:
        """Set up a run."""
        return RmwTrial(self, strategy)

    def alike(self) -> list[range]:
        """Return that all tasks are."""
        return [range(self.tasks)]


class RmwTrial:
    """One run.

    Attributes:
        value: The integer.
    """

    def __init__(self, program: Rmw, strategy: Strategy) -> None:
        self.value = 0
        self.machine = Machine(strategy)
        self.names: Names = {RmwTrial: lambda _trial: "trial"}
        body = functools.partial(self._add, program.increments, program.padding)
        first = Stop("rmw:before") if program.padding else Stop("rmw:read", READ)
        for number in range(program.tasks):
            self.machine.spawn(f"T{number + 1}", body, first=first)

    async def _add(self, increments: int, padding: int) -> None:
        # When it is begun, a task stands at its first point already.
        for number in range(padding):
            if number:
                await point("rmw:before")
        for number in range(increments):
            if number or padding:
                await point("rmw:read", READ)
            seen = self.value
            await point("rmw:write", WRITE)
            self.value = seen + 1
            del seen  # or states would differ by what nobody reads any more
        for _ in range(padding):
            await point("rmw:after")

    def shared_state(self) -> Iterable[Hashable]:
        """Return the integer."""
        return (self.value,)

    def watch(self) -> None:
        """There is one object, and every step touches it."""

    def accesses(self, label: str = "") -> Accesses:
        """Return what the step touched."""
        touched: set[Touch] = {("counter",)}
        reads = touched if label == "rmw:read" else set()
        writes = touched if label == "rmw:write" else set()
        return reads, writes, set()

    def close(self) -> None:
        """Forget the tasks, which know this run."""
        vars(self.machine).clear()

    def held(self, task: Task) -> frozenset[str]:
        """There are no locks."""
        return frozenset()
