"""The inline driver: steps the coroutines with ``send``, with no event loop.

It serves exhaustive checking, unit tests and ``--driver inline``.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any

from .machine import Machine, Outcome, running


def _unwind() -> Iterator[Any]:
    """Take the place of parking when a coroutine is closed, and awaits once more."""
    raise GeneratorExit


def run_inline(machine: Machine) -> None:
    """Run *machine* to its end; afterwards none of its coroutines is alive.

    Raises:
        BaseException: Whatever a task raised; ``machine.decisions`` is whole up to the
            step that raised it.
    """
    machine.park = None
    token = running.set(machine)
    coroutines: dict[int, Coroutine[Any, Any, None]] = {}
    try:
        for task in machine.tasks:
            if not task.stands:
                machine.current = task
                coroutines[task.index] = task.body()
                try:
                    coroutines[task.index].send(None)
                except StopIteration:
                    machine.finish(task)
        _step_until_done(machine, coroutines)
    except BaseException:
        machine.stop(Outcome.FAILED)
        raise
    finally:
        machine.park = _unwind
        for coroutine in coroutines.values():
            coroutine.close()
        running.reset(token)


def _step_until_done(
    machine: Machine, coroutines: dict[int, Coroutine[Any, Any, None]]
) -> None:
    task = machine.start()
    while task is not None:
        coroutine = coroutines.get(task.index)
        if coroutine is None:
            coroutine = coroutines[task.index] = task.body()
        try:
            coroutine.send(None)
        except StopIteration:
            task = machine.finish(task)
        else:
            task = machine.current
