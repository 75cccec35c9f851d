"""Stored schedules: what was decided in a run, as text that people can read and edit.

Each decision keeps the label of the step chosen and how many answers there were, so
that a model that has changed since is noticed at the first step that differs::

    forkfuzz schedule 1
    title: child has B without A
    scenario: mp pages=2

    # comments and blank lines are free after the first line
    F dup_mmap:mmap_write_lock_killable 3
    ? mmu:insert 2 1
    end 2

A step is ``TASK LABEL OPTIONS``, an outcome ``? LABEL OPTIONS VALUE``. The last line
counts the decisions, so that a truncated file is noticed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from forkfuzz.errors import FormatError, RefusedError, UsageError

from .machine import CHOICE, RawDecision

VERSION = 1
HEADER_KEYS = ("title", "scenario", "rules", "kernel", "violates", "signature")
"""All header lines there are, in the order in which they are written."""

MAX_BYTES = 1_000_000
MAX_DECISIONS = 100_000

# A task with the name of a header line would make its first step read as a header.
_NAME = rf"(?!(?:{'|'.join(HEADER_KEYS)}):(?![A-Za-z0-9:._-]))[A-Za-z][A-Za-z0-9:._-]{{0,63}}"
_LABEL = r"[A-Za-z0-9_.:-]{1,120}"
_COUNT = r"[1-9][0-9]{0,5}"
_VALUE = rf"(?:0|{_COUNT})"
_S = r"[ \t]+"

_STEP_LINE = re.compile(rf"({_NAME}){_S}({_LABEL}){_S}({_COUNT})")
_CHOICE_LINE = re.compile(rf"\?{_S}({_LABEL}){_S}({_COUNT}){_S}({_VALUE})")
_END_LINE = re.compile(rf"end{_S}({_VALUE})")
_HEADER_LINE = re.compile(rf"({'|'.join(HEADER_KEYS)}):(?:{_S}(.*))?")
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]{0,198}[!-~])?")


@attrs.frozen
class Decision:
    """One answer of a strategy, in terms that outlive the run.

    Attributes:
        task: Name of the task that takes the step; empty if an outcome was chosen.
        label: The step, or what the outcome is about.
        options: How many answers there were.
        value: The outcome chosen; 0 for a step.
    """

    task: str
    label: str
    options: int
    value: int

    def __attrs_post_init__(self) -> None:
        if self.task:
            storable = _STEP_LINE.fullmatch(str(self)) and self.value == 0
        else:
            storable = _CHOICE_LINE.fullmatch(str(self)) and self.value < self.options
        if not storable:
            msg = f"decision {str(self)!r} cannot be stored: expected a task's name or"
            msg += " '?', a label, and a value below the number of options"
            raise UsageError(msg)

    def __str__(self) -> str:
        """Return the line that stands for it in a stored schedule."""
        if self.task:
            return f"{self.task} {self.label} {self.options}"
        return f"? {self.label} {self.options} {self.value}"


def _in_order(header: Mapping[str, str]) -> dict[str, str]:
    unknown = [key for key in header if key not in HEADER_KEYS]
    if unknown:
        msg = f"unknown header {unknown[0]!r}; expected one of {', '.join(HEADER_KEYS)}"
        raise UsageError(msg)
    for key, value in header.items():
        if _HEADER_VALUE.fullmatch(value) is None:
            msg = f"header {key!r} is {value[:60]!r}; expected 1 to 200 printable"
            msg += " ASCII characters on one line"
            raise UsageError(msg)
    return {key: header[key] for key in HEADER_KEYS if key in header}


@attrs.frozen(hash=False)
class Schedule:
    """All decisions of a run, and what they are known to show.

    Attributes:
        decisions: In the order in which they were taken.
        header: Values for some of `HEADER_KEYS`.
    """

    decisions: tuple[Decision, ...]
    header: dict[str, str] = attrs.field(factory=dict, converter=_in_order)

    @classmethod
    def of(
        cls,
        decisions: Sequence[RawDecision],
        task_names: Sequence[str],
        header: Mapping[str, str] | None = None,
    ) -> Schedule:
        """Return the schedule of a run.

        Args:
            decisions: As the machine recorded them.
            task_names: By the index that *decisions* use.
            header: Values for some of `HEADER_KEYS`.
        """
        return cls(
            tuple(
                Decision("" if task == CHOICE else task_names[task], label, n, value)
                for task, label, n, value in decisions
            ),
            {} if header is None else dict(header),
        )


def dumps(schedule: Schedule) -> str:
    """Return *schedule* as text; equal schedules give equal text.

    Raises:
        RefusedError: It is so long that `loads` would refuse it.
    """
    lines = [f"forkfuzz schedule {VERSION}"]
    lines += [f"{key}: {value}" for key, value in schedule.header.items()]
    lines.append("")
    lines += [str(decision) for decision in schedule.decisions]
    lines.append(f"end {len(schedule.decisions)}")
    text = "\n".join(lines) + "\n"
    _check_limits(len(text), len(schedule.decisions))
    return text


def load(path: str | os.PathLike[str]) -> Schedule:
    """Read the schedule stored at *path*.

    Raises:
        FormatError: It cannot be read, or is not a schedule.
        RefusedError: It is larger than the limits.
    """
    name = os.fspath(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        msg = f"cannot read {name!r}: {reason.lower()}"
        raise FormatError(msg) from error
    try:
        return loads(data)
    except (FormatError, RefusedError) as error:
        msg = f"{name!r}: {error}"
        raise type(error)(msg) from error


def loads(text: str | bytes) -> Schedule:
    """Read a schedule from *text*.

    Raises:
        FormatError: It is not a schedule; the message names the line.
        RefusedError: It is larger than the limits.
    """
    _check_limits(len(text), 0)
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            msg = f"not UTF-8 at byte {error.start}; expected a forkfuzz schedule"
            raise FormatError(msg) from error
    lines = text.split("\n")
    _check_version(lines[0])
    reader = _Reader()
    for number, line in enumerate(lines[1:], start=2):
        stripped = line.strip(" \t")
        if stripped and not stripped.startswith("#"):
            reader.feed(number, stripped)
    return reader.close(len(lines))


def _check_limits(size: int, decisions: int) -> None:
    if size > MAX_BYTES:
        msg = f"schedule is larger than {MAX_BYTES} bytes"
        raise RefusedError(msg)
    if decisions > MAX_DECISIONS:
        msg = f"schedule has more than {MAX_DECISIONS} decisions"
        raise RefusedError(msg)


def _check_version(line: str) -> None:
    match = re.fullmatch(r"forkfuzz schedule ([!-~]{1,20})", line)
    if match is None:
        raise _wrong(1, line, f"'forkfuzz schedule {VERSION}'")
    if match[1] != str(VERSION):
        msg = f"unknown schedule version {match[1]!r}; this forkfuzz reads version 1"
        raise FormatError(msg)


def _wrong(number: int, line: str, expected: str) -> FormatError:
    return FormatError(f"line {number}: expected {expected}, got {line[:60]!r}")


class _Reader:
    """What has been read so far, and therefore what may come next."""

    def __init__(self) -> None:
        self._header: dict[str, str] = {}
        self._decisions: list[Decision] = []
        self._ended = False

    def feed(self, number: int, line: str) -> None:
        """Take in a line that is neither blank nor a comment."""
        if self._ended:
            raise _wrong(number, line, "nothing after 'end'")
        if not self._decisions and (match := _HEADER_LINE.fullmatch(line)):
            self._add_header(number, line, match)
        elif match := _END_LINE.fullmatch(line):
            if int(match[1]) != len(self._decisions):
                raise _wrong(number, line, f"'end {len(self._decisions)}'")
            self._ended = True
        else:
            _check_limits(0, len(self._decisions) + 1)
            self._decisions.append(_decision(number, line))

    def close(self, number: int) -> Schedule:
        """Return what was read, once there are no more lines."""
        if not self._ended:
            raise _wrong(number, "the end of the file", f"'end {len(self._decisions)}'")
        return Schedule(tuple(self._decisions), self._header)

    def _add_header(self, number: int, line: str, match: re.Match[str]) -> None:
        key, value = match[1], match[2] or ""
        if any(HEADER_KEYS.index(key) <= HEADER_KEYS.index(k) for k in self._header):
            raise _wrong(
                number, line, f"headers once, ordered {', '.join(HEADER_KEYS)}"
            )
        if _HEADER_VALUE.fullmatch(value) is None:
            raise _wrong(number, line, "1 to 200 printable ASCII characters as value")
        self._header[key] = value


def _decision(number: int, line: str) -> Decision:
    if match := _STEP_LINE.fullmatch(line):
        return Decision(match[1], match[2], int(match[3]), 0)
    match = _CHOICE_LINE.fullmatch(line)
    if match is None or int(match[3]) >= int(match[2]):
        raise _wrong(number, line, "'TASK LABEL OPTIONS' or '? LABEL OPTIONS VALUE'")
    return Decision("", match[1], int(match[2]), int(match[3]))
