"""The part of a run that a violation is about."""

from __future__ import annotations

import attrs

from forkfuzz.checkers import Violation
from forkfuzz.report.recording.events import Recording


@attrs.frozen(slots=True)
class Window:
    """The fork that a violation is about, in steps.

    Attributes:
        task: Who forks; empty if nobody does.
        child: Name of the child's mm.
        start: fork has mmap_lock.
        cut: The cut; the end of the run if it was never reached.
    """

    task: str
    child: str
    start: int
    cut: int


def window_of(recording: Recording, violation: Violation) -> Window:
    """Find the last fork that began before the violation was noticed."""
    end = len(recording.steps)
    began = [
        (step, event)
        for step, event in recording.events("fork_called")
        if step.number <= violation.step
    ]
    if not began:
        return Window("", "", 1, end)
    step, event = began[-1]
    child = event.text("child")
    cuts = [
        s.number for s, e in recording.events("fork_cut") if e.text("child") == child
    ]
    return Window(step.task, child, step.number, cuts[0] if cuts else end)
