"""Page faults: their locks, and which of the ways through mm/memory.c they take."""

from __future__ import annotations

from driving import Race, forker, ld, program, st, thread
from forkfuzz.mm.folio import ZERO_PFN
from forkfuzz.mm.pgtable import PAGE_DIRTY, PAGE_PRESENT, PAGE_RW, PAGE_SPECIAL, pte_pfn
from forkfuzz.scenarios.program import Madvise, PageSpec, Post, Store, Wait

UNTOUCHED = PageSpec("A", words=2, untouched=True)


def test_a_write_to_an_empty_entry_makes_a_private_exclusive_dirty_page() -> None:
    """A3 to A7: refcount 1, mapcount 1, PAE, W, D, no flush."""
    race = Race(program([UNTOUCHED], thread("T1", st("A", 1))))
    race.finish("T1")
    folio, pte = race.folio("A"), race.pte("A")
    assert (folio.refcount, folio.mapcount, folio.anon_exclusive) == (1, 1, True)
    assert pte & PAGE_RW
    assert pte & PAGE_DIRTY
    assert not any("flush" in label for label in race.labels("T1"))
    assert race.props() == []


def test_a_read_of_an_empty_entry_maps_the_zero_page_read_only() -> None:
    """A2: special, W=0, and no anon_vma is made."""
    race = Race(program([UNTOUCHED], thread("T1", ld("A"))))
    race.finish("T1")
    assert pte_pfn(race.pte("A")) == ZERO_PFN
    assert race.pte("A") & (PAGE_SPECIAL | PAGE_RW) == PAGE_SPECIAL
    assert not race.mm().vmas[0].anon_vma
    assert race.register("T1", "r") == 0


def test_a_write_to_the_zero_page_copies_it() -> None:
    """do_wp_page finds no page to reuse."""
    race = Race(program([UNTOUCHED], thread("T1", ld("A"), st("A", 1))))
    race.finish("T1")
    assert "wp_page_copy:set_pte_at" in race.labels("T1")
    assert race.value("A") == 1
    assert not race.world.frames[ZERO_PFN].words[0]
    assert race.props() == []


def test_of_two_faults_on_an_empty_entry_the_second_finds_the_firsts_page() -> None:
    """A5: the entry is no longer none, the new page is given back."""
    race = Race(
        program([UNTOUCHED], thread("T1", st("A", 1)), thread("T2", st("A", 2, 1)))
    )
    race.to("T1", "spin_lock:acquire")
    race.finish("T2")
    race.finish("T1")
    assert (race.value("A", 0), race.value("A", 1)) == (1, 2)
    assert race.props() == []


def test_the_first_anonymous_page_of_a_vma_needs_mmap_lock_for_its_anon_vma() -> None:
    """Under the VMA lock only a trylock is allowed; it is dropped again."""
    race = Race(program([UNTOUCHED], thread("T1", st("A", 1))))
    race.past("T1", "down_read_trylock:acquire")
    assert race.mm().mmap_lock.readers == 1
    race.to("T1", "spin_lock:acquire")
    assert race.mm().vmas[0].anon_vma
    assert race.mm().mmap_lock.readers == 0


def test_a_fault_that_cannot_make_the_anon_vma_retries_under_mmap_lock() -> None:
    """RETRY: the VMA lock is dropped first, then mmap_lock is waited for."""
    race = Race(program([UNTOUCHED], forker(), thread("T1", st("A", 1))))
    race.to("T1", "vmf_anon_prepare:anon_vma")
    race.past("F", "mmap_write_lock:mm_lock_seqcount_begin")
    race.to("T1", "down_read:acquire")
    assert race.mm().vmas[0].vm_refcnt == 1
    assert race.blocked("T1")
    race.finish("F", "T1")
    assert race.value("A") == 1
    assert race.pte("A", "child") == 0
    assert race.props() == []


def test_a_fault_rechecks_the_entry_under_the_page_table_lock() -> None:
    """pte_same: another fault was faster, this one goes home and tries again."""
    page = PageSpec("A", words=2, read_only=True)
    race = Race(program([page], thread("T1", st("A", 1)), thread("T2", st("A", 2, 1))))
    race.to("T1", "spin_lock:acquire")
    race.finish("T2")
    race.past("T1", "handle_pte_fault:pte_same")
    assert race.label("T1") == "spin_unlock:release"
    race.finish("T1")
    assert (race.value("A", 0), race.value("A", 1)) == (1, 2)


def test_an_access_that_the_vma_forbids_ends_the_thread() -> None:
    """SIGSEGV, with the VMA lock given back."""
    race = Race(program([PageSpec("A", prot="r")], thread("T1", st("A", 1))))
    race.finish("T1")
    assert race.run.execution.faults == {"T1": "segv"}
    assert race.mm().vmas[0].vm_refcnt == 1
    assert race.props() == []


def test_a_fault_in_kernel_mode_never_tries_the_vma_lock() -> None:
    """copy_to_user goes straight to mmap_lock."""
    page = PageSpec("A", read_only=True)
    race = Race(program([page], thread("T1", Store("A", 0, 1, kernel=True))))
    race.finish("T1")
    assert race.value("A") == 1
    assert not any("vma_start_read" in label for label in race.labels("T1"))


def test_before_vma_locks_every_fault_takes_mmap_lock() -> None:
    """The rules of v6.3."""
    race = Race(
        program([PageSpec("A", read_only=True)], thread("T1", st("A", 1))), "v6.3"
    )
    race.finish("T1")
    assert "down_read:acquire" in race.labels("T1")
    assert not any("vma_start_read" in label for label in race.labels("T1"))


def test_a_guard_region_is_fatal_for_loads_and_stores() -> None:
    """The marker is not an empty entry."""
    race = Race(
        program(
            ["A"],
            thread("T1", Madvise("A", "guard"), Post("x"), Post("x")),
            thread("T2", Wait("x"), ld("A")),
            thread("T3", Wait("x"), st("A", 1)),
        )
    )
    race.finish("T1", "T2", "T3")
    assert race.run.execution.faults == {"T2": "segv", "T3": "segv"}
    assert not race.pte("A") & PAGE_PRESENT
    assert race.props() == []


def test_of_two_faults_on_shared_memory_the_second_finds_the_firsts_entry() -> None:
    """finish_fault: none of the counts is taken twice."""
    page = PageSpec("A", words=2, shared=True, untouched=True)
    threads = thread("T1", st("A", 1)), thread("T2", st("A", 2, 1))
    race = Race(program([page], *threads))
    race.to("T1", "spin_lock:acquire")
    race.finish("T2", "T1")
    assert (race.value("A", 0), race.value("A", 1)) == (1, 2)
    assert (race.folio("A").mapcount, race.folio("A").refcount) == (1, 2)
    assert race.props() == []


def test_a_clean_translation_whose_page_has_moved_is_not_dirtied() -> None:
    """S3, strict: the frame is compared too, and the store starts again."""
    race = Race(
        program(
            [PageSpec("A", words=2, clean=True)],
            thread("T1", st("A", 1)),
            thread("T2", Madvise("A", "dontneed")),
            thread("T3", st("A", 3, 1)),
        )
    )
    race.to("T1", "store:set_dirty")
    race.past("T2", "spin_unlock:release")
    race.to("T3", "spin_unlock:release")
    race.step("T1")
    assert race.label("T1") == "vma_start_read:early_test"
    race.step("T3")
    race.finish("T2", "T3", "T1")
    assert (race.value("A", 0), race.value("A", 1)) == (1, 3)
    assert race.props() == []
