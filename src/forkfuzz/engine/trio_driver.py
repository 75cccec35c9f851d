"""The Trio driver: every model task is a Trio task, as `trio_run` says.

`run_trio` runs one machine inside a Trio program. `TrioHost` is for callers that are
not Trio programs, above all a fuzzing engine that calls us once for each input: one
Trio run, in guest mode, lives across all executions, and so do its tasks. Starting
either for each execution would cost more than the execution.
"""

from __future__ import annotations

import contextvars
import signal
from collections import deque
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

import trio

from forkfuzz.errors import InternalError

from .machine import Machine, Outcome, running
from .task import Task
from .trio_run import TrioRun


async def run_trio(machine: Machine) -> None:
    """Run *machine* to its end in a nursery of its own.

    Raises:
        BaseException: Whatever a task raised, alone or, if the surrounding scope was
            cancelled, Trio's ``Cancelled``. ``machine.decisions`` is whole up to the
            last step chosen, and no task is left behind.
    """
    token = running.set(machine)
    try:
        async with trio.open_nursery() as nursery:
            run = TrioRun(machine, nursery)
            run.begin()
    except BaseException:
        # A task's failure does not come this way, so it is from the surroundings.
        machine.stop(Outcome.CANCELLED)
        raise
    finally:
        machine.release()
        running.reset(token)
    if run.failure is not None:
        raise run.failure


class _Crew:
    """Trio tasks that play the tasks of one run after the other.

    Starting a Trio task costs as much as several switches. These wait for their next
    part instead, and play each with a context of its own.

    Args:
        nursery: Of the Trio tasks; once it is cancelled, the crew is of no more use.
        finished: Called when everybody who played in a run has left it.

    Attributes:
        playing: How many have not left the run.
    """

    def __init__(self, nursery: trio.Nursery, finished: Callable[[], None]) -> None:
        self.nursery = nursery
        self.playing = 0
        self.context = contextvars.copy_context()
        self._finished = finished
        self._idle: list[trio.lowlevel.Task] = []
        self._parts: list[tuple[_CrewRun, Task | None]] = []

    @property
    def broken(self) -> bool:
        """Whether the crew has been called off."""
        return self.nursery.cancel_scope.cancel_called

    def start(self, run: _CrewRun, task: Task | None) -> None:
        """Have somebody play in *run*, whoever is the next to look for a part."""
        self.playing += 1
        self._parts.append((run, task))
        if self._idle:
            player = self._idle.pop()
            # Trio takes each step of a task in the context that the task has then.
            player.context = run.context.copy()
            trio.lowlevel.reschedule(player)
        else:
            run.context.run(self.nursery.start_soon, self._work)

    async def _work(self) -> None:
        me = trio.lowlevel.current_task()
        while True:
            run, task = self._parts.pop(0)
            await run.play(task)
            # Nothing of the run may be kept.
            del run, task
            me.context = self.context
            self._idle.append(me)
            self.playing -= 1
            if not self.playing and not self.broken:
                self._finished()
            await trio.lowlevel.wait_task_rescheduled(_let_go)


class _CrewRun(TrioRun):
    """A run whose tasks a crew plays."""

    def __init__(self, machine: Machine, crew: _Crew) -> None:
        super().__init__(machine, crew.nursery)
        self.context = crew.context.copy()
        self.context.run(running.set, machine)
        self._crew = crew

    def start(self, task: Task | None) -> None:
        """Have somebody of the crew play *task*, or the first that is left."""
        self._crew.start(self, task)


def _let_go(_raise_cancel: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.SUCCEEDED


class TrioHost:
    """A Trio run, pumped by its owner, that executes machines one after the other.

    Use as a context manager. While nothing is executed it costs nothing: the main
    task is left runnable, and the pump stands still.
    """

    def __init__(self) -> None:
        self._ticks: deque[Callable[[], object]] = deque()
        self._main_task: trio.lowlevel.Task | None = None
        self._crew: _Crew
        self._busy = True
        self._error: BaseException | None = None
        self._closing = False
        self._done = False
        self._old_handler: Any = None
        self._pumping = False
        self._interrupted = False

    def __enter__(self) -> Self:
        # Trio would take SIGINT for itself and lose it between two ticks. It leaves
        # a handler alone that is not Python's default one.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._old_handler = signal.signal(signal.SIGINT, self._interrupt)
        trio.lowlevel.start_guest_run(
            self._main,
            run_sync_soon_threadsafe=self._ticks.append,
            done_callback=self._finished,
            host_uses_signal_set_wakeup_fd=True,
            restrict_keyboard_interrupt_to_checkpoints=True,
        )
        self._pump()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing = True
        try:
            self._pump()
        finally:
            if self._old_handler is not None:
                signal.signal(signal.SIGINT, self._old_handler)
        self._raise_pending()

    def run(self, machine: Machine) -> None:
        """Run *machine* to its end.

        Raises:
            BaseException: Whatever a task raised.
            KeyboardInterrupt: There was a SIGINT during the run; raised at its end.
        """
        if self._busy or self._done:
            msg = "forkfuzz bug: the Trio host is busy or closed"
            raise InternalError(msg)
        run = _CrewRun(machine, self._crew)
        self._pumping = True
        try:
            run.begin()
            self._busy = self._crew.playing > 0 or self._crew.broken
            self._pump()
        finally:
            machine.stop(Outcome.CANCELLED)
            machine.release()
        if run.failure is not None:
            self._error = run.failure
        self._raise_pending()

    def _pump(self) -> None:
        """Let Trio go on until it has done what it was asked for."""
        self._pumping = True
        ticks = self._ticks
        while self._busy or (self._closing and not self._done):
            ticks.popleft()()
        self._pumping = False

    async def _main(self) -> None:
        while not self._closing:
            try:
                async with trio.open_nursery() as nursery:
                    self._crew = _Crew(nursery, self._leave)
                    await self._stand_by()
                    nursery.cancel_scope.cancel()
            except BaseException as error:
                self._error = error

    async def _stand_by(self) -> None:
        self._main_task = None
        self._busy = False
        while not self._closing:
            if self._crew.playing or self._crew.broken:
                self._main_task = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(_let_go)
            else:
                # Stays runnable, so that Trio never falls asleep waiting for I/O, and
                # without a cancellation point that could be hit between two machines.
                await trio.lowlevel.cancel_shielded_checkpoint()

    def _leave(self) -> None:
        self._busy = False
        if self._main_task is not None:
            trio.lowlevel.reschedule(self._main_task)
            self._main_task = None

    def _finished(self, _outcome: object) -> None:
        self._done = True

    def _interrupt(self, _signum: int, _frame: FrameType | None) -> None:
        # Raised while Trio is on the stack, KeyboardInterrupt would break its run
        # loop. A run is short, so it may end first; a second one does not wait.
        if self._pumping and not self._interrupted:
            self._interrupted = True
        else:
            raise KeyboardInterrupt

    def _raise_pending(self) -> None:
        error, self._error = self._error, None
        if self._interrupted:
            self._interrupted = False
            raise KeyboardInterrupt
        if error is not None:
            raise error
