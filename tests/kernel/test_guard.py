"""madvise_guard_install() beside a thread that zaps the page, or faults it in."""

from __future__ import annotations

import pytest

from driving import Race, program, st, thread
from forkfuzz.mm.pgtable import PTE_MARKER_GUARD
from forkfuzz.scenarios.program import Madvise

GUARD = thread("T1", Madvise("A", "guard"))
DONTNEED = thread("T2", Madvise("A", "dontneed"))
LOOK = "walk_pte_range_inner:ptep_get"
SET = "walk_pte_range_inner:set_pte_at"
ZAP = "zap_pte_range:ptep_get_and_clear_full"
FLUSH = "flush_tlb_mm_range:inc_mm_tlb_gen"


def test_a_page_that_a_fault_puts_there_before_the_marker_goes_too() -> None:
    """The page-table lock is dropped between the zap and the next look."""
    race = Race(program(["A"], GUARD, thread("T2", st("A", 7))))
    race.to("T1", FLUSH)
    race.to("T1", "spin_lock:acquire")
    race.finish("T2")
    race.finish("T1")
    labels = race.labels("T1")
    assert labels.count(LOOK) == 3
    assert labels.count(ZAP) == 2
    assert labels.count(SET) == 1
    assert race.pte("A") == PTE_MARKER_GUARD
    assert race.props() == []


@pytest.mark.parametrize("guard_flush", ["on", "off"])
def test_an_empty_entry_is_flushed_only_if_someone_is_zapping(guard_flush: str) -> None:
    """The thread that threw the page away may have its flush still to come."""
    race = Race(program(["A"], GUARD, DONTNEED), f"seed,guard_flush={guard_flush}")
    race.to("T2", FLUSH)
    race.finish("T1")
    assert (FLUSH in race.labels("T1")) == (guard_flush == "on")
    assert ZAP not in race.labels("T1")
    race.finish("T2")
    assert race.pte("A") == PTE_MARKER_GUARD
    assert race.props() == []

    race = Race(program(["A"], GUARD, DONTNEED), f"seed,guard_flush={guard_flush}")
    race.finish("T2")
    race.finish("T1")
    assert FLUSH not in race.labels("T1")
    assert race.props() == []
