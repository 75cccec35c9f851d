"""The driver of a search: every task stops at every point, and can be looked at there."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from forkfuzz.engine import Machine, Outcome, Task
from forkfuzz.engine.machine import running


class ParkedRun:
    """Steps a machine's coroutines, all of them suspended between two steps.

    Args:
        machine: Not yet started.
        known: Yields which tasks take the first steps, where they are known from
            an earlier run; after them the strategy decides.
        stepped: Called after each step that the strategy chose.

    Attributes:
        coroutines: By index of the task; those that stand before their first step and
            were never chosen have none.
    """

    def __init__(
        self,
        machine: Machine,
        known: Iterable[int],
        stepped: Callable[[Task], None],
    ) -> None:
        self.machine = machine
        self._known = known
        self._stepped = stepped
        self.coroutines: dict[int, Coroutine[Any, Any, None]] = {}
        machine.park = None

    def execute(self) -> None:
        """Run to the end, or until the strategy raises.

        Raises:
            BaseException: Whatever a task or the strategy raised. No coroutine is left.
        """
        token = running.set(self.machine)
        try:
            self._begin()
            self.machine.begin()
            self.machine.asks = False  # every task stops at every point
            self._go_again()
            while task := self.machine.advance():
                self._step(task)
                self._stepped(task)
        except BaseException:
            self.machine.stop(Outcome.FAILED)
            raise
        finally:
            self.machine.park = _unwind
            for coroutine in self.coroutines.values():
                coroutine.close()
            running.reset(token)

    def _begin(self) -> None:
        for task in self.machine.tasks:
            if not task.stands:
                self.machine.current = task
                if self._send(task):
                    self.machine.finish(task)

    def _go_again(self) -> None:
        """Take the known steps; nobody is asked, and no decision recorded."""
        # Where a search spends its time: each branch begins with a way gone before.
        machine, coroutines = self.machine, self.coroutines
        tasks = machine.tasks
        for index in self._known:
            machine.current = task = tasks[index]
            machine.steps += 1
            coroutine = coroutines.get(index)
            if coroutine is None:
                coroutine = coroutines[index] = task.body()
            try:
                coroutine.send(None)
            except StopIteration:
                task.done = True
                machine.leave(task)

    def _step(self, task: Task) -> None:
        if self._send(task):
            task.done = True
            self.machine.leave(task)

    def _send(self, task: Task) -> bool:
        """Let the task take one step; return whether that was its last one."""
        coroutine = self.coroutines.get(task.index)
        if coroutine is None:
            coroutine = self.coroutines[task.index] = task.body()
        try:
            coroutine.send(None)
        except StopIteration:
            return True
        return False


def _unwind() -> Iterator[Any]:
    raise GeneratorExit
