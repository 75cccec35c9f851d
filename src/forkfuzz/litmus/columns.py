"""The columns of a test's table: who they are, and what they have done so far."""

from __future__ import annotations

import re

import attrs
from lark import Token

from forkfuzz.scenarios.program import MAX_THREADS, Fork, Statement, Thread

from .grammar import Node, one_of
from .source import Line
from .words import identifier

PARENT = "parent"
CHILD = "child"
DEVICE = "device"
ACTORS = ("kswapd", "migrate", "ksmd", "khugepaged")
"""Columns that are kernel threads; each is a kind of its own."""

THREADS = frozenset({PARENT, CHILD})

KINDS = {
    PARENT: "a thread of the parent",
    CHILD: "a thread of a child",
    DEVICE: "a device",
    **{actor: actor for actor in ACTORS},
}
"""Every kind of column, in words."""

_PROCESS = re.compile(r"child([1-9][0-9]*)?")
_RESERVED = ("parent",)


@attrs.define(slots=True)
class Column:
    """One column.

    Attributes:
        line: Where the columns are named.
        token: Its name there.
        kind: One of `KINDS`.
        fork: Which fork makes the child that it is a thread of.
        statements: What it does, in order.
        registers: What it loads into.
        posts: The semaphores that it posts.
        waits: Those that it waits for, each with the first place.
        exited: Whether it has ended its process.
    """

    line: Line
    token: Token
    kind: str
    fork: int = 1
    statements: list[Statement] = attrs.field(factory=list)
    registers: dict[str, None] = attrs.field(factory=dict)
    posts: set[str] = attrs.field(factory=set)
    waits: dict[str, tuple[Line, Token]] = attrs.field(factory=dict)
    exited: bool = False

    @property
    def name(self) -> str:
        """Return its name."""
        return str(self.token)

    @property
    def described(self) -> str:
        """Return its name, and what it is unless that is its name."""
        what = "" if self.kind in ACTORS else f", {KINDS[self.kind]}"
        return f"'{self.name}'{what}"

    @property
    def forks(self) -> int:
        """Return how often it forks."""
        return sum(isinstance(statement, Fork) for statement in self.statements)

    def thread(self) -> Thread:
        """Return it as a program has it."""
        kind = "kernel" if self.kind in ACTORS else self.kind
        return Thread(self.name, tuple(self.statements), kind, self.fork)


def kinds_in_words(kinds: frozenset[str]) -> str:
    """Return in words which columns there may be."""
    words = ["a thread"] if kinds >= THREADS else []
    left = kinds - THREADS if words else kinds
    return one_of([*words, *(text for kind, text in KINDS.items() if kind in left)])


def child_number(name: str) -> int | None:
    """Return which child ``child``, ``child2``, ... is; None for any other name."""
    match = _PROCESS.fullmatch(name)
    if match is None or match[1] == "1" or len(match[1] or "") > 4:
        return None
    return int(match[1] or 1)


def read_columns(line: Line, tree: Node) -> tuple[Column, ...]:
    """Return the columns that a table's first line names."""
    columns: list[Column] = []
    for token in tree.children:
        if len(columns) == MAX_THREADS:
            raise line.wrong(token, f"at most {MAX_THREADS} columns")
        if token in [column.token for column in columns]:
            raise line.wrong(token, "a name that no column has yet")
        columns.append(_column(line, token))
    return tuple(columns)


def _column(line: Line, token: Token) -> Column:
    number = child_number(token)
    if number is not None:
        return Column(line, token, CHILD, number)
    if token in ACTORS:
        return Column(line, token, str(token))
    if token.startswith("child"):
        raise line.wrong(token, "'child', 'child2', ... for a thread of a child")
    identifier(line, token, "a column")
    if token in _RESERVED:
        raise line.wrong(token, "the name of a thread, which is not that of a process")
    return Column(line, token, DEVICE if token.startswith("dev") else PARENT)


def check_semaphores(columns: tuple[Column, ...]) -> None:
    """Refuse a wait that nothing could end."""
    posted = {name for column in columns for name in column.posts}
    for column in columns:
        for name, (line, token) in column.waits.items():
            if name not in posted:
                expected = f"a semaphore that some column posts, as 'post {name}' does"
                raise line.wrong(token, expected)


def check_children(columns: tuple[Column, ...]) -> int:
    """Return how many forks there are; every child needs one."""
    forks = sum(column.forks for column in columns)
    for column in columns:
        if column.kind == CHILD and column.fork > forks:
            raise column.line.wrong(
                column.token,
                f"as many forks as '{column.name}' needs, {column.fork}",
                f"{forks} in the table",
            )
    return forks
