"""get_user_pages: the fast path and its ways back, the slow path, and unpinning."""

from __future__ import annotations

import pytest

from driving import Race, child, device, forker, program, st, thread
from forkfuzz.mm.pgtable import PAGE_DIRTY, PAGE_RW
from forkfuzz.scenarios.program import (
    DmaLoad,
    DmaStore,
    Madvise,
    PageSpec,
    Pin,
    Unpin,
)

SLOW = "down_read:acquire"
FAST_STEPS = [
    "gup_fast_fallback:set_MMF_HAS_PINNED",
    "gup_fast:read_write_protect_seq",
    "gup_fast:local_irq_save",
    "gup_fast_pte_range:ptep_get_lockless",
    "gup_fast_pte_range:try_grab_folio_fast",
    "gup_fast_pte_range:recheck_pte",
    "gup_fast:local_irq_restore",
    "gup_fast:recheck_write_protect_seq",
]


def pins(
    rules: str = "seed",
    *,
    write: bool = True,
    clean: bool = False,
    read_only: bool = False,
) -> Race:
    """Return a race of a fork and a fast pin by T1 of page A."""
    spec = PageSpec("A", words=2, clean=clean, read_only=read_only)
    return Race(program([spec], forker(), thread("T1", Pin("A", write=write))), rules)


def test_a_fast_pin_takes_the_steps_h1_to_h10_in_order() -> None:
    """Nothing is locked; the pin weighs 1024."""
    race = pins()
    race.finish("T1")
    assert race.labels("T1") == FAST_STEPS
    assert race.folio("A").refcount == 1025
    assert race.mm().has_pinned
    assert race.mm().mmap_lock.readers == 0
    assert race.props() == []


def test_a_fast_pin_sets_neither_d_nor_a() -> None:
    """The dirtiness is recorded when the page is unpinned."""
    race = pins(clean=True)
    race.finish("T1")
    assert not race.pte("A") & PAGE_DIRTY


def test_has_pinned_is_set_before_the_reference_is_taken() -> None:
    """H1; with has_pinned_first=off it comes last (MUT16)."""
    race = pins()
    race.past("T1", FAST_STEPS[0])
    assert race.mm().has_pinned
    assert race.folio("A").refcount == 1
    late = pins("seed,has_pinned_first=off")
    late.finish("T1")
    assert late.labels("T1")[-1] == FAST_STEPS[0]


def test_an_odd_sequence_count_sends_a_pin_to_the_slow_path_at_once() -> None:
    """H2: fork copies page tables, so wait for mmap_lock."""
    race = pins()
    race.past("F", "copy_page_range:write_protect_seq_begin")
    race.past("T1", "gup_fast:read_write_protect_seq")
    assert race.label("T1") == SLOW
    assert race.blocked("T1")
    race.finish("F", "T1")
    assert race.props() == []


def test_a_pin_that_fork_did_not_see_is_undone() -> None:
    """H10: the count has changed, so the reference goes back, then the slow path."""
    race = pins()
    race.past("T1", "gup_fast:read_write_protect_seq")
    race.past("F", "folio_try_dup_anon_rmap_pte:folio_needs_cow_for_dma")
    race.past("T1", "gup_fast_pte_range:recheck_pte")
    assert race.folio("A").refcount == 1026
    race.past("T1", "gup_fast:recheck_write_protect_seq")
    race.past("T1", "gup_put_folio:folio_put_refs")
    assert race.folio("A").refcount == 2
    assert race.label("T1") == SLOW
    race.finish("F", "T1")
    assert race.props() == []
    assert race.world.pins[0].pfn == race.folio("A").pfn


def test_without_the_sequence_count_that_pin_is_on_a_shared_page() -> None:
    """C6, MUT15: on either side."""
    for value in ("off", "fork_only", "gup_only"):
        race = pins(f"seed,write_protect_seq={value}")
        race.past("T1", "gup_fast:local_irq_save")
        race.past("F", "folio_try_dup_anon_rmap_pte:folio_needs_cow_for_dma")
        race.past("T1", "gup_fast_pte_range:recheck_pte")
        race.finish("T1")
        assert "pin.not-exclusive" in race.props()


def test_a_pin_that_fork_did_see_makes_it_copy() -> None:
    """CR4 before B4, H6 before H10: one of the two notices."""
    race = pins()
    race.past("T1", "gup_fast_pte_range:try_grab_folio_fast")
    race.past("F", "copy_present_page:ptep_set_wrprotect")
    assert race.props() == []
    assert race.folio("A") is not race.folio("A", "child")


def test_a_changed_entry_is_noticed_and_the_reference_given_back() -> None:
    """H7: fork took W between H4 and the second look."""
    race = pins()
    race.past("T1", "gup_fast_pte_range:ptep_get_lockless")
    race.past("F", "__copy_present_ptes:wrprotect_ptes")
    race.past("T1", "gup_fast_pte_range:recheck_pte")
    assert race.label("T1") == "gup_put_folio:folio_put_refs"
    race.step("T1")
    assert race.folio("A").refcount == 2
    race.to("T1", SLOW)
    assert race.cpu("cpu1").irqs_enabled


def test_no_rights_send_a_write_pin_to_the_slow_path_which_breaks_cow() -> None:
    """H5, G6, G9: the fault copies first, and the copy is pinned."""
    race = pins()
    race.finish("F")
    old = race.folio("A")
    race.finish("T1")
    assert "gup_fast_pte_range:try_grab_folio_fast" not in race.labels("T1")
    assert race.folio("A") is not old
    assert race.folio("A").refcount == 1025
    assert race.pte("A") & PAGE_RW
    assert race.props() == []


def test_a_fast_section_with_interrupts_off_holds_back_acknowledgements() -> None:
    """H3 to H9: no flush completes while the walk is under way."""
    race = pins()
    race.past("T1", "gup_fast:local_irq_save")
    race.to("F", "flush_tlb_mm_range:wait_for_acks")
    assert race.blocked("F", "irq:cpu1")
    race.past("T1", "gup_fast:local_irq_restore")
    assert race.runnable("irq:cpu1")


def test_a_fast_get_does_not_look_at_the_sequence_count_nor_set_the_flag() -> None:
    """FOLL_GET is outside the protocol: weight 1, even while fork walks."""
    race = Race(program(["A"], forker(), thread("T1", Pin("A", get=True))))
    race.past("F", "copy_pte_range:ptep_get")
    race.finish("T1")
    assert race.labels("T1") == [
        "gup_fast:local_irq_save",
        "gup_fast_pte_range:ptep_get_lockless",
        "gup_fast_pte_range:try_grab_folio_fast",
        "gup_fast_pte_range:recheck_pte",
        "gup_fast:local_irq_restore",
    ]
    assert race.folio("A").refcount == 2
    assert not race.mm().has_pinned
    assert race.props() == []


@pytest.mark.parametrize("fast", [False, True])
def test_a_read_only_pin_of_a_shared_page_unshares_it_first(fast: bool) -> None:
    """H8 and G7, then 3.9: a copy, exclusive, still without W."""
    race = Race(
        program(
            [PageSpec("A", init=(5,))],
            forker(),
            thread("T1", Pin("A", write=False, fast=fast), st("A", 6)),
            device(DmaLoad("A", 0, "r")),
        )
    )
    race.finish("F")
    old = race.folio("A")
    race.to("T1", "store:translate")
    new = race.folio("A")
    assert new is not old
    assert not race.pte("A") & (PAGE_RW | PAGE_DIRTY)
    assert new.anon_exclusive
    assert new.refcount == 1025
    race.finish("T1")
    assert race.folio("A") is new
    assert race.props() == []
    assert race.register("dev", "r") == 6


def test_without_unsharing_a_read_only_pin_goes_stale() -> None:
    """C11."""
    race = Race(
        program(["A"], forker(), thread("T1", Pin("A", write=False), st("A", 6))),
        "seed,gup_unshare=off",
    )
    race.finish("F", "T1")
    assert {"pin.not-exclusive", "pin.diverged"} <= set(race.props())


def test_an_exclusive_page_is_pinned_for_reading_as_it_is() -> None:
    """No W is needed, and no copy made."""
    race = pins(write=False, read_only=True)
    race.finish("T1")
    assert "gup_fast_pte_range:gup_must_unshare" in race.labels("T1")
    assert SLOW not in race.labels("T1")
    assert race.props() == []


def test_the_last_user_of_a_page_pins_it_for_reading_without_a_copy() -> None:
    """UNSHARE with refcount 1: the mark comes back, the entry stays."""
    race = Race(
        program(["A"], forker(), thread("T1", Pin("A", write=False)), child(st("A", 1)))
    )
    race.finish("F", "C")
    old = race.folio("A")
    before = race.pte("A")
    race.finish("T1")
    assert race.folio("A") is old
    assert race.pte("A") == before
    assert race.props() == []


def test_a_slow_pin_never_holds_a_vma_lock() -> None:
    """G1: mmap_lock only, and it is dropped at the end."""
    race = Race(program(["A"], thread("T1", Pin("A", fast=False))))
    race.finish("T1")
    assert not any("vma_start_read" in label for label in race.labels("T1"))
    assert race.mm().mmap_lock.readers == 0
    assert race.folio("A").refcount == 1025


def test_a_pin_of_an_address_that_forbids_the_access_fails() -> None:
    """-EFAULT: no reference, and nothing left locked."""
    race = Race(program([PageSpec("A", prot="r")], thread("T1", Pin("A"))))
    race.finish("T1")
    assert race.world.pins == []
    assert race.props() == []


def test_unpinning_takes_the_whole_weight_off_and_keeps_the_flag() -> None:
    """MMF_HAS_PINNED is sticky."""
    race = Race(program(["A"], thread("T1", Pin("A"), Unpin("A"))))
    race.finish("T1")
    assert race.folio("A").refcount == 1
    assert race.mm().has_pinned
    assert race.props() == []


def test_a_device_writes_the_frame_whatever_the_page_tables_say() -> None:
    """No entry, no TLB, no D bit; one step for each word."""
    race = Race(
        program(
            [PageSpec("A", words=2, clean=True)],
            thread("T1", Pin("A")),
            device(DmaStore("A", 0, 7), DmaStore("A", 1, 8)),
        )
    )
    assert race.blocked("dev")
    race.finish("T1", "dev")
    assert race.labels("dev").count("dma:write_word") == 2
    assert (race.value("A", 0), race.value("A", 1)) == (7, 8)
    assert not race.pte("A") & PAGE_DIRTY
    assert race.props() == []


def test_a_read_only_reference_is_not_written_through() -> None:
    """The device skips the store."""
    race = Race(
        program(["A"], thread("T1", Pin("A", write=False)), device(DmaStore("A", 0, 7)))
    )
    assert race.props() == []
    assert race.value("A") == 0


def test_a_transfer_not_begun_when_its_page_is_unpinned_is_cancelled() -> None:
    """Drivers unpin when their transfers are over; no freed frame is written."""
    race = Race(
        program(
            ["A"],
            thread("T1", Pin("A"), Unpin("A"), Madvise("A", "dontneed")),
            device(DmaStore("A", 0, 7), DmaLoad("A", 0, "r")),
        )
    )
    race.past("T1", "gup_fast:recheck_write_protect_seq")
    race.to("dev", "dma:write_word")
    race.finish("T1", "dev")
    assert race.props() == []
    assert ("dev", "r") not in race.run.execution.registers
