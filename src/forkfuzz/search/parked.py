"""The driver of a search: every task stops at every point, and can be looked at there."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from forkfuzz.engine import Access, Machine, Outcome, Task
from forkfuzz.engine.machine import running


class ParkedRun:
    """Steps a machine's coroutines, all of them suspended between two steps.

    Args:
        machine: Not yet started.
        stepped: Called after each step, before the next decision.
        again: Returns which task takes the next step while a known way is gone again;
            after its end -1: then the strategy decides.

    Attributes:
        coroutines: By index of the task; those that stand before their first step and
            were never chosen have none.
    """

    def __init__(
        self,
        machine: Machine,
        stepped: Callable[[Task], None],
        again: Callable[[], int],
    ) -> None:
        self.machine = machine
        self._stepped = stepped
        self._again = again
        self.coroutines: dict[int, Coroutine[Any, Any, None]] = {}
        machine.park = _park
        machine.arrive = self._arrive  # type: ignore[method-assign]

    def execute(self) -> None:
        """Run to the end, or until the strategy raises.

        Raises:
            BaseException: Whatever a task or the strategy raised. No coroutine is left.
        """
        token = running.set(self.machine)
        try:
            self._begin()
            self.machine.begin()
            task = self._following()
            while task is not None:
                task = self._step(task)
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

    def _step(self, task: Task) -> Task | None:
        if self._send(task):
            task.done = True
            self.machine.leave(task)
        self._stepped(task)
        return self._following()

    def _following(self) -> Task | None:
        again = self._again()
        return self.machine.advance() if again < 0 else self.machine.repeat(again)

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

    def _arrive(
        self, label: str, access: Access, when: Callable[[], bool] | None
    ) -> bool:
        task = self.machine.current
        if task is not None:
            task.label, task.access, task.when = label, access, when
        return True


def _park() -> Iterator[Any]:
    yield


def _unwind() -> Iterator[Any]:
    raise GeneratorExit
