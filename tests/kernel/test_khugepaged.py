"""khugepaged on the child's pages: which ranges it collapses, and what it maps there."""

from __future__ import annotations

import pytest

from driving import Race, forker, ld, program, thread
from forkfuzz.mm.pgtable import NONE, PTE_MARKER_GUARD, pte_present
from forkfuzz.scenarios.program import Collapse, Madvise, PageSpec, SwapOut, Thread

A = PageSpec("A", init=(5,))
UNTOUCHED = PageSpec("B", untouched=True)
KHUGEPAGED = Thread("khugepaged", (Collapse(),), kind="kernel")
COPY = "__collapse_huge_page_copy:copy_mc_user_highpage"
BACK = "collapse_huge_page:pmd_populate"


@pytest.mark.parametrize("read", [False, True], ids=["empty", "zero page"])
def test_where_there_is_no_page_a_cleared_one_is_put(*, read: bool) -> None:
    """A load leaves the zero page, for which there is nothing to copy either."""
    reader = thread("T1", *[ld("B")] * read)
    race = Race(program([A, UNTOUCHED], forker(), reader, KHUGEPAGED))
    race.finish("T1", "F", "khugepaged")
    assert race.labels("khugepaged").count(COPY) == 1
    for page, value in (("A", 5), ("B", 0)):
        assert race.value(page, mm="child") == value
        assert race.folio(page, "child").anon_exclusive
        assert race.folio(page, "child").mapcount == 1
    assert race.props() == []


def test_a_range_with_no_page_at_all_is_left_alone() -> None:
    """The scan would not have chosen it."""
    race = Race(program([UNTOUCHED], forker(), KHUGEPAGED))
    race.finish("F", "khugepaged")
    assert race.pte("B", "child") == NONE
    assert COPY not in race.labels("khugepaged")
    assert race.props() == []


@pytest.mark.parametrize("how", ["guard", "swap"])
def test_an_entry_that_leads_to_no_page_but_is_not_empty_ends_it(how: str) -> None:
    """Neither a guard nor what is swapped out counts as missing; all entries go back."""
    mapped = PageSpec("B", vma=0)
    if how == "guard":
        other = thread("T1", Madvise("B", "guard"))
    else:
        other = Thread("T1", (SwapOut("B"),), kind="kernel")
    race = Race(program([A, mapped], forker(), other, KHUGEPAGED))
    race.finish("T1", "F", "khugepaged")
    assert COPY not in race.labels("khugepaged")
    assert race.labels("khugepaged").count(BACK) == 2
    pte = race.pte("B", "child")
    assert not pte_present(pte)
    assert (pte == PTE_MARKER_GUARD) == (how == "guard")
    assert race.props() == []
