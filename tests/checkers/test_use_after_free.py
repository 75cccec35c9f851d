"""tlb.use-after-free."""

from __future__ import annotations

from driving import Race, program, st, thread
from forkfuzz.checkers.tlb import UseAfterFreeChecker
from forkfuzz.mm.pgtable import PAGE_DIRTY, PAGE_RW
from forkfuzz.scenarios.program import Madvise, PageSpec
from staging import RW, Stage


def test_a_store_through_a_translation_of_a_freed_frame_is_reported() -> None:
    """I7."""
    here = Stage(UseAfterFreeChecker)
    here.fill()
    old = here.folio()
    here.free(old)
    here.store(1, folio=old)
    assert here.props() == ["tlb.use-after-free"]


def test_a_load_from_a_frame_that_has_another_owner_by_now_is_reported() -> None:
    """Freed and handed out again: still the wrong life of the frame."""
    here = Stage(UseAfterFreeChecker)
    here.fill()
    old = here.folio()
    here.free(old)
    assert here.alloc() is old
    here.load(folio=old)
    assert here.props() == ["tlb.use-after-free"]


def test_a_translation_made_in_the_frames_new_life_is_in_order() -> None:
    """Near miss: the frame was recycled before it was looked up."""
    here = Stage(UseAfterFreeChecker)
    here.free(here.folio())
    here.set(here.parent, "A", here.alloc(), RW)
    here.fill()
    here.store(1)
    assert here.props() == []


def test_a_device_write_to_a_freed_frame_is_reported() -> None:
    """Its reference should have kept the page."""
    here = Stage(UseAfterFreeChecker)
    pin = here.pin()
    here.dma(pin, 1)
    assert here.props() == []
    here.free(here.folio())
    here.dma(pin, 2)
    assert here.props() == ["tlb.use-after-free"]


def test_a_device_read_of_a_freed_frame_is_reported() -> None:
    """What it reads may be anybody's."""
    here = Stage(UseAfterFreeChecker)
    pin = here.pin()
    here.checker.device_loaded(pin, 0, 0)
    assert here.props() == []
    here.free(here.folio())
    here.checker.device_loaded(pin, 0, 0)
    assert here.props() == ["tlb.use-after-free"]


def test_an_instruction_that_translated_before_a_refill_is_judged_by_its_own_frame() -> (
    None
):
    """Between translation and store the TLB may lose the entry and cache another."""
    here = Stage(UseAfterFreeChecker)
    spare = here.alloc()
    here.free(spare)
    here.fill()
    old = here.folio()
    assert here.alloc() is spare
    here.set(here.parent, "A", spare, RW)
    here.fill()
    here.store(1, folio=old)
    assert here.props() == []


def test_the_model_can_do_that_and_it_is_in_order() -> None:
    """A refill between translation and store, while MADV_DONTNEED awaits this CPU."""
    race = Race(
        program(
            ["A", PageSpec("B", untouched=True)],
            thread(
                "T1", st("B", 1), Madvise("B", "dontneed"), Madvise("A", "dontneed")
            ),
            thread("T2", st("A", 2)),
            thread("T3", st("A", 3)),
        )
    )
    race.to("T1", "tlb_finish_mmu:dec_tlb_flush_pending")
    race.step("T2")
    race.evict("cpu1", "A")
    race.step("T1")
    race.past("T1", "zap_pte_range:ptep_get_and_clear_full")
    race.past("T1", "spin_unlock:release")
    race.to("T3", "spin_unlock:release")
    race.fill("cpu1", "A")
    race.past("T2", "store:write_word")
    assert race.props() == []


def test_a_store_that_sets_d_in_an_old_copy_has_not_looked_the_page_up() -> None:
    """Hardware that does not check the entry goes on with what it has cached."""
    here = Stage(UseAfterFreeChecker)
    folio = here.folio()
    here.set(here.parent, "A", folio, PAGE_RW)
    here.fill(cpu=1)
    here.zap(here.parent)
    here.free(folio)
    here.cpu(1).tlb[0] |= PAGE_DIRTY
    here.checker.filled(here.cpu(1), 0, here.cpu(1).tlb[0])
    here.store(7, cpu=1, folio=folio)
    assert here.props() == ["tlb.use-after-free"]
