"""The run loop's memory: which tasks can run, what was decided, how the run ended.

No event loop is in here. A driver starts the tasks and moves them; each time a task
arrives at a point, it asks the machine who goes next. Both drivers therefore decide,
record and end a run by the same code.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, NoReturn

from forkfuzz.errors import InternalError, UsageError

from .observer import Observer
from .strategy import Strategy
from .task import Body, Stop, Task

CHOICE = -1
"""In place of a task's index: the decision chose an outcome, not a task."""

RawDecision = tuple[int, str, int, int]
"""(task index or CHOICE, label, number of options, value of a choice or 0)."""

running: ContextVar[Machine] = ContextVar("forkfuzz_running_machine")


class Outcome(enum.Enum):
    """How a run ended."""

    RUNNING = "running"
    FINISHED = "finished"
    DEADLOCK = "deadlock"
    LIVELOCK = "livelock"
    CANCELLED = "cancelled"
    FAILED = "failed"


def _no_driver() -> NoReturn:
    msg = "no driver is running this machine"
    raise UsageError(msg)


async def _has_run() -> None:
    msg = "this machine has been run before"
    raise UsageError(msg)


class Machine:
    """One run: its tasks, its strategy and everything decided so far.

    The decision is recorded before the step that it chose is taken, so that the
    decisions of a run that fails or is cancelled are whole up to there.

    Args:
        strategy: Who decides. Its ``begin`` has been called.
        max_steps: After so many steps the run ends as a livelock.
        observers: Told of every step.
    """

    def __init__(
        self,
        strategy: Strategy,
        *,
        max_steps: int = 5000,
        observers: Iterable[Observer] = (),
    ) -> None:
        self.tasks: list[Task] = []
        self.decisions: list[RawDecision] = []
        self.outcome = Outcome.RUNNING
        self.current: Task | None = None
        self.steps = 0
        self.park: Callable[[], Any] | None = _no_driver
        """Set by the driver: gives way to ``current`` and returns what to await until
        the next turn. None for yielding to whoever has sent the task on.
        """
        self.asks = False
        """Whether a task that comes to a point asks at once who goes next."""
        self.waits = False
        """Whether some task has stood at a point with a condition."""
        self._strategy = strategy
        self._next_task = strategy.next_task
        self._max_steps = max_steps
        self._on_step = [observer.on_step for observer in observers]
        self._names: set[str] = set()
        self._live: list[Task] = []
        self._waited_for = 0
        self.started = False

    def spawn(
        self,
        name: str,
        body: Body,
        *,
        kind: str = "thread",
        daemon: bool = False,
        first: Stop | None = None,
    ) -> Task:
        """Add a task; it takes its first step when a strategy chooses it.

        Args:
            name: Unique within the run.
            body: Makes the coroutine.
            kind: What sort of task it is; see `Task`.
            daemon: Whether the run may end before the task does.
            first: The point at which the task stands before *body* is called, which
                then begins with the step after it. Without it, what *body* does
                before its own first point happens when the run starts, in the order
                of creation; it must not touch anything shared.
        """
        if self.started:
            msg = f"cannot spawn {name!r}: the run has started"
            raise UsageError(msg)
        if name in self._names:
            msg = f"two tasks are named {name!r}"
            raise UsageError(msg)
        self._names.add(name)
        task = Task(len(self.tasks), name, kind, body, daemon)
        if first is not None:
            task.label, task.access, task.when = first.label, first.access, first.when
            task.stands = True
            self.waits |= first.when is not None
        self.tasks.append(task)
        return task

    # What follows is for drivers and for point().

    def start(self) -> Task | None:
        """Take the first decision, once every task stands at its first point."""
        self.begin()
        return self.advance()

    def begin(self) -> None:
        """Note that every task stands at its first point."""
        self.started = self.asks = True
        self.current = None  # reaching the first point was not a step
        self._live = [task for task in self.tasks if not task.done]
        self._waited_for = sum(not task.daemon for task in self._live)

    def finish(self, task: Task) -> Task | None:
        """Note that the task's coroutine has returned; return who goes next."""
        task.done = True
        if not self.started or self.outcome is not Outcome.RUNNING:
            return None
        self.leave(task)
        return self.advance()

    def leave(self, task: Task) -> None:
        """Note that the task takes no more steps."""
        # Another list, as a strategy may hold this one.
        self._live = [other for other in self._live if other is not task]
        if not task.daemon:
            self._waited_for -= 1

    def stop(self, outcome: Outcome) -> None:
        """End the run; the first outcome stands."""
        if self.outcome is Outcome.RUNNING:
            self.outcome = outcome
        self.current = None

    def release(self) -> None:
        """Let go of the bodies and of the driver, which may know this machine.

        A run that is in no cycle is freed as soon as it is dropped. Finding the cycles
        would take the garbage collector an eighth of the time of short runs.
        """
        self.park = _no_driver
        for task in self.tasks:
            task.body, task.handle = _has_run, None

    def choose(self, label: str, options: int) -> int:
        """Let the strategy pick one of *options* outcomes, and record it."""
        value = self._strategy.next_value(label, options)
        if not 0 <= value < options:
            msg = f"forkfuzz bug: strategy chose {value} of {options} at {label}"
            raise InternalError(msg)
        self.decisions.append((CHOICE, label, options, value))
        return value

    def advance(self) -> Task | None:
        """Choose the next task and account for its step; None ends the run."""
        last = self.current
        self.current = None
        if not self._waited_for:
            self.stop(Outcome.FINISHED)
            return None
        # The hot path: a comprehension and two scans in C beat one loop in Python.
        runnable = self._live
        if self.waits:
            runnable = [
                task for task in runnable if (when := task.when) is None or when()
            ]
        stay = runnable.index(last) if last in runnable else -1
        if not runnable:
            self.stop(Outcome.DEADLOCK)
            return None
        if self.steps >= self._max_steps:
            self.stop(Outcome.LIVELOCK)
            return None
        chosen = runnable[self._next_task(runnable, stay)]
        self.steps += 1
        self.decisions.append((chosen.index, chosen.label, len(runnable), 0))
        for on_step in self._on_step:
            on_step(chosen)
        self.current = chosen
        return chosen
