"""Columns of text, as in a commit message: ASCII, no tabs, 75 columns at most."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

import attrs

WIDTH = 75
"""What Documentation/process/submitting-patches.rst asks of commit messages."""

MARGIN = 3
GAP = 2
ROOMY = 2
"""Up to so many columns there is room."""
INDENT = 2
SECOND_COLUMN = 37
"""Where the second of two columns starts if nothing needs more room."""


@attrs.frozen(slots=True)
class Line:
    """One line of one column.

    Attributes:
        column: Which, from 0.
        depth: How far it is indented.
        note: A mark to stand beside it, in the next column.
        step: Number of the step that it tells of; 0 for none.
        steps: Numbers of all steps that it tells of.
    """

    column: int
    depth: int
    text: str
    note: str = ""
    step: int = 0
    steps: tuple[int, ...] = ()


def columns(headers: Sequence[str], lines: Sequence[Line]) -> list[str]:
    """Return the table."""
    widths = _widths(headers, lines)
    margin = _margin(headers)
    headers = [_cut(text, width) for text, width in zip(headers, widths, strict=True)]
    starts = [margin + sum(widths[:i]) + GAP * i for i in range(len(widths))]
    rows = [Line(i, 0, header) for i, header in enumerate(headers)]
    table = [_header(rows, starts)]
    for line in lines:
        table += _cell(line, starts, widths)
    return table


def _cut(header: str, width: int) -> str:
    """A name may have no place at which to break it."""
    return header if len(header) <= width else header[: max(width - 2, 0)] + ".."


def _margin(headers: Sequence[str]) -> int:
    """Three columns need the room."""
    return MARGIN if len(headers) <= ROOMY else 1


def _header(headers: Sequence[Line], starts: Sequence[int]) -> str:
    text = ""
    for header in headers:
        text = text.ljust(starts[header.column]) + header.text
    return text


def _widths(headers: Sequence[str], lines: Sequence[Line]) -> list[int]:
    """Give each column what it needs, or take from the widest until all fit."""
    widths = [len(header) for header in headers]
    least = list(widths)
    for line in lines:
        indent = line.depth * INDENT
        longest = max(map(len, line.text.split()), default=0)
        widths[line.column] = max(widths[line.column], indent + len(line.text))
        least[line.column] = max(least[line.column], indent + longest)
    available = WIDTH - _margin(headers) - GAP * (len(widths) - 1)
    if sum(least) > available:
        # Long words get broken, those of the first column last.
        first = min(least[0], SECOND_COLUMN - MARGIN - GAP)
        least = [first, *[0] * (len(widths) - 1)]
    while sum(widths) > available:
        spare = [i for i, width in enumerate(widths) if width > least[i]]
        widths[max(spare, key=widths.__getitem__)] -= 1
    if len(widths) == ROOMY:
        wanted = SECOND_COLUMN - MARGIN - GAP
        widths[0] = max(widths[0], min(wanted, available - widths[1]))
    return widths


def _cell(line: Line, starts: Sequence[int], widths: Sequence[int]) -> list[str]:
    indent = " " * (line.depth * INDENT)
    roomy = len(widths) <= ROOMY
    further = indent + " " * (2 * INDENT if roomy else INDENT)
    start, width = " " * starts[line.column], widths[line.column]
    cell: list[str] = []
    rooms = width - len(indent), width - len(further)
    for part in _without_long_words(line.text, *rooms):
        wrapped = textwrap.wrap(
            part,
            width,
            initial_indent=further if cell else indent,
            subsequent_indent=further,
            break_on_hyphens=False,
        )
        cell += [start + text for text in wrapped]
    if line.note:
        _add_note(cell, line, starts)
    return cell


def _without_long_words(text: str, first: int, further: int) -> list[str]:
    """Cut a text in words that have no room, if possible at a parenthesis or a _."""

    def cut(match: re.Match[str]) -> str:
        parts, word = [], match[0]
        room = further if match.start() else first
        while len(word) > max(room, 1):
            at = max(word.rfind("(", 1, room + 1), word.rfind("_", 1, room) + 1)
            at = at or max(room, 1)
            parts.append(word[:at])
            word, room = word[at:], further
        return "\n".join([*parts, word])

    return re.sub(r"\S+", cut, text).split("\n")


def _add_note(cell: list[str], line: Line, starts: Sequence[int]) -> None:
    """Put the mark where the next column starts, or below if there is no room."""
    following = line.column + 1
    at = starts[following] if following < len(starts) else len(cell[-1]) + GAP
    if at + len(line.note) > WIDTH:
        cell.append(" " * (WIDTH - len(line.note)) + line.note)
    else:
        cell[-1] = cell[-1].ljust(at) + line.note


def paragraph(text: str, indent: int = 2) -> list[str]:
    """Return *text* wrapped and indented."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )
