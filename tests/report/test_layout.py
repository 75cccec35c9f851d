"""Columns that fit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from forkfuzz.report.layout import Line, columns, paragraph
from forkfuzz.report.sanitize import printable

WORDS = st.text("ab() ", min_size=1, max_size=90).filter(str.strip)


@given(
    headers=st.lists(st.just("T1"), min_size=1, max_size=3),
    cells=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), WORDS), max_size=9),
)
def test_no_table_is_wider_than_seventy_five_columns(
    headers: list[str], cells: list[tuple[int, int, str]]
) -> None:
    """Long text is wrapped, and none of it is lost."""
    lines = [Line(c % len(headers), depth, text) for c, depth, text in cells]
    table = columns(headers, lines)
    assert max(map(len, table)) <= 75
    wanted = "".join("".join(line.text.split()) for line in lines)
    assert "".join("".join(row.split()) for row in table[1:]) == wanted


def test_the_second_column_starts_where_kernel_developers_expect_it() -> None:
    """Two short columns have the same places in every table."""
    table = columns(["CPU0", "CPU1"], [Line(0, 1, "a()"), Line(1, 0, "b()")])
    assert table == ["   CPU0" + 30 * " " + "CPU1", "     a()", 37 * " " + "b()"]


def test_a_mark_stands_in_the_next_column_or_below() -> None:
    """The cut is marked even where there is no room beside it."""
    beside = columns(["F", "T1"], [Line(0, 0, "unlock()", "<- the cut")])
    assert beside[1] == "   unlock()" + 26 * " " + "<- the cut"
    below = columns(["F"], [Line(0, 0, "x" * 70, "<- the cut")])
    assert below[-1] == "<- the cut".rjust(75)


def test_three_columns_take_room_from_the_widest() -> None:
    """Names of functions are broken only if nothing else helps."""
    names = ["mmap_write_unlock(oldmm)", "A[1] = 1  (stale TLB)", "a b " * 20]
    table = columns(["F", "T1", "T2"], [Line(i, 0, n) for i, n in enumerate(names)])
    assert table[1].strip() == names[0]
    assert table[2].strip() == names[1]


@given(st.text())
def test_whatever_is_printed_is_printable_ascii(text: str) -> None:
    """No escape sequence of a hostile file gets through."""
    assert all(" " <= c <= "~" for c in printable(text))


def test_paragraphs_are_indented() -> None:
    """Each line, not only the first."""
    lines = paragraph("word " * 30)
    assert len(lines) > 1
    assert all(line.startswith("  word") for line in lines)


def test_a_word_that_is_too_long_is_cut_where_a_name_has_a_joint() -> None:
    """Before a parenthesis or after an underscore, and else anywhere."""
    words = (
        "madvise_guard_install(vma0): VM_MAYBE_GUARD",
        "folio_needs_cow_for_dma(A): no",
        "unmap_and_flush(everything_there_is)",
        "x" * 40,
    )
    lines = [Line(max(0, n - 1), 0, word) for n, word in enumerate(words)]
    table = columns(("F (fork)", "T1", "T2"), lines)
    assert [row.strip() for row in table[1:]] == [
        "madvise_guard_install(vma0):",
        "VM_MAYBE_GUARD",
        "folio_needs_cow_for_dma(A):",
        "no",
        "unmap_and_flush",
        "(everything_there_",
        "is)",
        "x" * 21,
        "x" * 19,
    ]
