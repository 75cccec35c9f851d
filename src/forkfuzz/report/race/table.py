"""The race table: who did what, in which order, in the form of a commit message."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

import attrs

from forkfuzz.checkers import Violation
from forkfuzz.report.layout import INDENT, Line, columns, paragraph
from forkfuzz.report.recording.events import Recording
from forkfuzz.report.sanitize import brief, printable

from .action import Action, Call
from .everything import everything
from .focus import COLUMNS, FAULTS, Focus, focus

LINES_FOR_DOTS = 1
"""Dots must save more than so many lines, or what they stand for is shown."""


def race_table(
    recording: Recording,
    violation: Violation | None = None,
    readers: tuple[str, ...] = (),
    *,
    full: bool = False,
) -> list[str]:
    """Return the lines of the table that shows *violation*.

    Args:
        recording: The run.
        violation: One of the run; by default the one that a program can see.
        readers: Threads whose loads matter too, whenever they are.
        full: Show everything that any task did, not only what matters.
    """
    violation = violation or recording.result.headline()
    if violation is None:
        return []
    told = full_rows(recording) if full else race_rows(recording, violation, readers)
    headers, lines = told
    table = columns(headers, lines) if headers else []
    return [printable(line) for line in table] + _waiting(recording)


def race_rows(
    recording: Recording, violation: Violation, readers: tuple[str, ...] = ()
) -> tuple[list[str], list[Line]]:
    """Return the same as the names of the columns, and lines in them."""
    return _rows(recording, chosen(recording, violation, readers))


def chosen(
    recording: Recording, violation: Violation, readers: tuple[str, ...] = ()
) -> Focus:
    """Choose what the table shows: dots only where they save lines."""
    short = focus(recording, violation, readers, full=False)
    whole = focus(recording, violation, readers, full=True)
    lengths = [len(columns(*_rows(recording, one))) for one in (short, whole)]
    return whole if lengths[1] <= lengths[0] + LINES_FOR_DOTS else short


def full_rows(recording: Recording) -> tuple[list[str], list[Line]]:
    """Return the columns, and lines in them, of everything that any task did.

    Up to three tasks have a column each. Of more, all but the one that forks share a
    column, with a name before each line.
    """
    told_of = everything(recording)
    lines = lines_of(told_of)
    if len(told_of.columns) <= COLUMNS:
        return [header(recording, task) for task in told_of.columns], lines
    forking = next(recording.events("fork_called"), None)
    first = [forking[0].task] if forking else []
    headers = [header(recording, task) for task in first]
    told = [_line_of(line, told_of.columns[line.column], first) for line in lines]
    return [*headers, "the others" if first else "all threads"], told


def _line_of(line: Line, task: str, first: Sequence[str]) -> Line:
    if task in first:
        return attrs.evolve(line, column=0)
    indent = " " * (line.depth * INDENT)
    text = f"{task}: {indent}{line.text}"
    return attrs.evolve(line, column=len(first), depth=0, text=text)


def _rows(recording: Recording, shown: Focus) -> tuple[list[str], list[Line]]:
    headers = [header(recording, task) for task in shown.columns]
    return headers, lines_of(shown) if headers else []


def header(recording: Recording, task: str) -> str:
    """Return what stands above the column of a task."""
    if any(step.task == task for step, _ in recording.events("fork_called")):
        return f"{task} (fork)"
    kinds = {brief(thread.name): thread.kind for thread in recording.program.threads}
    kind = kinds.get(task, "parent")
    return task if kind == "parent" or kind == task else f"{task} ({kind})"


def lines_of(shown: Focus) -> list[Line]:
    """Return one line for each action, or for a call that nothing interrupts."""
    counts: dict[int, int] = {}
    for action in shown.shown:
        counts[id(action.call)] = counts.get(id(action.call), 0) + 1
    begun: set[int] = set()
    lines = []
    for _, group in groupby(shown.shown, key=lambda action: id(action.call)):
        parts = list(group)
        call = parts[0].call
        line = _line(
            shown.columns.index(parts[0].task),
            parts,
            call,
            whole=len(parts) == counts[id(call)] and not _goes_on(parts, shown),
            first=id(call) not in begun,
        )
        if _only_begins(parts[-1], shown):
            line = attrs.evolve(line, text=f"{line.text} begins")
        lines.append(line)
        begun.add(id(call))
    return lines


def _only_begins(flush: Action, shown: Focus) -> bool:
    """Return whether a flush is not over when the violation is noticed, nor shown so."""
    if flush.kind != "flush" or not shown.end:
        return False
    over = flush.step < flush.call.last <= shown.end
    return not over and all(
        action.call is not flush.call or action.step <= flush.step
        for action in shown.shown
    )


def _goes_on(parts: Sequence[Action], shown: Focus) -> bool:
    """Return whether a call has more parts, after something else that is shown.

    A fault that had not come to its end when the violation was noticed goes on too. An
    unlock is what its first part does: the cut.
    """
    if parts[0].kind == "cut":
        return False
    call, last = parts[0].call, parts[-1].step
    later = [
        a for a in shown.shown if a.call is not call and last < a.step <= call.last
    ]
    return bool(later) or (parts[0].kind in FAULTS and last <= shown.end < call.last)


def _line(
    column: int, parts: Sequence[Action], call: Call, *, whole: bool, first: bool
) -> Line:
    text = _joined(parts)
    depth = parts[0].depth
    if whole and call.whole:
        text = call.whole
    elif first and call.head:
        text = f"{call.head}  {text}"
    elif call.head:
        depth += 1
        text = f"copies {text}" if parts[0].place else text
    notes = [part.note for part in parts if part.note]
    steps = tuple(part.step for part in parts)
    return Line(column, depth, text, notes[0] if notes else "", steps[0], steps)


def _joined(parts: Sequence[Action]) -> str:
    """Join the parts of a call: words that are copied, other things with commas."""
    text = parts[0].text
    for before, part in pairwise(parts):
        text += (" " if before.place and part.place else ", ") + part.text
    return text


def _waiting(recording: Recording) -> list[str]:
    """Say what each task waits for, if the run could not go on."""
    lines: list[str] = []
    for waiting in recording.waiting:
        text = f"{waiting.task} waits at {waiting.label}"
        if waiting.obj:
            text += f" for {waiting.obj}"
        if waiting.holders:
            text += f", held by {', '.join(waiting.holders)}"
        lines += paragraph(printable(text), indent=3)
    return ["", *lines] if lines else []
