"""Reclaim as far as the swap cache: unmapping, fork's swap entries, the way back."""

from __future__ import annotations

from driving import Race, forker, ld, program, st, thread
from forkfuzz.mm.pgtable import (
    PAGE_PRESENT,
    PAGE_RW,
    PTE_SWAP,
    PTE_SWP_EXCLUSIVE,
)
from forkfuzz.scenarios.program import PageSpec, Pin, SwapOut, Thread

KSWAPD = Thread("kswapd", (SwapOut("A"),), "kernel")
PAGE = PageSpec("A", words=2, init=(5,))


def swaps(*threads: Thread, rules: str = "seed", page: PageSpec = PAGE) -> Race:
    """Return a race of reclaim, a fork and other threads about page A."""
    return Race(program([page], KSWAPD, forker(), *threads), rules)


def test_reclaim_replaces_an_exclusive_mapping_by_an_exclusive_swap_entry() -> None:
    """The mark moves into the entry; the page keeps the reference of the swap cache."""
    race = swaps()
    folio = race.folio("A")
    race.finish("kswapd")
    assert (
        race.pte("A") & (PTE_SWAP | PTE_SWP_EXCLUSIVE) == PTE_SWAP | PTE_SWP_EXCLUSIVE
    )
    assert not race.pte("A") & PAGE_PRESENT
    assert (folio.mapcount, folio.refcount, folio.swap_cache) == (0, 1, True)
    assert not folio.anon_exclusive


def test_reclaim_leaves_a_page_alone_that_may_be_pinned() -> None:
    """1024 references are enough to be left alone."""
    race = swaps(page=PageSpec("A", words=2, pin="rw"))
    before = race.pte("A")
    race.finish("kswapd")
    assert race.pte("A") == before
    assert race.folio("A").anon_exclusive


def test_reclaim_puts_the_entry_back_when_a_pin_came_before_the_clear() -> None:
    """The test for pins comes after the entry was cleared, and sees the reference."""
    race = swaps(thread("T1", Pin("A")))
    before = race.pte("A")
    race.to("kswapd", "try_to_unmap_one:ptep_get_and_clear")
    race.finish("T1")
    race.finish("kswapd")
    assert race.pte("A") == before
    assert race.folio("A").anon_exclusive
    assert not race.folio("A").swap_cache
    labels = race.labels("kswapd")
    dup = labels.index("try_to_unmap_one:folio_dup_swap")
    assert labels[dup:][:4] == [
        "try_to_unmap_one:folio_dup_swap",
        "folio_try_share_anon_rmap_pte:folio_maybe_dma_pinned",
        "try_to_unmap_one:folio_put_swap",
        "try_to_unmap_one:restore_pte",
    ]
    assert not race.folio("A").swap_count


def test_a_fast_pin_that_read_the_entry_before_the_clear_finds_it_gone() -> None:
    """The entry is read again once the reference is held, and the pin starts over."""
    race = swaps(thread("T1", Pin("A")))
    race.to("T1", "gup_fast_pte_range:try_grab_folio_fast")
    race.to("kswapd", "try_to_unmap_one:set_pte_at")
    race.past("T1", "gup_fast:local_irq_restore")
    assert "gup_put_folio:folio_put_refs" in race.labels("T1")
    race.finish("kswapd", "T1")
    assert race.props() == []
    assert race.folio("A").anon_exclusive


def test_a_read_of_an_exclusive_swap_entry_maps_it_writable_again() -> None:
    """Mark and W come back, and the last entry takes the page out of the swap cache."""
    race = swaps(thread("T1", ld("A")))
    race.finish("kswapd", "T1")
    folio = race.folio("A")
    assert race.pte("A") & (PAGE_PRESENT | PAGE_RW) == PAGE_PRESENT | PAGE_RW
    assert folio.anon_exclusive
    assert (folio.mapcount, folio.refcount, folio.swap_cache) == (1, 1, False)


def test_fork_clears_the_exclusive_marker_of_the_parents_swap_entry() -> None:
    """Parent and child refer to the page, and neither alone."""
    race = swaps()
    race.finish("kswapd", "F")
    child = race.mm("child")
    assert race.pte("A") == child.page_table.entries[0]
    assert race.pte("A") & (PTE_SWAP | PTE_SWP_EXCLUSIVE) == PTE_SWAP
    steps = [s for s in race.labels("F") if s.startswith("copy_nonpresent_pte:")]
    assert steps == [
        "copy_nonpresent_pte:swap_dup_entry_direct",
        "copy_nonpresent_pte:clear_swp_exclusive",
        "copy_nonpresent_pte:set_pte_at",
    ]
    assert race.props() == []


def test_a_store_to_a_swap_entry_shared_with_the_child_copies_the_page() -> None:
    """After fork the parent's store goes to a page of its own."""
    race = swaps(thread("T1", st("A", 9)))
    race.finish("kswapd", "F", "T1")
    assert race.pte("A") & PAGE_PRESENT
    assert race.mm("child").page_table.entries[0] & PTE_SWAP
    assert race.props() == []
