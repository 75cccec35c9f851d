"""Litmus tests to take apart: the files, and small ones put together from parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkfuzz.errors import LitmusError
from forkfuzz.litmus import LitmusTest, parse
from forkfuzz.scenarios.program import PageSpec, Statement

HERE = Path(__file__).parent
FILES = [
    HERE / f"{name}.litmus"
    for name in (
        *("dma-exempt", "gup-fast", "gup-fast-seq", "lost-store", "no-final-flush"),
        *("no-vma-lock", "pinned-in-page", "pinned-mp", "pinned-mp-seed"),
        *("transistency-local-flush", "transistency-shootdown", "unpinned-mp"),
        *("vmsplice-leak", "wipeonfork"),
    )
]
"""Between them they use most of the language."""
IDS = [path.stem for path in FILES]


def text(
    table: str = "T1 | F\nA = 1 | fork",
    assertions: str = "clean",
    *,
    directives: str = "page A[2]\npage B",
    heading: str = "litmus t",
) -> str:
    """Return a test; the table begins in line 4 unless there are other directives."""
    return f"{heading}\n{directives}\n{table}\n\n{assertions}\n"


def make(table: str = "T1 | F\nA = 1 | fork", **parts: str) -> LitmusTest:
    """Return what `text` makes, read."""
    return parse(text(table, **parts), "t.litmus")


def pages(*directives: str) -> tuple[PageSpec, ...]:
    """Return the pages that directives make."""
    last = "page Z vma=9999"
    test = make("T1\nZ = 1", directives="\n".join([*directives, last]))
    return test.program.pages[:-1]


def statement(words: str, column: str = "T1") -> Statement:
    """Return the one statement of a column that stands beside a thread that forks."""
    test = make(f"{column} | F\n{words} | fork")
    return test.program.threads[0].statements[0]


def refused(data: str | bytes) -> LitmusError:
    """Return the error that a text is refused with."""
    with pytest.raises(LitmusError) as caught:
        parse(data, "t.litmus")
    error = caught.value
    assert error.path == "t.litmus"
    assert error.line >= 1
    assert error.column >= 1
    assert error.expected
    assert error.found
    assert str(error).startswith(f"t.litmus:{error.line}:{error.column}: ")
    assert str(error).isprintable()
    return error


def told(**parts: str) -> str:
    """Return line, column and the rest of the message for a test put together so."""
    return str(refused(text(**parts))).removeprefix("t.litmus:")
