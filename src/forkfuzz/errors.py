"""Every exception that forkfuzz raises on purpose.

::

    ForkfuzzError
    |-- UsageError          the caller is wrong: a name, an option, a file
    |   |-- FormatError     a stored file cannot be read as what it claims to be
    |   |   `-- LitmusError         a litmus test is wrong at one place
    |   |       `-- NotModelledError    it asks for what the model does not have yet
    |   `-- ReplayError     a schedule asks for a step that the model does not offer
    |-- RefusedError        a limit, or data that must not be trusted
    `-- InternalError       forkfuzz itself is wrong: nondeterminism, a broken invariant

What the modelled kernel does wrong is not an exception: a checker reports it as a
violation.
"""

from __future__ import annotations


class ForkfuzzError(Exception):
    """Base of all exceptions below; never raised itself."""


class UsageError(ForkfuzzError):
    """The caller asked for something that does not exist or makes no sense."""


class FormatError(UsageError):
    """A file is unreadable, truncated, hostile or of an unknown version."""


class LitmusError(FormatError):
    """A litmus test cannot be read; the message names the place.

    Attributes:
        path: Of the file, or what stands for it.
        line: Where, counted from 1.
        column: Which character of the line, counted from 1.
        expected: What should have been there, in words.
        found: What is there, in words.
    """

    def __init__(
        self, path: str, line: int, column: int, *, expected: str, found: str
    ) -> None:
        super().__init__(self._wording(expected, found, f"{path}:{line}:{column}"))
        self.path = path
        self.line = line
        self.column = column
        self.expected = expected
        self.found = found

    def _wording(self, expected: str, found: str, place: str) -> str:
        return f"{place}: expected {expected}, found {found}"


class NotModelledError(LitmusError):
    """A litmus test asks for a part of the kernel that has no model yet."""

    def _wording(self, expected: str, found: str, place: str) -> str:
        return f"{place}: {found} is not modelled yet"


class ReplayError(UsageError):
    """A stored decision does not fit the run that it is replayed into.

    Attributes:
        step: Index of the decision, counted from 0.
    """

    def __init__(self, message: str, *, step: int) -> None:
        super().__init__(message)
        self.step = step


class RefusedError(ForkfuzzError):
    """A limit was exceeded, so the request was not carried out."""


class InternalError(ForkfuzzError):
    """forkfuzz is wrong, not its caller and not the modelled kernel."""
