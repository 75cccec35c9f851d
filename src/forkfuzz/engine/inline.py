"""The inline driver: steps the coroutines with ``send``, with no event loop.

It serves exhaustive checking, unit tests and ``--driver inline``.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    try:
        for task in machine.tasks:
            if not task.stands:
                machine.current = task
                task.handle = task.body()
                try:
                    task.handle.send(None)
                except StopIteration:
                    machine.finish(task)
        _step_until_done(machine)
    except BaseException:
        machine.stop(Outcome.FAILED)
        raise
    finally:
        machine.park = _unwind
        for task in machine.tasks:
            if task.handle is not None:
                task.handle.close()
        machine.release()
        running.reset(token)


def _step_until_done(machine: Machine) -> None:
    task = machine.start()
    while task is not None:
        if task.handle is None:
            task.handle = task.body()
        try:
            task.handle.send(None)
        except StopIteration:
            task = machine.finish(task)
        else:
            task = machine.current
