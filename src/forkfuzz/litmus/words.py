"""Names, numbers, and words of the language that stand for nothing yet."""

from __future__ import annotations

import re

from lark import Token

from .grammar import keywords
from .source import Line

MAX_NAME = 32
MAX_VALUE = 2**64 - 1

_IDENTIFIER = re.compile(rf"[A-Za-z][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}")
_FREE = frozenset({"r"})
"""A keyword that is no word apart: every other test has a register of that name."""

NOT_MODELLED = frozenset(
    {
        *("page attribute hugetlb", "page attribute thp"),
        *("statement mremap", "statement migrate", "statement merge"),
        *("statement uffd-wp", "statement uffd-unwp", "statement clear-refs"),
        *("madvise free", "madvise pageout"),
        "memory tso",
    }
)
"""What the language has and the model has not."""


def require_modelled(line: Line, at: Token | int, what: str) -> None:
    """Refuse what is in `NOT_MODELLED`.

    Raises:
        NotModelledError: It is.
    """
    if what in NOT_MODELLED:
        raise line.not_modelled(at, what)


def identifier(line: Line, token: Token, what: str) -> str:
    """Return the name that *token* gives to something.

    Raises:
        LitmusError: It is no name, or a word of the language.
    """
    if _IDENTIFIER.fullmatch(token) is None:
        expected = f"a name for {what} of at most {MAX_NAME} letters, digits and '_'"
        raise line.wrong(token, expected)
    if token in keywords() - _FREE:
        raise line.wrong(token, f"a name for {what} that is no word of the language")
    return str(token)


def number(
    line: Line,
    token: Token,
    least: int = 0,
    most: int = MAX_VALUE,
    what: str = "a number",
) -> int:
    """Return the value of a number.

    Raises:
        LitmusError: It is out of range.
    """
    # What has so many digits need not be converted, and may be refused by int().
    value = int(token) if len(token) <= len(str(MAX_VALUE)) else MAX_VALUE + 1
    if not least <= value <= most:
        raise line.wrong(token, f"{what} from {least} to {most}")
    return value
