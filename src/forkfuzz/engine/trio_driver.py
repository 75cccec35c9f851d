"""The Trio driver: every model task is a Trio task. The only module that imports Trio.

Trio runs its runnable tasks in an order that it shuffles on purpose. Nothing here
leans on that order: at any moment exactly one model task is runnable, so there is
nothing to shuffle. A task that arrives at a point and may go on returns at once,
without a switch. If another task is next, it reschedules that one and parks itself.
The tasks are started by the same rule: each starts the next when it has reached its
first point. One whose first point was given in advance is started when it is chosen,
which many never are.

`run_trio` runs one machine inside a Trio program. `TrioHost` is for callers that are
not Trio programs, above all a fuzzing engine that calls us once for each input: one
Trio run, in guest mode, lives across all executions, and each has a nursery of its
own. Starting a Trio run for each would cost more than the run.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Generator
from types import FrameType, TracebackType
from typing import Any, Self

import trio

from forkfuzz.errors import InternalError

from .machine import Machine, Outcome, running
from .task import Task


async def run_trio(machine: Machine) -> None:
    """Run *machine* to its end in a nursery of its own.

    Raises:
        BaseException: Whatever a task raised, alone or, if the surrounding scope was
            cancelled, Trio's ``Cancelled``. ``machine.decisions`` is whole up to the
            last step chosen, and no task is left behind.
    """
    token = running.set(machine)
    run = _Run(machine)
    try:
        await run.execute()
    except BaseException:
        # A task's failure does not come this way, so it is from the surroundings.
        machine.stop(Outcome.CANCELLED)
        raise
    finally:
        machine.release()
        running.reset(token)
    if run.failure is not None:
        raise run.failure


class _EndedError(BaseException):
    """Unwinds a parked task when its run has ended.

    Not by cancellation, which would cost Trio more than a short run.
    """


_BROKEN_OFF = (Outcome.CANCELLED, Outcome.FAILED)
"""How a run ends whose tasks are cancelled."""


class _Run:
    """One machine's tasks while Trio runs them."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.failure: BaseException | None = None
        self._ended = False
        self._unstarted = iter([task for task in machine.tasks if not task.stands])
        self._nursery: trio.Nursery
        machine.park = self._park

    async def execute(self) -> None:
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._start_next()

    def _start_next(self, here: Task | None = None) -> bool:
        """Start one more task or, when all stand at their first point, the run.

        Return whether *here*, which has not parked yet, takes the first step.
        """
        if self.machine.outcome is not Outcome.RUNNING:
            self._nursery.cancel_scope.cancel()
            return False
        task = next(self._unstarted, None)
        if task is not None:
            self._nursery.start_soon(self._body, task, name=task.name)
            return False
        first = self.machine.start()
        if first is not None and first is here:
            return True
        self._go_on(first)
        return False

    async def _body(self, task: Task) -> None:
        task.handle = trio.lowlevel.current_task()
        if not self.machine.started:
            self.machine.current = task
        elif self.machine.outcome is not Outcome.RUNNING:
            return
        try:
            await task.body()
            self._finish(task)
        except _EndedError:
            return
        except trio.Cancelled:
            raise
        except BaseException as error:
            self.failure = error
            self.machine.stop(Outcome.FAILED)
            self._nursery.cancel_scope.cancel()

    def _finish(self, task: Task) -> None:
        following = self.machine.finish(task)
        if self.machine.started:
            self._go_on(following)
        else:
            self._start_next()

    def _go_on(self, task: Task | None) -> None:
        if task is None:
            self._end()
        elif task.handle is None:
            self._nursery.start_soon(self._body, task, name=task.name)
        else:
            trio.lowlevel.reschedule(task.handle)

    def _end(self) -> None:
        """Let the tasks that are still parked unwind; the caller does so by itself."""
        if self.machine.outcome in _BROKEN_OFF:
            self._nursery.cancel_scope.cancel()
            return
        if self._ended:
            return  # a task that stops at one more point while it unwinds
        self._ended = True
        here = trio.lowlevel.current_task()
        for task in self.machine.tasks:
            if task.handle is not None and not task.done and task.handle is not here:
                trio.lowlevel.reschedule(task.handle)

    def _park(self) -> Generator[Any, Any, None]:
        machine = self.machine
        if not machine.started:
            if self._start_next(machine.current):
                return
        elif machine.outcome is Outcome.RUNNING:
            self._go_on(machine.current)
        else:
            self._end()
        self._unwind_if_ended()
        yield from self._wait()
        self._unwind_if_ended()
        if machine.outcome in _BROKEN_OFF:
            # The others were cancelled between this task being chosen and its turn:
            # wait once more, for its own cancellation.
            self._nursery.cancel_scope.cancel()
            yield from self._wait()

    def _unwind_if_ended(self) -> None:
        outcome = self.machine.outcome
        if outcome is not Outcome.RUNNING and outcome not in _BROKEN_OFF:
            raise _EndedError

    def _wait(self) -> Generator[Any, Any, Any]:
        wait = trio.lowlevel.wait_task_rescheduled
        return wait(self._abort).__await__()

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        # From now on Trio runs the tasks as it likes, so none may be rescheduled.
        self.machine.stop(Outcome.CANCELLED)
        return trio.lowlevel.Abort.SUCCEEDED


class TrioHost:
    """A Trio run, pumped by its owner, that executes machines one after the other.

    Use as a context manager. While nothing is executed it costs nothing: the main
    task is left runnable, and the pump stands still.
    """

    def __init__(self) -> None:
        self._ticks: deque[Callable[[], object]] = deque()
        self._machine: Machine | None = None
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
        if self._machine is not None or self._done:
            msg = "forkfuzz bug: the Trio host is busy or closed"
            raise InternalError(msg)
        self._machine = machine
        self._pump()
        self._raise_pending()

    def _pump(self) -> None:
        """Let Trio go on until it has done what it was asked for."""
        self._pumping = True
        ticks = self._ticks
        while self._machine is not None or (self._closing and not self._done):
            ticks.popleft()()
        self._pumping = False

    async def _main(self) -> None:
        while not self._closing:
            machine = self._machine
            if machine is not None:
                try:
                    await run_trio(machine)
                except BaseException as error:
                    self._error = error
                self._machine = None
            # Stays runnable, so that Trio never falls asleep waiting for I/O, and
            # without a cancellation point that could be hit between two machines.
            await trio.lowlevel.cancel_shielded_checkpoint()

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
