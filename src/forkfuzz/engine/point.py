"""The one place where a task can stop.

``await point(label, access)`` is the only ``await`` in the model that can let another
task run, so a search for it shows every place where two tasks can meet. A label has
the form ``function:what-comes-next`` and names the step that follows.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Generator
from typing import Any

from forkfuzz.errors import UsageError

from .access import NOTHING, Access
from .machine import Machine, running
from .task import Task


@types.coroutine
def point(
    label: str,
    access: Access = NOTHING,
    when: Callable[[], bool] | None = None,
) -> Generator[Any, Any, None]:
    """Stop here if the strategy gives the next step to another task.

    Args:
        label: Names the step that follows.
        access: What that step touches.
        when: The step can be taken only while this is true: how to wait for a lock.
            It must not change anything.
    """
    machine = running.get(None)
    if machine is None:
        msg = f"point {label!r} was reached outside a run"
        raise UsageError(msg)
    task = machine.current
    # The hot path: everything that a step costs is paid here and in advance().
    if task is not None:
        task.label = label
        task.access = access
        task.when = when
        if when is not None:
            machine.waits = True
        if machine.asks and machine.advance() is task:
            return
    park = machine.park
    if park is None:
        yield
        return
    yield from park()
    # Whoever is woken out of turn, as its run is over, gives way once more.
    while machine.current is not task:
        yield from park()


def choose(label: str, options: int) -> int:
    """Let the strategy pick one of *options* outcomes; 0 is the undramatic one."""
    return this_machine().choose(label, options)


def this_machine() -> Machine:
    """Return the machine of the run that the caller is part of."""
    machine = running.get(None)
    if machine is None:
        msg = "no run is under way here"
        raise UsageError(msg)
    return machine


def this_task() -> Task:
    """Return the task that is taking a step."""
    task = this_machine().current
    if task is None:
        msg = "no task is taking a step here"
        raise UsageError(msg)
    return task
