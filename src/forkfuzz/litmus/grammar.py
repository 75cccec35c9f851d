"""The grammar at work: one line becomes a tree, or an error in words."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Any, Protocol, cast

from lark import Lark, Token, UnexpectedInput
from lark.lark import PostLex
from lark.tree import Meta

from forkfuzz.errors import LitmusError

from .source import Line

STARTS = ("heading", "description", "directive", "columns", "row", "assertion")
"""The rules that a line can be read by."""

END = "$END"

_WORDS = {
    END: "the end of the line",
    "COLUMN": "the name of a column",
    "GUARD": "a rule",
    "NAME": "a name",
    "NUMBER": "a number",
    "PAGE": "a page",
    "PRESET": "a preset of rules",
    "PROPERTY": "a property",
    "SEMAPHORE": "the name of a semaphore",
    "SITE": "an allocation site",
    "TEST": "the name of the test",
    "TEXT": "text in quotes",
    "VALUE": "a value",
    "WHERE": "a process or a column",
}
"""What each kind of token is to a reader; other tokens stand for themselves."""

_GROUPS = (
    # (what it is to a reader, rule, text after which it may come)
    ("a statement", "row", ""),
    ("a page attribute", "directive", "page A"),
    ("a condition", "assertion", "exists"),
)


class Node(Protocol):
    """A tree as lark makes it.

    Attributes:
        data: The rule, or what the grammar calls this alternative of it.
        children: Words of the line, and trees.
        meta: Where in the line it is.
    """

    data: str
    children: list[Any]
    meta: Meta


class _WholeWords(PostLex):
    """Makes the lexer take a word as a whole, so that none is two keywords."""

    always_accept: Iterable[str] = ("WORD",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """Change nothing."""
        return stream


def grammar_text() -> str:
    """Return the grammar as it is written down."""
    return (resources.files(__package__) / "grammar.lark").read_text("utf-8")


@functools.cache
def _parser() -> Lark:
    return Lark(
        grammar_text(),
        parser="lalr",
        lexer="contextual",
        postlex=_WholeWords(),
        start=list(STARTS),
        maybe_placeholders=False,
        propagate_positions=True,
    )


@functools.cache
def keywords() -> frozenset[str]:
    """Return every word that the grammar itself uses."""
    patterns = [terminal.pattern for terminal in _parser().terminals]
    strings = [pattern.value for pattern in patterns if pattern.type == "str"]
    return frozenset(string for string in strings if string[0].isalpha())


def parse_line(line: Line, rule: str) -> Node:
    """Read a line by one of `STARTS`.

    Raises:
        LitmusError: The grammar has no such line.
    """
    try:
        return cast("Node", _parser().parse(line.text, start=rule))
    except UnexpectedInput as error:
        raise _in_words(error, line, rule) from None


def _in_words(error: UnexpectedInput, line: Line, rule: str) -> LitmusError:
    token = getattr(error, "token", None)
    parser = getattr(error, "interactive_parser", None)
    assert parser is not None  # LALR errors have one
    kinds = _accepted(parser)
    if token is None:
        return line.wrong(error.column, expected(kinds))
    before = parser.parser_state.value_stack[-1:]
    if rule == "row" and token.type in ("WORD", "VBAR", END) and _is_name(before):
        # Two words, or one alone: the first was meant to be that of a statement.
        return line.wrong(before[0], _GROUPS[0][0])
    return line.wrong(line.end if token.type == END else token, expected(kinds))


def _is_name(stack: list[Any]) -> bool:
    """Return whether the parser has a word before it with which a statement begins."""
    return bool(stack) and getattr(stack[0], "type", "") == "NAME"


def _accepted(parser: Any) -> set[str]:
    """Return the kinds of token that may come next."""
    kinds: set[str] = parser.accepts()
    return kinds


@functools.cache
def _groups() -> tuple[tuple[str, frozenset[str]], ...]:
    """Return kinds of tokens that are better told by one name."""
    groups = []
    for words, rule, before in _GROUPS:
        parser = _parser().parse_interactive(before, start=rule)
        list(parser.iter_parse())
        accepted = frozenset(_accepted(parser)) - {END, "VBAR", "LSQB"}
        groups.append((words, accepted))
    return tuple(groups)


def expected(kinds: Iterable[str]) -> str:
    """Return in words what may come, by the kinds of token that the parser takes."""
    left = set(kinds)
    words = []
    for group, members in _groups():
        if members <= left:
            words.append(group)
            left -= members
    words += sorted(_WORDS[kind] for kind in left if kind in _WORDS and kind != END)
    patterns = {terminal.name: terminal.pattern for terminal in _parser().terminals}
    words += sorted(f"'{patterns[kind].value}'" for kind in left if kind not in _WORDS)
    words += [_WORDS[END]] * (END in left)
    return one_of(words)


def one_of(words: Iterable[str]) -> str:
    """Return ``a, b or c``."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
