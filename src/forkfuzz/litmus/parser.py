"""Reading a litmus test: the lines in their order, and what they add up to."""

from __future__ import annotations

import os

import attrs
from lark import Token

from forkfuzz.errors import LitmusError, UsageError
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios.program import Program

from . import source
from .assertions import MAX_ASSERTIONS, Subjects, read_assertion
from .columns import Column, check_children, check_semaphores, read_columns
from .directives import DIRECTIVES, Settings
from .grammar import Node, one_of, parse_line
from .source import Line
from .statements import read_row
from .test import Assertion, LitmusTest

MAX_NAME = 64
ASSERTIONS = ("exists", "forbidden", "always", "violates", "clean")
"""The first words of the lines below the table."""


def load(path: str | os.PathLike[str]) -> LitmusTest:
    """Read the test stored at *path*.

    Raises:
        LitmusError: It cannot be read, or is not a test.
    """
    return parse(source.read(path), os.fspath(path))


def parse(text: str | bytes, path: str = "<litmus>") -> LitmusTest:
    """Read a test.

    Args:
        text: Of the test.
        path: What messages call it.

    Raises:
        LitmusError: It is not a test; the message names the place.
    """
    if isinstance(text, bytes):
        text = source.decode(text, path)
    reader = _Reader()
    line = Line(path, 1, "")
    for line in source.lines(text, path):
        reader.feed(line)
    return reader.close(line)


@attrs.define(slots=True)
class _Reader:
    """What has been read so far, and therefore what may come next."""

    heading: Token | None = None
    description: str | None = None
    settings: Settings = attrs.field(factory=Settings)
    columns: tuple[Column, ...] = ()
    columns_line: Line | None = None
    rows: int = 0
    subjects: Subjects | None = None
    assertions: list[Assertion] = attrs.field(factory=list)

    def feed(self, line: Line) -> None:
        """Take in the next line."""
        blank = not line.text.strip(" \t")
        if blank and self.columns and self.subjects is None:
            self._end_table(line)
        elif line.content.strip(" \t"):
            self._feed_content(line)

    def _feed_content(self, line: Line) -> None:
        if self.heading is None:
            self.heading = _heading(line)
        elif self.subjects is not None:
            self._feed_assertion(line)
        elif self.columns:
            self._feed_row(line)
        elif line.content.lstrip(" \t").startswith('"'):
            self._feed_description(line)
        elif line.first_word in DIRECTIVES:
            self.settings.feed(line, parse_line(line, "directive"))
        else:
            self._feed_columns(line)

    def _feed_description(self, line: Line) -> None:
        text = str(parse_line(line, "description").children[0])
        if self.description is not None or self.settings.given:
            raise line.wrong(line.start, "one description, after the name of the test")
        self.description = text[1:-1].strip(" \t")

    def _feed_columns(self, line: Line) -> None:
        if line.first_word in ASSERTIONS:
            raise line.wrong(line.start, "the table, which comes before assertions")
        if not self.settings.pages:
            expected = f"a directive ({one_of(DIRECTIVES)}), for there is no page yet"
            raise line.wrong(line.start, expected)
        self.columns = read_columns(line, _columns_tree(line))
        self.columns_line = line

    def _feed_row(self, line: Line) -> None:
        if line.first_word in ASSERTIONS:
            raise line.wrong(line.start, "a blank line between table and assertions")
        read_row(line, parse_line(line, "row"), self.columns, self.settings.pages)
        self.rows += 1

    def _end_table(self, line: Line) -> None:
        if not self.rows:
            raise line.wrong(line.end, "the first row of the table", "a blank line")
        check_semaphores(self.columns)
        self.subjects = Subjects(
            self.settings.pages,
            self.columns,
            check_children(self.columns),
            self.settings.faults_stop,
        )

    def _feed_assertion(self, line: Line) -> None:
        assert self.subjects is not None  # the table is over
        if line.first_word not in ASSERTIONS:
            raise line.wrong(line.start, f"an assertion ({one_of(ASSERTIONS)})")
        if len(self.assertions) == MAX_ASSERTIONS:
            raise line.wrong(line.start, f"at most {MAX_ASSERTIONS} assertions")
        tree = parse_line(line, "assertion")
        assertion = read_assertion(line, tree, self.subjects)
        self._check_verdicts(line, assertion)
        self.assertions.append(assertion)

    def _check_verdicts(self, line: Line, new: Assertion) -> None:
        """Refuse ``clean`` beside ``violates``, and either of them twice."""
        kinds = [assertion.kind for assertion in self.assertions]
        if new.kind == "clean" and "violates" in kinds:
            raise line.wrong(line.start, "no 'clean' where there is a 'violates'")
        if new.kind == "violates" and "clean" in kinds:
            raise line.wrong(line.start, "no 'violates' where there is a 'clean'")
        written = [(assertion.kind, assertion.prop) for assertion in self.assertions]
        verdict = new.kind in ("clean", "violates")
        if verdict and (new.kind, new.prop) in written:
            told = f"{new.kind} {new.prop}".strip()
            raise line.again(line.start, told)

    def close(self, last: Line) -> LitmusTest:
        """Return the test, once there are no more lines."""
        if self.rows and self.subjects is None:
            self._end_table(last)
        missing = self._missing()
        if missing:
            raise last.wrong(last.end, missing, "the end of the file")
        if not {"clean", "violates"} & {a.kind for a in self.assertions}:
            self.assertions.append(Assertion("clean", implied=True))
        rules_text = self.settings.rules_text or "seed"
        return LitmusTest(
            str(self.heading),
            self.description or "",
            parse_rules(rules_text),
            rules_text,
            self._program(),
            tuple(self.assertions),
            last.path,
        )

    def _missing(self) -> str:
        """Return in words what has to come before a test can end."""
        if self.heading is None:
            return "'litmus' and the name of the test"
        if not self.columns:
            return "a directive or the table"
        if not self.rows:
            return "the first row of the table"
        return "" if self.assertions else f"an assertion ({one_of(ASSERTIONS)})"

    def _program(self) -> Program:
        assert self.columns_line is not None  # there is a table
        try:
            return Program(
                str(self.heading),
                self.settings.pages.specs(),
                tuple(column.thread() for column in self.columns),
                **self.settings.program_fields(),
            )
        except UsageError as error:
            if isinstance(error, LitmusError):
                raise
            # What the language does not know to be impossible, the model does.
            raise self.columns_line.wrong(
                1, "a program that can run", str(error)
            ) from error


def _heading(line: Line) -> Token:
    token: Token = parse_line(line, "heading").children[0]
    if len(token) > MAX_NAME:
        raise line.wrong(token, f"a name of at most {MAX_NAME} characters")
    return token


def _columns_tree(line: Line) -> Node:
    try:
        return parse_line(line, "columns")
    except LitmusError:
        if "|" in line.content:
            raise
        expected = f"a directive ({one_of(DIRECTIVES)}) or the names of the columns"
        raise line.wrong(line.start, expected) from None
