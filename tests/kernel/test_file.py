"""Private mappings of files: the page cache, and copies of it."""

from __future__ import annotations

import pytest

from driving import Race, child, forker, ld, program, st, thread
from forkfuzz.mm.folio import Folio
from forkfuzz.mm.pgtable import PAGE_DIRTY, PAGE_PRESENT, PAGE_RW, PTE_SWAP
from forkfuzz.scenarios.program import (
    Collapse,
    Exit,
    Madvise,
    Mprotect,
    Munmap,
    PageSpec,
    Pin,
    SwapOut,
    Thread,
    Unpin,
)

MAPPED = PageSpec("A", words=2, init=(5, 6), file=True)
UNTOUCHED = PageSpec("A", words=2, init=(5, 6), file=True, untouched=True)
COPY = "do_cow_fault:copy_mc_user_highpage"


def cached(race: Race) -> Folio:
    """Return the page in the page cache."""
    return race.world.frames[race.mm().vmas[0].shmem[0]]


def counts(folio: Folio) -> tuple[int, int]:
    """Return refcount and mapcount."""
    return folio.refcount, folio.mapcount


def in_file(race: Race) -> list[int]:
    """Return what the file holds."""
    return [race.world.stores[store][1] for store in cached(race).words[:2]]


def test_a_read_maps_the_page_cache_without_w() -> None:
    """do_read_fault: a reference and a mapping more, and no anon_vma."""
    race = Race(program([UNTOUCHED], thread("T1", ld("A"))))
    race.finish("T1")
    assert race.folio("A") is cached(race)
    assert race.pte("A") & (PAGE_PRESENT | PAGE_RW | PAGE_DIRTY) == PAGE_PRESENT
    assert counts(cached(race)) == (2, 1)
    assert not race.mm().vmas[0].anon_vma
    assert race.register("T1", "r") == 5
    assert race.props() == []


def test_a_write_to_an_empty_entry_maps_a_copy() -> None:
    """do_cow_fault: word by word, without the page-table lock."""
    race = Race(program([UNTOUCHED], thread("T1", st("A", 1))))
    race.finish("T1")
    labels = race.labels("T1")
    assert labels.count(COPY) == 2
    assert labels.index(COPY) < labels.index("finish_fault:pte_none")
    assert not any("flush" in label for label in labels)
    assert race.folio("A").anon_exclusive
    assert race.pte("A") & PAGE_RW
    assert race.pte("A") & PAGE_DIRTY
    assert (counts(race.folio("A")), counts(cached(race))) == ((1, 1), (1, 0))
    assert race.mm().vmas[0].anon_vma
    assert [race.value("A", index) for index in range(2)] == [1, 6]
    assert in_file(race) == [5, 6]
    assert race.props() == []


def test_a_write_to_the_page_cache_mapped_copies_it() -> None:
    """wp_page_copy: it is never reused, even where nobody else has it mapped."""
    race = Race(program([MAPPED], thread("T1", st("A", 1))))
    race.finish("T1")
    assert "wp_page_copy:set_pte_at" in race.labels("T1")
    assert (counts(race.folio("A")), counts(cached(race))) == ((1, 1), (1, 0))
    assert [race.value("A", index) for index in range(2)] == [1, 6]
    assert in_file(race) == [5, 6]
    assert race.props() == []


@pytest.mark.parametrize("reuse", ["exclusive", "refcount", "mapcount"])
def test_no_rule_of_reuse_gives_the_page_cache_away(reuse: str) -> None:
    """It has no exclusive mark to ask for."""
    race = Race(program([MAPPED], thread("T1", st("A", 1))), f"seed,reuse={reuse}")
    race.finish("T1")
    assert race.folio("A") is not cached(race)
    assert race.props() == []


def test_of_two_copies_the_second_is_given_back() -> None:
    """finish_fault finds that the entry is no longer none."""
    race = Race(
        program([UNTOUCHED], thread("T1", st("A", 1)), thread("T2", st("A", 2, 1)))
    )
    race.to("T1", "spin_lock:acquire")
    race.finish("T2")
    before = len(race.world.free_frames)
    race.past("T1", "spin_unlock:release")
    assert len(race.world.free_frames) == before + 1
    race.finish("T1")
    assert [race.value("A", index) for index in range(2)] == [1, 2]
    assert race.props() == []


def test_a_copy_that_needs_an_anon_vma_retries_under_mmap_lock() -> None:
    """Fork has mmap_lock, and waits for the reader of the VMA."""
    race = Race(program([UNTOUCHED], forker(), thread("T1", st("A", 1))))
    race.to("T1", "vmf_anon_prepare:anon_vma")
    race.past("F", "mmap_write_lock:mm_lock_seqcount_begin")
    race.to("T1", "down_read:acquire")
    assert COPY not in race.labels("T1")
    race.finish("F", "T1")
    assert race.value("A") == 1
    assert race.props() == []


def test_a_copy_thrown_away_gives_way_to_the_file() -> None:
    """MADV_DONTNEED zaps it, the next read finds the page cache."""
    race = Race(
        program([MAPPED], thread("T1", st("A", 1), Madvise("A", "dontneed"), ld("A")))
    )
    race.past("T1", "tlb_finish_mmu:dec_tlb_flush_pending")
    assert race.pte("A") == 0
    race.finish("T1")
    assert race.register("T1", "r") == 5
    assert race.folio("A") is cached(race)
    assert race.props() == []


# fork.


def test_fork_leaves_a_mapping_without_copies_to_the_childs_faults() -> None:
    """vma_needs_copy: no anon_vma, so the entries are not even looked at."""
    race = Race(program([MAPPED], forker(), child(ld("A"), st("A", 1))))
    race.finish("F")
    assert "copy_pte_range:ptep_get" not in race.labels("F")
    assert race.pte("A", "child") == 0
    race.finish("C")
    assert race.register("C", "r") == 5
    assert (race.value("A"), race.value("A", mm="child")) == (5, 1)
    assert race.props() == []


def test_fork_shares_copies_and_the_page_cache_alike() -> None:
    """With an anon_vma both are walked; only the copy loses W and its mark."""
    pages = [MAPPED, PageSpec("B", init=(7,), file=True)]
    race = Race(program(pages, forker(), thread("T1", st("A", 1)), child(st("A", 2))))
    race.finish("T1", "F")
    assert race.folio("A", "child") is race.folio("A")
    assert not race.folio("A").anon_exclusive
    assert not race.pte("A") & PAGE_RW
    assert race.folio("B", "child") is race.folio("B")
    assert "copy_present_ptes:folio_dup_file_rmap" in race.labels("F")
    assert counts(race.folio("B")) == (3, 2)
    race.finish("C")
    assert (race.value("A"), race.value("A", mm="child")) == (1, 2)
    assert in_file(race) == [5, 6]
    assert race.props() == []


def test_a_fork_that_fails_gives_back_what_it_took_of_the_page_cache() -> None:
    """Undone by a zap."""
    pages = [MAPPED, PageSpec("B", init=(7,), file=True), PageSpec("C", vma=1)]
    race = Race(program(pages, thread("T1", st("A", 1)), forker()))
    race.finish("T1")
    race.past("F", "__copy_present_ptes:set_ptes")
    race.world.fail_sites.append("vm_area_dup")
    race.finish("F")
    assert counts(race.folio("B")) == (2, 1)
    assert race.props() == []


# Whoever else changes entries.


def test_the_page_cache_outlives_every_mapping() -> None:
    """munmap, exit: the file is still there."""
    threads = forker(Munmap("A")), child(ld("A"), Exit())
    race = Race(program([MAPPED], *threads))
    folio = cached(race)
    race.finish("F", "C")
    assert counts(folio) == (1, 0)
    assert not folio.free
    assert race.props() == []


def test_mprotect_gives_w_to_copies_alone() -> None:
    """can_change_pte_writable: a page of the page cache has no exclusive mark."""
    pages = [MAPPED, PageSpec("B", init=(7,), file=True)]
    change = [Mprotect(page, prot) for page in "AB" for prot in ("none", "rw")]
    threads = thread("T1", st("A", 1), *change), thread("T2", st("B", 2))
    race = Race(program(pages, *threads))
    race.finish("T1")
    assert race.pte("A") & PAGE_RW
    assert race.pte("B") & (PAGE_PRESENT | PAGE_RW) == PAGE_PRESENT
    race.finish("T2")
    assert race.value("B") == 2
    assert race.props() == []


def test_reclaim_takes_copies_alone() -> None:
    """The page cache is left as it is; a copy goes to swap, and comes back."""
    kswapd = Thread("kswapd", (SwapOut("A"), SwapOut("B")), "kernel")
    pages = [MAPPED, PageSpec("B", init=(7,), file=True)]
    race = Race(program(pages, thread("T1", st("A", 1), ld("A")), kswapd))
    race.past("T1", "store:write_word")
    race.finish("kswapd")
    assert race.pte("A") & PTE_SWAP
    assert race.folio("B").pfn == race.mm().vmas[0].shmem[1]
    race.finish("T1")
    assert race.register("T1", "r") == 1
    assert race.props() == []


def test_khugepaged_leaves_mappings_of_files_alone() -> None:
    """Even where every page of one is a copy."""
    khugepaged = Thread("khugepaged", (Collapse(),), "kernel")
    race = Race(program([MAPPED], thread("T1", st("A", 1)), forker(), khugepaged))
    race.finish("T1", "F", "khugepaged")
    assert "collapse_huge_page:pmdp_collapse_flush" not in race.labels("khugepaged")
    assert race.props() == []


@pytest.mark.parametrize("fast", [True, False])
def test_a_pin_that_reads_gets_the_page_cache_and_one_that_writes_a_copy(
    fast: bool,
) -> None:
    """Only anonymous pages must be unshared for a pin."""
    pins = Pin("A", write=False, fast=fast), Pin("A", fast=fast)
    race = Race(program([MAPPED], thread("T1", *pins, Unpin("A"), Unpin("A"))))
    folio = cached(race)
    race.finish("T1")
    first, second = race.world.pins
    assert first.pfn == folio.pfn
    assert second.pfn == race.folio("A").pfn != folio.pfn
    assert race.props() == []
