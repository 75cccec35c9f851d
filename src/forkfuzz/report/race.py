"""The race table: who did what, in which order, in the form of a commit message."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

import attrs

from forkfuzz.checkers import Violation

from .action import Action, Call
from .events import Recording
from .everything import everything
from .focus import COLUMNS, Focus, focus
from .layout import INDENT, Line, columns, paragraph
from .sanitize import brief, printable

LINES_FOR_DOTS = 1
"""Dots must save more than so many lines, or what they stand for is shown."""


def race_table(
    recording: Recording, violation: Violation | None = None, *, full: bool = False
) -> list[str]:
    """Return the lines of the table that shows *violation*.

    Args:
        recording: The run.
        violation: One of the run; by default the one that a program can see.
        full: Show everything that any task did, not only what matters.
    """
    violation = violation or recording.result.headline()
    if violation is None:
        return []
    headers, lines = full_rows(recording) if full else race_rows(recording, violation)
    table = columns(headers, lines) if headers else []
    return [printable(line) for line in table] + _waiting(recording)


def race_rows(
    recording: Recording, violation: Violation
) -> tuple[list[str], list[Line]]:
    """Return the same as the names of the columns, and lines in them."""
    chosen = focus(recording, violation, full=False)
    headers, lines = _rows(recording, chosen)
    full_headers, full = _rows(recording, focus(recording, violation, full=True))
    shown = columns(headers, lines) if headers else []
    shown_in_full = columns(full_headers, full) if full_headers else []
    if len(shown_in_full) <= len(shown) + LINES_FOR_DOTS:
        return full_headers, full
    return headers, lines


def full_rows(recording: Recording) -> tuple[list[str], list[Line]]:
    """Return the columns, and lines in them, of everything that any task did.

    Up to three tasks have a column each. Of more, all but the one that forks share a
    column, with a name before each line.
    """
    chosen = everything(recording)
    lines = lines_of(chosen)
    if len(chosen.columns) <= COLUMNS:
        return [_header(recording, task) for task in chosen.columns], lines
    forking = next(recording.events("fork_called"), None)
    first = [forking[0].task] if forking else []
    headers = [_header(recording, task) for task in first]
    told = [_line_of(line, chosen.columns[line.column], first) for line in lines]
    return [*headers, "the others" if first else "all threads"], told


def _line_of(line: Line, task: str, first: Sequence[str]) -> Line:
    if task in first:
        return attrs.evolve(line, column=0)
    indent = " " * (line.depth * INDENT)
    text = f"{task}: {indent}{line.text}"
    return attrs.evolve(line, column=len(first), depth=0, text=text)


def _rows(recording: Recording, chosen: Focus) -> tuple[list[str], list[Line]]:
    headers = [_header(recording, task) for task in chosen.columns]
    return headers, lines_of(chosen) if headers else []


def _header(recording: Recording, task: str) -> str:
    if any(step.task == task for step, _ in recording.events("fork_called")):
        return f"{task} (fork)"
    kinds = {brief(thread.name): thread.kind for thread in recording.program.threads}
    kind = kinds.get(task, "parent")
    return task if kind == "parent" or kind == task else f"{task} ({kind})"


def lines_of(chosen: Focus) -> list[Line]:
    """Return one line for each action, or for a call that nothing interrupts."""
    counts: dict[int, int] = {}
    for action in chosen.shown:
        counts[id(action.call)] = counts.get(id(action.call), 0) + 1
    begun: set[int] = set()
    lines = []
    for _, group in groupby(chosen.shown, key=lambda action: id(action.call)):
        parts = list(group)
        call = parts[0].call
        lines.append(
            _line(
                chosen.columns.index(parts[0].task),
                parts,
                call,
                whole=len(parts) == counts[id(call)],
                first=id(call) not in begun,
            )
        )
        begun.add(id(call))
    return lines


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
    return Line(column, depth, text, notes[0] if notes else "", parts[0].step)


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
