"""Feedback ``reads-from`` and ``conflicts``: which steps met at an object.

Both go by the accesses of points and know nothing of memory. A pair is two steps of
different tasks, each told by its kind of task and its label.

``reads-from``: the step that changed an object last, and the step that now looks at it.
``conflicts``: two steps on one object, one after the other, of which one may change it;
so the order of the two makes a difference.
"""

from __future__ import annotations

from mmap import mmap

from forkfuzz.engine import Task

from .marks import Marks, number


class ReadsFrom:
    """Marks which step each step finds the result of, if that was another task's."""

    def __init__(self, buffer: bytearray | mmap) -> None:
        self._mark = Marks(buffer, "reads-from").mark
        self._writer: dict[str, tuple[int, int]] = {}

    def on_step(self, task: Task) -> None:
        """Take note of a step."""
        access = task.access
        if not access.obj:
            return
        step = number(task.label) ^ number(task.kind) << 1
        writer = self._writer.get(access.obj)
        if writer is not None and writer[0] != task.index:
            self._mark(step, writer[1])
        if access.write:
            self._writer[access.obj] = (task.index, step)


class Conflicts:
    """Marks in which order conflicting steps of two tasks come."""

    def __init__(self, buffer: bytearray | mmap) -> None:
        self._mark = Marks(buffer, "conflicts").mark
        self._last: dict[str, tuple[int, int, bool]] = {}

    def on_step(self, task: Task) -> None:
        """Take note of a step."""
        access = task.access
        if not access.obj:
            return
        step = number(task.label) ^ number(task.kind) << 1
        last = self._last.get(access.obj)
        if last is not None and last[0] != task.index and (last[2] or access.write):
            self._mark(step, last[1])
        self._last[access.obj] = (task.index, step, access.write)
