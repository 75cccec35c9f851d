"""Loads and stores: translation, A and D, faults, and when a CPU acknowledges."""

from __future__ import annotations

import pytest

from driving import Race, forker, ld, program, st, thread
from forkfuzz.mm.pgtable import (
    PAGE_ACCESSED,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_SAVED_DIRTY,
    Pte,
)
from forkfuzz.scenarios.program import PageSpec


def one_store(*, clean: bool = False, read_only: bool = False) -> Race:
    """Return a race of F, which forks, and T1, which stores to A, on cpu1."""
    spec = PageSpec("A", words=2, clean=clean, read_only=read_only)
    return Race(program([spec], forker(), thread("T1", st("A", 1))))


def test_a_store_through_a_cached_dirty_entry_never_looks_at_the_page_table() -> None:
    """W=1, D=1 in the TLB: the PTE may be anything by then."""
    race = Race(program(["A"], forker(), thread("T1", st("A", 1), st("A", 2))))
    race.op("T1")
    race.mm().page_table.entries[0] = Pte(race.pte("A") & ~PAGE_PRESENT)
    race.op("T1")
    assert race.world.stores[race.world.frames[1].words[0]] == ("T1", 2)
    assert race.labels("T1")[-2:] == ["store:translate", "store:write_word"]


def test_the_first_store_through_a_clean_entry_sets_d_in_memory() -> None:
    """The dirty bit is in the PTE before the word is written."""
    race = one_store(clean=True)
    race.to("T1", "store:set_dirty")
    assert not race.pte("A") & PAGE_DIRTY
    race.step("T1")
    assert race.pte("A") & PAGE_DIRTY
    assert race.cpu("cpu1").tlb[0] & PAGE_DIRTY
    assert race.label("T1") == "store:write_word"


def test_setting_d_faults_if_w_has_gone_meanwhile() -> None:
    """Strict hardware re-checks W in the locked update of D."""
    race = one_store(clean=True)
    race.to("T1", "store:set_dirty")
    race.past("F", "__copy_present_ptes:wrprotect_ptes")
    race.step("T1")
    assert race.label("T1") == "vma_start_read:early_test"
    assert 0 not in race.cpu("cpu1").tlb


def test_lax_hardware_sets_d_without_w_and_finishes_the_store() -> None:
    """Only P is checked again: the store goes through, W=0 and D=1 are left."""
    spec = PageSpec("A", words=2, clean=True)
    race = Race(program([spec], forker(), thread("T1", st("A", 1)), hw_dirty_lax=True))
    race.to("T1", "store:set_dirty")
    race.past("F", "__copy_present_ptes:wrprotect_ptes")
    race.past("T1", "store:write_word")
    assert race.pte("A") & (PAGE_RW | PAGE_DIRTY) == PAGE_DIRTY
    assert race.value("A") == 1


@pytest.mark.parametrize("lax", [False, True])
def test_setting_d_faults_if_p_has_gone_meanwhile(lax: bool) -> None:
    """A page that was unmapped cannot be dirtied, on any hardware."""
    spec = PageSpec("A", words=2, clean=True)
    race = Race(program([spec], forker(), thread("T1", st("A", 1)), hw_dirty_lax=lax))
    race.to("T1", "store:set_dirty")
    race.mm().page_table.entries[0] = Pte(0)
    race.step("T1")
    assert race.label("T1") == "vma_start_read:early_test"


def test_a_translation_is_cached_only_with_a_set_in_the_page_table() -> None:
    """A walk sets A before it caches."""
    race = Race(program(["A"], thread("T1", ld("A"))))
    race.mm().page_table.entries[0] = Pte(race.pte("A") & ~PAGE_ACCESSED)
    race.step("T1")
    assert race.pte("A") & PAGE_ACCESSED
    assert 0 in race.cpu("cpu0").tlb


def test_a_faulting_access_drops_its_cached_entry_and_has_not_happened() -> None:
    """#PF leaves memory alone and invalidates the address on that CPU."""
    race = one_store(read_only=True)
    race.fill("cpu1", "A")
    race.answer("mmu:stale_read_only", 1)
    race.step("T1")
    assert 0 not in race.cpu("cpu1").tlb
    assert race.value("A") == 0
    assert race.label("T1") == "vma_start_read:early_test"


def test_a_cached_read_only_entry_may_be_refreshed_before_it_faults() -> None:
    """The PTE has W again: the walk finds it, or the stale entry faults once."""
    for faults in (0, 1):
        race = Race(
            program([PageSpec("A", read_only=True)], forker(), thread("T1", st("A", 1)))
        )
        race.fill("cpu1", "A")
        race.mm().page_table.entries[0] = Pte(
            race.pte("A") & ~PAGE_SAVED_DIRTY | PAGE_RW | PAGE_DIRTY
        )
        race.answer("mmu:stale_read_only", faults)
        race.step("T1")
        fault = race.label("T1") == "vma_start_read:early_test"
        assert fault == bool(faults)
        race.finish("T1")
        assert race.value("A") == 1


def test_a_cpu_acknowledges_a_flush_only_between_instructions() -> None:
    """A store that was translated finishes before its CPU drops the translation."""
    race = one_store()
    race.step("T1")
    race.to("F", "flush_tlb_mm_range:wait_for_acks")
    assert race.blocked("F", "irq:cpu1")
    race.step("T1")
    assert race.value("A") == 1
    assert race.value("A", mm="child") == 1
    race.ack("cpu1")
    assert race.runnable("F")
    assert race.cpu("cpu1").tlb == {}


def test_a_faulted_instruction_does_not_hold_back_an_acknowledgement() -> None:
    """In the fault handler interrupts are taken."""
    race = one_store()
    race.past("F", "__copy_present_ptes:set_ptes")
    race.step("T1")
    assert race.label("T1") == "vma_start_read:early_test"
    race.to("F", "flush_tlb_mm_range:wait_for_acks")
    assert race.runnable("irq:cpu1")


def test_once_all_acknowledgements_are_in_no_store_uses_the_old_translation() -> None:
    """The next store walks, finds W gone, faults and waits for the unlock."""
    race = Race(program(["A"], forker(), thread("T1", st("A", 1), st("A", 2))))
    race.op("T1")
    race.past("F", "flush_tlb_mm_range:wait_for_acks")
    race.to("T1", "down_read:acquire")
    assert race.blocked("T1")
    race.finish("F")
    race.finish("T1")
    assert race.value("A", mm="child") == 1
    assert race.value("A") == 2
    assert race.props() == []


def test_a_load_and_its_translation_are_two_steps() -> None:
    """Another CPU's store may fall between them, and is read."""
    race = Race(program(["A"], thread("T1", ld("A")), thread("T2", st("A", 5))))
    race.step("T1")
    race.op("T2")
    race.finish("T1")
    assert race.register("T1", "r") == 5


def test_hardware_neither_fills_nor_evicts_beyond_its_budget() -> None:
    """Spontaneous events are bounded, so that runs end."""
    race = Race(program(["A"], thread("T1", ld("A")), hardware_events=2))
    race.fill("cpu0", "A")
    race.evict("cpu0", "A")
    assert not race.runnable("tlb:cpu0")


def test_a_speculative_fill_never_caches_what_is_not_present() -> None:
    """There is nothing to choose from, so nothing happens."""
    race = Race(program([PageSpec("A", untouched=True)], thread("T1", ld("A"))))
    race.step("tlb:cpu0")
    assert race.cpu("cpu0").tlb == {}
