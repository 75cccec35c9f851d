"""Reading assertions: every name in a condition must be one that the test has."""

from __future__ import annotations

from typing import Any

import attrs
from lark import Token

from forkfuzz.checkers import PROPERTIES

from .columns import THREADS, Column, child_number
from .conditions import And, Atom, Condition, Not, Or
from .grammar import Node, one_of
from .pages import Pages
from .places import Ended, Entry, Place, Register, Word
from .source import Line
from .test import Assertion
from .words import number

MAX_ASSERTIONS = 100
MAX_DEPTH = 50
"""How deep a condition may nest, parentheses that change nothing not counted."""

GROUPS = tuple(dict.fromkeys(name.partition(".")[0] for name in PROPERTIES))
"""What ``violates`` takes besides properties."""


@attrs.frozen(slots=True)
class Subjects:
    """What conditions may be about.

    Attributes:
        pages: Those of the test.
        columns: Those of its table.
        forks: How many forks are in it.
        faults_stop: Whether a fault ends a thread.
    """

    pages: Pages
    columns: tuple[Column, ...]
    forks: int
    faults_stop: bool

    def column(self, line: Line, token: Token) -> Column:
        """Return the column that a word of a condition names."""
        for column in self.columns:
            if column.name == token:
                return column
        processes = ["parent", *["child"] * bool(self.forks)]
        names = one_of([*processes, *(column.name for column in self.columns)])
        raise line.wrong(token, f"a process or a column ({names})")


def read_assertion(line: Line, tree: Node, subjects: Subjects) -> Assertion:
    """Read one line of the last part of a test."""
    kind = tree.data
    text = line.content.strip(" \t").removeprefix(kind).strip(" \t")
    if kind == "clean":
        return Assertion(kind, text, line.number)
    (operand,) = tree.children
    if kind == "violates":
        return Assertion(kind, text, line.number, prop=_property(line, operand))
    condition = _Conditions(line, subjects).read(operand)
    return Assertion(kind, text, line.number, condition)


def _property(line: Line, token: Token) -> str:
    if token in GROUPS or token in PROPERTIES:
        return str(token)
    group = token.partition(".")[0]
    among = [name for name in PROPERTIES if name.startswith(f"{group}.")]
    expected = one_of(among) if among else f"a property, or a group: {one_of(GROUPS)}"
    raise line.wrong(token, expected)


class _Conditions:
    """Reads the conditions of one line.

    Args:
        line: The line.
        subjects: What they may be about.
    """

    def __init__(self, line: Line, subjects: Subjects) -> None:
        self._line = line
        self._subjects = subjects

    def read(self, tree: Node, depth: int = 0) -> Condition:
        """Return the condition that a tree stands for."""
        if depth > MAX_DEPTH:
            column = int(tree.meta.column)
            raise self._line.wrong(column, f"at most {MAX_DEPTH} levels of nesting")
        match tree.data:
            case "condition":
                return Or(tuple(self.read(t, depth + 1) for t in tree.children))
            case "conjunction":
                return And(tuple(self.read(t, depth + 1) for t in tree.children))
            case "negation":
                return Not(self.read(tree.children[0], depth + 1))
            case "equals":
                return self._equals(tree)
            case "ended":
                return Atom(self._ended(tree), value=True)
            case _:
                page = self._subjects.pages.find(self._line, tree.children[0])
                what = str(tree.children[1].children[0])
                return Atom(Entry(str(page.name), what), value=True)

    def _equals(self, tree: Node) -> Atom:
        where, name, *index, value = tree.children
        wanted = number(self._line, value)
        fork = self._fork(where)
        if fork is None or (name not in self._subjects.pages and fork):
            column = self._column_of_register(where, name)
            return Atom(self._register(column, name, index), wanted)
        return Atom(self._word(where, fork, [name, *index]), wanted)

    def _fork(self, where: Token) -> int | None:
        """Return which fork made a process, 0 for the parent; None for a column."""
        return 0 if where == "parent" else child_number(where)

    def _column_of_register(self, where: Token, name: Token) -> Column:
        is_process = self._fork(where) is not None
        if is_process and where not in [c.name for c in self._subjects.columns]:
            # There is no such register, so a page was meant.
            self._subjects.pages.find(self._line, name)
        return self._subjects.column(self._line, where)

    def _register(self, column: Column, name: Token, index: list[Any]) -> Place:
        if name not in column.registers:
            known = f" ({', '.join(column.registers)})" if column.registers else ""
            raise self._line.wrong(name, f"a register of '{column.name}'{known}")
        if index:
            raise self._line.wrong(
                int(index[0].meta.column), "'=', for a register has no words"
            )
        return Register(column.name, str(name))

    def _word(self, where: Token, fork: int, children: list[Any]) -> Place:
        subjects = self._subjects
        if fork > subjects.forks:
            expected = f"as many forks as '{where}' needs, {fork}"
            raise self._line.wrong(where, expected, f"{subjects.forks} in the table")
        page, index = subjects.pages.place(self._line, children)
        suffix = f"[{index}]" if subjects.pages.words(page) > 1 else ""
        return Word(str(where), fork, page, index, f"{where}:{page}{suffix}")

    def _ended(self, tree: Node) -> Place:
        where, ending = tree.children[0], tree.children[1].children[0]
        column = self._subjects.column(self._line, where)
        if column.kind not in THREADS:
            raise self._line.wrong(where, "a thread of the parent or of a child")
        if ending == "fork-failed" and not column.forks:
            raise self._line.wrong(where, "a thread that forks")
        if ending == "fault" and not self._subjects.faults_stop:
            raise self._line.wrong(ending, "'fault' only with 'faults stop'")
        return Ended(column.name, str(ending))
