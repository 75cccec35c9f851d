"""All that the tasks of a run did, for a table that leaves nothing out."""

from __future__ import annotations

from forkfuzz.report.recording.events import HARDWARE, Recording

from .action import Action
from .actions import actions
from .focus import Focus


def everything(recording: Recording) -> Focus:
    """Return every action of every task that took a step, the forking one first.

    What a CPU did by itself stands with its thread. A lock that is had as soon as it
    is asked for has one line.
    """
    told = actions(recording)
    forking = [step.task for step, _ in recording.events("fork_called")]
    took = [step.task for step in recording.steps if step.kind not in HARDWARE]
    order = [*forking, *took, *(action.task for action in told)]
    columns = tuple(dict.fromkeys(task for task in order if task))
    shown = (a for a, *rest in _tails(told) if not _is_had_at_once(a, rest))
    return Focus(columns, tuple(action for action in shown if action.task))


def _tails(told: list[Action]) -> list[list[Action]]:
    """Return each action with the one after it, if any."""
    return [told[position : position + 2] for position in range(len(told))]


def _is_had_at_once(action: Action, following: list[Action]) -> bool:
    return action.kind == "lock_requested" and any(
        (other.kind, other.task, other.place)
        == ("lock_acquired", action.task, action.place)
        for other in following
    )
