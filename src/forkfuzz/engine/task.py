"""Tasks: the coroutines that a run interleaves.

Terminology. A *task* is one coroutine of the model; under the Trio driver it is one
Trio task. A *point* is a labelled place where a task may stop, a *step* the code from
one point to the next, which nothing can interrupt. A *decision* is one answer of a
strategy: which task takes the next step, or which of several outcomes hardware picks.
A *schedule* is all decisions of a run; a *run* is one execution of a program.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import attrs

from .access import NOTHING, Access

Body = Callable[[], Coroutine[Any, Any, None]]


@attrs.frozen(slots=True)
class Stop:
    """A point, as `forkfuzz.engine.point` takes it."""

    label: str
    access: Access = NOTHING
    when: Callable[[], bool] | None = None


@attrs.define(eq=False, slots=True)
class Task:
    """One coroutine of the model, and the point at which it stands.

    Attributes:
        index: Position in the order of creation, from 0.
        name: Unique within the run, such as ``T1`` or ``tlb:cpu1``.
        kind: What it is, the same for interchangeable tasks: ``thread``, ``device``,
            ``irq``, ``hardware``, ``kernel``.
        daemon: Whether the run may end while this task still has steps to take.
        label: The step that the task takes when it is next chosen.
        access: What that step touches.
        when: If given, the task can run only while this is true.
        done: Whether the coroutine has returned.
        stands: Whether it stands at a first point before its coroutine is begun.
        handle: Belongs to the driver.
    """

    index: int
    name: str
    kind: str
    body: Body
    daemon: bool = False
    label: str = "task:start"
    access: Access = NOTHING
    when: Callable[[], bool] | None = None
    done: bool = False
    stands: bool = False
    handle: Any = None
