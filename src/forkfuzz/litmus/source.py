"""The text of a test, line by line, once it is known to be harmless."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import attrs
from lark import Token

from forkfuzz.errors import LitmusError, NotModelledError

MAX_BYTES = 64 * 1024
MAX_LINE = 1000
"""Characters in a line; it also bounds how deep a condition can nest."""

_TOKEN = re.compile(r'/\\|\\/|"[^"]*"|[\w.+-]+|\S')
_FIRST_WORD = re.compile(r"[ \t]*([A-Za-z][A-Za-z0-9_.-]*)?")


@attrs.frozen(slots=True)
class Line:
    """One line of a test.

    Attributes:
        path: Of the file.
        number: Counted from 1.
        text: Without what ends it.
    """

    path: str
    number: int
    text: str

    @property
    def first_word(self) -> str:
        """Return the word that the line begins with, or nothing."""
        match = _FIRST_WORD.match(self.text)
        return match[1] or "" if match else ""

    @property
    def content(self) -> str:
        """Return the line without blanks and comment at its end."""
        if self.text.lstrip(" \t").startswith('"'):
            quoted, quote, rest = self.text.rpartition('"')
            return (quoted + quote + rest.partition("#")[0]).rstrip(" \t")
        return self.text.partition("#")[0].rstrip(" \t")

    @property
    def start(self) -> int:
        """Return the column of the first character that is not a blank."""
        return len(self.text) - len(self.text.lstrip(" \t")) + 1

    @property
    def end(self) -> int:
        """Return the column after the last character that counts."""
        return len(self.content) + 1

    def wrong(self, at: Token | int, expected: str, found: str = "") -> LitmusError:
        """Return the error that something else was expected in this line.

        Args:
            at: Which column, or the word there.
            expected: In words.
            found: In words; by default what stands there.
        """
        column = at if isinstance(at, int) else at.column or 1
        column, there = self._token_at(column)
        return LitmusError(
            self.path, self.number, column, expected=expected, found=found or there
        )

    def again(self, at: Token | int, what: str) -> LitmusError:
        """Return the error that something is there a second time."""
        return self.wrong(at, f"'{what}' once", "it again")

    def not_modelled(self, at: Token | int, what: str) -> NotModelledError:
        """Return the error that the model does not have something."""
        column = at if isinstance(at, int) else at.column or 1
        return NotModelledError(
            self.path,
            self.number,
            column,
            expected="what the model has",
            found=what,
        )

    def _token_at(self, column: int) -> tuple[int, str]:
        """Return the whole word, or sign, at a column, and where it begins."""
        if column >= self.end:
            return column, "the end of the line"
        # The content ends with a character that is no blank, so there is one.
        match = next(m for m in _TOKEN.finditer(self.text) if m.end() >= column)
        return match.start() + 1, quote(match[0])


def quote(text: str) -> str:
    """Return *text* in quotes, cut short if it is long, with tabs as blanks."""
    text = text.replace("\t", " ")
    return f"'{text}'" if len(text) <= 60 else f"'{text[:57]}...'"


def read(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a file, or some more than a test may have.

    Raises:
        LitmusError: It cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise LitmusError(
            os.fspath(path), 1, 1, expected="a readable file", found=reason.lower()
        ) from error


def decode(data: bytes, path: str) -> str:
    """Return the text that the bytes of a file stand for.

    Raises:
        LitmusError: They are too many, or not UTF-8.
    """
    _check_size(len(data), path)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line_start = before.rfind(b"\n") + 1
        raise LitmusError(
            path,
            before.count(b"\n") + 1,
            len(before[line_start:].decode()) + 1,
            expected="UTF-8",
            found=f"byte 0x{data[error.start]:02x}",
        ) from error


def lines(text: str, path: str) -> Iterator[Line]:
    """Give the lines of a test.

    Raises:
        LitmusError: The text is too long, or has characters that no text needs.
    """
    _check_size(len(text), path)
    for number, raw in enumerate(text.split("\n"), 1):
        line = Line(path, number, raw.removesuffix("\r"))
        _check_line(line)
        yield line


def _check_size(size: int, path: str) -> None:
    if size > MAX_BYTES:
        expected = f"at most {MAX_BYTES} bytes"
        raise LitmusError(path, 1, 1, expected=expected, found="more")


def _check_line(line: Line) -> None:
    if len(line.text) > MAX_LINE:
        raise LitmusError(
            line.path,
            line.number,
            MAX_LINE + 1,
            expected=f"at most {MAX_LINE} characters in a line",
            found=str(len(line.text)),
        )
    for column, character in enumerate(line.text, 1):
        if not character.isprintable() and character != "\t":
            raise LitmusError(
                line.path,
                line.number,
                column,
                expected="printable text",
                found=f"the character U+{ord(character):04X}",
            )
