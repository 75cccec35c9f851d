"""Priorities: the task in front goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from forkfuzz.engine import Task

Priorities = dict[int, float]
"""By index of the task; a higher one goes first."""


def foremost(
    tasks: Iterable[tuple[int, Task]],
    priorities: Priorities,
    first: Callable[[Task], float],
) -> int:
    """Return the place of the task with the highest priority.

    Args:
        tasks: Tasks and their places; at least one.
        priorities: Those that tasks have; gets those of the ones that have none.
        first: Returns the priority of a task that has none.
    """
    best, highest = -1, float("-inf")
    for i, task in tasks:
        priority = priorities.get(task.index)
        if priority is None:
            priority = priorities[task.index] = first(task)
        if priority > highest:
            best, highest = i, priority
    return best


def workers(runnable: Iterable[Task]) -> list[tuple[int, Task]]:
    """Return the tasks that are no daemons, and their places."""
    return [(i, task) for i, task in enumerate(runnable) if not task.daemon]
