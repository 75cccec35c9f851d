"""Writes to pages without W: do_wp_page, wp_page_reuse and wp_page_copy."""

from __future__ import annotations

import pytest

from driving import Race, child, forker, ld, program, st, thread
from forkfuzz.mm.pgtable import PAGE_RW
from forkfuzz.scenarios.program import PageSpec

UNTOUCHED = PageSpec("A", words=2, untouched=True)


def forked(*, rules: str = "seed", refs: int = 0) -> Race:
    """Return a race in which A, with *refs* GET references, has been shared by fork."""
    page = PageSpec("A", words=2, refs=refs)
    race = Race(
        program(
            [page],
            forker(),
            thread("T1", st("A", 1), ld("A")),
            thread("T2", ld("A", index=1), ld("A")),
            child(st("A", 9), ld("A", "a")),
        ),
        rules,
    )
    race.finish("F")
    return race


def test_an_exclusive_page_is_reused_without_another_look() -> None:
    """P4: PAE decides, however many references there are."""
    page = PageSpec("A", read_only=True, refs=7)
    race = Race(program([page], thread("T1", st("A", 1))))
    race.finish("T1")
    assert "wp_page_reuse:set_pte" in race.labels("T1")
    assert "wp_can_reuse_anon_folio:folio_ref_count" not in race.labels("T1")


def test_a_shared_page_is_copied_on_write() -> None:
    """P7, WC1 to WC11: the child keeps the old frame."""
    race = forked()
    old = race.folio("A")
    race.finish("T1")
    assert race.folio("A") is not old
    assert race.folio("A", "child") is old
    assert (old.refcount, old.mapcount, old.anon_exclusive) == (1, 1, False)
    assert race.folio("A").anon_exclusive
    assert race.props() == []


def test_the_last_user_of_a_page_that_was_shared_reuses_it_and_marks_it() -> None:
    """P5: refcount 1, so it is exclusive again."""
    race = forked()
    race.finish("T1")
    old = race.folio("A", "child")
    race.end()
    assert race.folio("A", "child") is old
    assert old.anon_exclusive
    assert race.pte("A", "child") & PAGE_RW


def test_one_foreign_reference_makes_the_last_user_copy() -> None:
    """The refcount decides, not the mapcount."""
    race = forked(refs=1)
    race.finish("T1")
    old = race.folio("A", "child")
    assert race.props() == []
    assert race.folio("A", "child") is not old
    assert old.refcount == 1


def test_reuse_by_mapcount_ignores_a_foreign_reference() -> None:
    """MUT23: what v5.8 does."""
    race = forked(rules="seed,reuse=mapcount", refs=1)
    race.finish("T1")
    old = race.folio("A", "child")
    race.end()
    assert race.folio("A", "child") is old


def test_reuse_by_refcount_copies_a_page_that_is_exclusive() -> None:
    """C10: what v5.9 does to a page with a reference too many."""
    page = PageSpec("A", read_only=True, refs=1)
    race = Race(program([page], thread("T1", st("A", 1))), "seed,reuse=refcount")
    race.finish("T1")
    assert "wp_page_copy:set_pte_at" in race.labels("T1")


ORDER = [
    "wp_page_copy:__wp_page_copy_user",
    "wp_page_copy:__wp_page_copy_user",
    "spin_lock:acquire",
    "wp_page_copy:pte_same",
    "wp_page_copy:ptep_clear",
    "flush_tlb_mm_range:inc_mm_tlb_gen",
    "flush_tlb_mm_range:send_ipis",
    "flush_tlb_mm_range:flush_local",
    "flush_tlb_mm_range:wait_for_acks",
    "wp_page_copy:set_pte_at",
    "wp_page_copy:folio_remove_rmap_pte",
    "spin_unlock:release",
    "wp_page_copy:folio_put",
]


def wp_labels(
    race: Race, *, start: str = "wp_page_copy:__wp_page_copy_user"
) -> list[str]:
    """Return the steps of T1 in wp_page_copy, from its copy on."""
    labels = race.labels("T1")
    labels = labels[labels.index(start) :]
    return labels[: labels.index("vma_end_read:refcount_dec")]


def test_wp_page_copy_clears_then_flushes_then_sets_then_drops() -> None:
    """WC3, WC5, WC6, WC7, WC9, WC10 and WC11 in this order."""
    race = forked()
    race.finish("T1")
    assert [x for x in wp_labels(race) if x in ORDER][: len(ORDER)] == ORDER


def test_set_then_flush_maps_the_new_page_before_the_old_translation_is_gone() -> None:
    """MUT20: WC9 before WC7, and no clearing."""
    race = forked(rules="seed,cow_order=set_then_flush")
    race.finish("T1")
    labels = wp_labels(race)
    assert "wp_page_copy:ptep_clear" not in labels
    assert labels.index("wp_page_copy:set_pte_at") < labels.index(
        "flush_tlb_mm_range:inc_mm_tlb_gen"
    )


def test_an_early_rmap_drop_comes_before_the_flush() -> None:
    """MUT21: WC10 before WC7."""
    race = forked(rules="seed,rmap_drop=before_flush")
    race.finish("T1")
    labels = wp_labels(race)
    assert labels.index("wp_page_copy:folio_remove_rmap_pte") < labels.index(
        "flush_tlb_mm_range:inc_mm_tlb_gen"
    )


def test_the_mapping_is_dropped_under_the_lock_and_its_reference_after_it() -> None:
    """WC10 then WC11: mapcount first, both references once the lock is dropped."""
    race = forked()
    old = race.folio("A")
    race.past("T1", "wp_page_copy:folio_remove_rmap_pte")
    assert (old.mapcount, old.refcount) == (1, 3)
    race.past("T1", "spin_unlock:release")
    assert (old.mapcount, old.refcount) == (1, 3)
    race.to("T1", "vma_end_read:refcount_dec")
    assert (old.mapcount, old.refcount) == (1, 1)


def test_the_copy_is_made_without_the_page_table_lock_and_word_by_word() -> None:
    """WC3: two words, two steps, no lock."""
    race = forked()
    race.to("T1", "wp_page_copy:__wp_page_copy_user")
    assert not race.mm().ptl.writer
    race.step("T1")
    assert race.label("T1") == "wp_page_copy:__wp_page_copy_user"


def test_the_lock_is_held_from_the_recheck_to_the_rmap_drop() -> None:
    """Nobody sees the entry cleared: WC5 to WC10 is one hold."""
    race = forked()
    race.to("T1", "wp_page_copy:pte_same")
    while race.label("T1") != "spin_unlock:release":
        assert race.mm().ptl.writer
        race.all_acks()
        race.step("T1")


def test_a_copy_that_came_too_late_is_dropped() -> None:
    """WC5 fails: two threads break COW at once, the second retries on the new page."""
    page = PageSpec("A", words=2)
    race = Race(
        program([page], forker(), thread("T1", st("A", 1)), thread("T2", st("A", 2, 1)))
    )
    race.finish("F")
    race.to("T1", "wp_page_copy:__wp_page_copy_user")
    race.finish("T2")
    race.past("T1", "wp_page_copy:pte_same")
    race.finish("T1")
    assert (race.value("A", 0), race.value("A", 1)) == (1, 2)
    assert race.props() == []


def test_a_load_that_waits_while_an_entry_is_cleared_reads_the_new_page() -> None:
    """Between WC6 and WC9 readers fault, and wait for the lock."""
    race = forked()
    race.past("T1", "wp_page_copy:ptep_clear")
    race.to("T2", "spin_lock:acquire")
    assert race.blocked("T2")
    race.finish("T1", "T2")
    assert race.register("T2", "r") == 1
    assert race.props() == []


def test_a_write_fault_on_a_shared_mapping_never_copies() -> None:
    """P3: parent and child keep one frame."""
    race = Race(
        program([PageSpec("A", shared=True)], forker(st("A", 1)), child(st("A", 2)))
    )
    assert race.props() == []
    assert race.folio("A") is race.folio("A", "child")
    assert race.value("A") in (1, 2)


def test_a_spurious_write_fault_sets_d_only() -> None:
    """W is there by the time the fault looks: nothing to copy."""
    page = PageSpec("A", words=2, read_only=True)
    race = Race(program([page], thread("T1", st("A", 1)), thread("T2", st("A", 2, 1))))
    race.to("T1", "vma_start_read:early_test")
    race.finish("T2", "T1")
    assert "do_wp_page:PageAnonExclusive" not in race.labels("T1")
    assert race.value("A") == 1


@pytest.mark.parametrize("order", ["clear_flush_set", "set_then_flush", "drop_ptl"])
def test_every_cow_order_ends_with_the_same_page_tables(order: str) -> None:
    """What differs is what may be seen in between."""
    race = forked(rules=f"seed,cow_order={order}")
    race.finish("T1")
    assert race.value("A") == 1
    assert race.folio("A").anon_exclusive
    assert race.pte("A") & PAGE_RW


def test_a_shared_page_without_w_gets_it_back_in_place() -> None:
    """P3: mkwrite, whatever the counts say."""
    page = PageSpec("A", shared=True, read_only=True, refs=9)
    race = Race(program([page], thread("T1", st("A", 1))))
    folio = race.folio("A")
    race.finish("T1")
    assert "wp_page_reuse:set_pte" in race.labels("T1")
    assert race.folio("A") is folio
    assert race.props() == []


def test_copying_the_zero_page_needs_an_anon_vma_and_may_have_to_retry() -> None:
    """WC1 under the VMA lock while fork holds mmap_lock: RETRY."""
    race = Race(program([UNTOUCHED], forker(), thread("T1", ld("A"), st("A", 1))))
    race.to("T1", "store:translate")
    race.to("T1", "vmf_anon_prepare:anon_vma")
    race.past("F", "mmap_write_lock:mm_lock_seqcount_begin")
    race.past("T1", "down_read_trylock:acquire")
    race.to("T1", "down_read:acquire")
    assert race.blocked("T1")
    assert race.mm().vmas[0].vm_refcnt == 1
    race.finish("F", "T1")
    assert race.value("A") == 1
    assert race.props() == []
