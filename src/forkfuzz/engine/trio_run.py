"""One run under Trio: every model task is a Trio task.

Trio runs its runnable tasks in an order that it shuffles on purpose. Nothing here
leans on that order: once a run has started, exactly one of its tasks is runnable, so
there is nothing to shuffle. A task that arrives at a point and may go on returns at
once, without a switch. If another task is next, it reschedules that one and parks
itself: one turn of Trio's loop.

Before that, the tasks go to their first points within one turn. As many Trio tasks as
it takes are woken together, and whichever comes next takes the next model task, so
that these begin in the order of their creation. A task whose first point was given in
advance is started when it is chosen, which many never are.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import trio
from trio.lowlevel import reschedule, wait_task_rescheduled

from forkfuzz.errors import UsageError

from .machine import Machine, Outcome
from .task import Task


class _EndedError(BaseException):
    """Unwinds a parked task when its run has ended.

    Not by cancellation, which would cost Trio more than a short run.
    """


_BROKEN_OFF = (Outcome.CANCELLED, Outcome.FAILED)
"""How a run ends whose tasks are cancelled."""


class TrioRun:
    """One machine's tasks while Trio runs them.

    Args:
        machine: Not yet started.
        nursery: Of the Trio tasks.

    Attributes:
        failure: What a task raised.
    """

    def __init__(self, machine: Machine, nursery: trio.Nursery) -> None:
        self.machine = machine
        self.nursery = nursery
        self.failure: BaseException | None = None
        self._ended = False
        self._unstarted = [task for task in machine.tasks if not task.stands]
        self._unready = len(self._unstarted)
        machine.park = self._park

    def begin(self) -> None:
        """Start the tasks, the last of which starts the run."""
        try:
            for _ in self._unstarted:
                # Who comes first takes the first task, in whichever order they come.
                self.start(None)
            if not self._unready and (first := self.machine.start()):
                self._go_on(first)
        except BaseException as error:
            self._fail(error)

    def start(self, task: Task | None) -> None:
        """Have a Trio task play *task*, or the first that is left."""
        self.nursery.start_soon(self.play, task)

    async def play(self, task: Task | None) -> None:
        """Be *task*, or the first that is left, from its beginning to its end."""
        machine = self.machine
        if machine.outcome is not Outcome.RUNNING:
            return
        try:
            if task is None:
                task = self._take_first()
            task.handle = trio.lowlevel.current_task()
            task.handle.name = task.name
            await task.body()
            following = machine.finish(task)
            if machine.started:
                self._go_on(following)
            else:
                self._stand(None)
        except _EndedError:
            return
        except trio.Cancelled:
            raise
        except BaseException as error:
            self._fail(error)

    def _take_first(self) -> Task:
        if self.machine.current is not None:
            msg = f"{self.machine.current.name} awaits something that is not a point"
            raise UsageError(msg)
        task = self.machine.current = self._unstarted.pop(0)
        return task

    def _stand(self, here: Task | None) -> bool:
        """Note that one more task stands at its first point, or has none.

        Return whether *here*, which has not parked yet, takes the run's first step.
        """
        self.machine.current = None
        self._unready -= 1
        if self._unready or self.machine.outcome is not Outcome.RUNNING:
            return False
        first = self.machine.start()
        if first is not None and first is here:
            return True
        self._go_on(first)
        return False

    def _fail(self, error: BaseException) -> None:
        self.failure = error
        self.machine.stop(Outcome.FAILED)
        self.nursery.cancel_scope.cancel()

    def _go_on(self, task: Task | None) -> None:
        if task is None:
            self._end()
        elif task.handle is None:
            self.start(task)
        else:
            reschedule(task.handle)

    def _end(self) -> None:
        """Let the tasks that are still parked unwind; the caller does so by itself."""
        if self.machine.outcome in _BROKEN_OFF:
            self.nursery.cancel_scope.cancel()
            return
        if self._ended:
            return  # a task that stops at one more point while it unwinds
        self._ended = True
        here = trio.lowlevel.current_task()
        for task in self.machine.tasks:
            if task.handle is not None and not task.done and task.handle is not here:
                reschedule(task.handle)

    def _park(self) -> Coroutine[Any, Any, Any] | tuple[()]:
        """Give way to whoever is next; return what to await until the next turn.

        Not a coroutine itself, which every switch to the task would have to go through.
        """
        here = self.machine.current
        if self.machine.started:
            self._go_on(here)
        elif self._stand(here):
            return ()
        if self._ended:
            raise _EndedError
        return wait_task_rescheduled(self._abort)  # noqa: ASYNC105 - point() awaits

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        # From now on Trio runs the tasks as it likes, so none may be rescheduled.
        self.machine.stop(Outcome.CANCELLED)
        return trio.lowlevel.Abort.SUCCEEDED
