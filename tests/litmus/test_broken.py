"""Whatever is not a test is refused in good order, and nothing else comes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forkfuzz.errors import LitmusError
from forkfuzz.litmus import parse
from litmus.texts import FILES, IDS, refused, text

# Everything that can be made of the files by breaking them.


WORDS = re.compile(r"[\w.-]+")


def of_the_language(source: str) -> Iterator[re.Match[str]]:
    """Give every word that is not in a description."""
    quoted = [match.span() for match in re.finditer(r'"[^"\n]*"', source)]
    for match in WORDS.finditer(source):
        if not any(start <= match.start() < end for start, end in quoted):
            yield match


def lines_of(source: str) -> Iterator[tuple[int, int, str]]:
    """Give where each line that is not blank begins and ends, and what it is."""
    for match in re.finditer(r"[^\n]+", source):
        yield match.start(), match.end(), match[0]


def garbled(source: str) -> Iterator[str]:
    """Put a sign that is not in the language into every word."""
    for match in of_the_language(source):
        middle = match.start() + len(match[0]) // 2
        yield f"{source[:middle]}@{source[middle:]}"


def doubled(source: str) -> Iterator[str]:
    """Repeat the first word of every line, quoted text included."""
    for start, _end, line in lines_of(source):
        first = line.split()[0]
        yield f"{source[:start]}{first} {source[start:]}"


def beheaded(source: str) -> Iterator[str]:
    """Take away the first word of every line to which it is not all."""
    for start, end, line in lines_of(source):
        _first, *rest = line.split(maxsplit=1)
        if rest and rest[0][0] not in "|#":
            yield source[:start] + rest[0] + source[end:]


def cut_off(source: str) -> Iterator[str]:
    """End the file after every character above the assertions."""
    table_ends = source.rindex("\n\n")
    for end in range(0, table_ends, 3):
        yield source[:end]


def wrong_cells(source: str) -> Iterator[str]:
    """Add a cell to every row, or take one away."""
    for start, end, line in lines_of(source):
        if "|" in line:
            yield f"{source[:end]} | x{source[end:]}"
            yield source[:start] + line.rpartition("|")[0] + source[end:]


def unknown(source: str) -> Iterator[str]:
    """Refer to pages that are not declared, and to words that a page does not have."""
    for match in re.finditer(r"\b[AB]\b", source.partition("\n")[2]):
        at = match.start() + len(source.partition("\n")[0]) + 1
        if source[:at].rpartition("\n")[2].strip() == "page":
            continue
        if source[:at].count('"') != 1:
            yield f"{source[:at]}Q{source[at + 1 :]}"
    for match in re.finditer(r"\[\d\]", source.partition("\nT1")[2]):
        at = match.start() + len(source.partition("\nT1")[0]) + len("\nT1")
        yield f"{source[:at]}[99]{source[at + 3 :]}"


def miscast(source: str) -> Iterator[str]:
    """Make the thread that forks something that cannot."""
    for name in ("dev9", "child", "kswapd"):
        yield re.sub(r"(?m)(^|\| *)F( |$)", rf"\g<1>{name}\g<2>", source)


MUTATIONS = (garbled, doubled, beheaded, cut_off, wrong_cells, unknown, miscast)


def broken(source: str) -> set[str]:
    """Return every broken file that can be made of a good one."""
    made = {text for mutate in MUTATIONS for text in mutate(source)}
    return made - {source}


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_broken_files_are_refused(path: Path) -> None:
    """Wherever they are broken, at a place that exists."""
    source = path.read_text(encoding="utf-8")
    parse(source)
    for wrong in sorted(broken(source)):
        error = refused(wrong)
        lines = wrong.split("\n")
        assert error.line <= len(lines)
        assert error.column <= len(lines[error.line - 1]) + 1


def test_there_are_enough_broken_files() -> None:
    """Many of each kind."""
    sources = [path.read_text(encoding="utf-8") for path in FILES]
    for mutate in MUTATIONS:
        assert sum(len(set(mutate(source))) for source in sources) >= 30, mutate
    assert sum(len(broken(source)) for source in sources) > 1500


# Everything else.


PIECES = st.sampled_from(
    [
        *(" ", "\n", "\n\n", "|", "#", '"', "=", "[", "]", "(", ")", ":", "~", ","),
        *("/\\", "\\/", "0", "1", "99", "litmus t\n", "page A\n", "T1 | F\n", "A = 1"),
        *("fork", "pin", "exists ", "child:A=1", "clean\n", "rules seed\n", "r", "\t"),
    ]
)


def read(data: str | bytes) -> None:
    """Read anything at all."""
    try:
        parse(data, "t.litmus")
    except LitmusError:
        refused(data)


@given(st.lists(PIECES, max_size=60).map("".join))
@example('"\t"')
def test_pieces_of_tests_are_tests_or_errors(data: str) -> None:
    """Nothing else comes of them."""
    read(data)


@given(st.text(max_size=300))
@example("\ud800")
@example("litmus t\npage A\n²\n²")
def test_any_text_is_a_test_or_an_error(data: str) -> None:
    """Nothing else comes of it."""
    read(data)
    read(f"litmus t\npage A\nT1\n{data}")
    read(text(assertions=f"exists {data}"))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_test_or_an_error(data: bytes) -> None:
    """Nothing else comes of them."""
    read(data)
