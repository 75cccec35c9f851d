"""mprotect(): rights in VMA and entries, the flush, W given back, PROT_NONE."""

from __future__ import annotations

import pytest

from driving import Race, child, forker, ld, program, st, thread
from forkfuzz.mm.mm_types import VM_MAYBE_GUARD, VM_READ, VM_WRITE
from forkfuzz.mm.pgtable import (
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_PROTNONE,
    PAGE_RW,
    PAGE_SAVED_DIRTY,
    PTE_SWAP,
    pte_dirty,
)
from forkfuzz.scenarios.program import (
    Exit,
    Kill,
    Load,
    Madvise,
    Mprotect,
    PageSpec,
    Pin,
    Post,
    SwapOut,
    Thread,
    Wait,
)

PAGE = PageSpec("A", words=2, init=(5,))
READ = Mprotect("A", "r")
WRITE = Mprotect("A", "rw")
NONE = Mprotect("A", "none")
FLUSH = "flush_tlb_mm_range:inc_mm_tlb_gen"
COMMIT = "change_pte_range:ptep_modify_prot_commit"
START = "change_pte_range:ptep_modify_prot_start"


def alone(*threads: Thread, rules: str = "seed", page: PageSpec = PAGE) -> Race:
    """Return a race of threads about page A, in a VMA of its own."""
    return Race(program([page, PageSpec("B", words=2, vma=1)], *threads), rules)


def test_it_takes_its_steps_in_the_order_of_the_kernel() -> None:
    """mmap_lock, VMA lock, flags, entries under their lock, flush, unlock."""
    race = alone(thread("T1", READ))
    race.finish("T1")
    assert race.labels("T1") == [
        "down_write:acquire",
        "mmap_write_lock:mm_lock_seqcount_begin",
        "tlb_gather_mmu:inc_tlb_flush_pending",
        "vma_start_write:refcount_add",
        "vma_start_write:wait_for_readers",
        "vma_start_write:set_vm_lock_seq",
        "vma_start_write:refcount_sub",
        "mprotect_fixup:vm_flags_reset_once",
        "spin_lock:acquire",
        "change_pte_range:ptep_get",
        START,
        COMMIT,
        "spin_unlock:release",
        FLUSH,
        "flush_tlb_mm_range:send_ipis",
        "flush_tlb_mm_range:flush_local",
        "flush_tlb_mm_range:wait_for_acks",
        "tlb_finish_mmu:dec_tlb_flush_pending",
        "vma_end_write_all:mm_lock_seqcount_end",
        "up_write:release",
    ]
    assert race.props() == []


def test_w_goes_from_the_entry_and_the_dirty_state_stays() -> None:
    """What was the hardware's D is kept in software."""
    race = alone(thread("T1", READ), thread("T2", st("A", 1)))
    race.finish("T1")
    assert race.pte("A") & (PAGE_RW | PAGE_DIRTY | PAGE_SAVED_DIRTY) == PAGE_SAVED_DIRTY
    assert race.mm().vmas[0].vm_flags & (VM_READ | VM_WRITE) == VM_READ
    race.finish("T2")
    assert race.run.execution.faults == {"T2": "segv"}
    assert race.value("A") == 5
    assert race.props() == []


def test_an_exclusive_page_gets_w_back_without_a_fault() -> None:
    """can_change_pte_writable: nobody else can have it."""
    race = alone(thread("T1", READ, WRITE, st("A", 1)))
    race.finish("T1")
    assert "wp_page_reuse:set_pte" not in race.labels("T1")
    assert race.value("A") == 1
    assert race.props() == []


def test_a_page_that_fork_has_shared_does_not_get_w_back() -> None:
    """The store that comes copies it."""
    race = alone(forker(), thread("T1", READ, WRITE, st("A", 1)), child(ld("A")))
    race.finish("F")
    race.to("T1", "store:translate")
    assert not race.pte("A") & PAGE_RW
    race.finish("T1", "C")
    assert race.value("A") == 1
    assert race.register("C", "r") == 5
    assert race.props() == []


def test_the_zero_page_does_not_get_w() -> None:
    """It is nobody's."""
    untouched = PageSpec("A", words=2, untouched=True)
    race = alone(thread("T1", ld("A"), READ, WRITE, st("A", 1)), page=untouched)
    race.to("T1", "store:translate")
    assert not race.pte("A") & PAGE_RW
    assert race.value("A") == 0
    assert race.props() == []


def test_shared_memory_gets_w_back_where_it_is_dirty() -> None:
    """It needs no exclusive mark."""
    for clean, writable in ((False, PAGE_RW), (True, 0)):
        page = PageSpec("A", words=2, shared=True, clean=clean)
        race = alone(thread("T1", READ, WRITE), page=page)
        race.finish("T1")
        assert race.pte("A") & PAGE_RW == writable
        assert race.props() == []


def test_a_page_without_an_entry_changes_its_vma_alone() -> None:
    """There is nothing to flush."""
    race = alone(thread("T1", READ), page=PageSpec("A", untouched=True))
    race.finish("T1")
    assert START not in race.labels("T1")
    assert FLUSH not in race.labels("T1")
    assert race.props() == []


def test_rights_that_are_there_already_change_nothing() -> None:
    """Nor is the VMA locked."""
    race = alone(thread("T1", WRITE))
    race.finish("T1")
    assert "vma_start_write:refcount_add" not in race.labels("T1")
    assert START not in race.labels("T1")
    assert race.props() == []


def test_an_address_without_a_mapping_is_refused() -> None:
    """-ENOMEM, before anything is announced."""
    page = PageSpec("A", dontfork=True)
    race = alone(forker(), child(NONE), page=page)
    race.finish("F", "C")
    assert "tlb_gather_mmu:inc_tlb_flush_pending" not in race.labels("C")
    assert race.props() == []


def test_a_store_through_a_cached_entry_goes_on_until_the_flush() -> None:
    """That is before mprotect returns, and so it is right."""
    race = alone(thread("T1", READ), thread("T2", st("A", 1), st("A", 2)))
    race.fill("cpu1", "A")
    race.to("T1", FLUSH)
    race.op("T2")
    race.finish("T1")
    race.finish("T2")
    assert race.value("A") == 1
    assert race.run.execution.faults == {"T2": "segv"}
    assert race.props() == []


def test_without_the_flush_a_store_comes_after_the_return() -> None:
    """And the contract is broken."""
    race = alone(
        thread("T1", READ),
        thread("T2", st("A", 1)),
        rules="seed,mprotect_flush=none",
    )
    race.fill("cpu1", "A")
    race.finish("T1")
    race.op("T2")
    assert race.value("A") == 1
    assert race.run.execution.faults == {}
    assert race.props() == ["tlb.stale-writable"]


def test_a_zap_whose_flush_is_pending_is_flushed_too() -> None:
    """There is no entry any more to take W from, but there may be a translation."""
    zap = thread("T2", Madvise("A", "dontneed"))
    race = alone(thread("T1", READ), zap, thread("T3"))
    race.fill("cpu2", "A")
    race.to("T2", FLUSH)
    race.finish("T1")
    assert race.cpu("cpu2").tlb == {}
    race.finish("T2")
    assert race.props() == []


def test_a_fault_waits_until_the_vma_is_unlocked() -> None:
    """It cannot bring W back in between."""
    read_only = PageSpec("A", words=2, read_only=True)
    race = alone(thread("T1", READ), thread("T2", st("A", 1)), page=read_only)
    race.to("T1", "spin_lock:acquire")
    race.to("T2", "down_read:acquire")
    assert race.blocked("T2")
    race.finish("T1")
    race.finish("T2")
    assert race.run.execution.faults == {"T2": "segv"}
    assert race.props() == []


def test_a_fault_that_was_first_is_waited_for() -> None:
    """The writer drains the readers of the VMA."""
    read_only = PageSpec("A", words=2, read_only=True)
    race = alone(thread("T1", READ), thread("T2", st("A", 1)), page=read_only)
    race.past("T2", "vma_start_read:recheck")
    race.to("T1", "vma_start_write:wait_for_readers")
    assert race.blocked("T1")
    race.finish("T2")
    race.finish("T1")
    assert race.value("A") == 1
    assert not race.pte("A") & PAGE_RW
    assert race.props() == []


@pytest.mark.parametrize("when", ["after_vma_lock", "before_vma_lock"])
def test_a_mark_set_under_the_vma_lock_is_kept(when: str) -> None:
    """Unless the new flags were made while a reader could still set it."""
    page = PageSpec("A", file=True, untouched=True)
    threads = thread("T1", READ), thread("T2", Madvise("A", "guard")), forker()
    race = alone(*threads, page=page, rules=f"seed,mprotect_flags={when}")
    race.to("T1", "vma_start_write:refcount_add")
    race.finish("T2", "T1")
    kept = when == "after_vma_lock"
    assert bool(race.mm().vmas[0].vm_flags & VM_MAYBE_GUARD) == kept
    race.finish("F")
    assert bool(race.pte("A", "child")) == kept
    assert race.props() == ([] if kept else ["snapshot.stale"])


def test_fork_waits_for_mprotect() -> None:
    """Parent and child agree on the rights, and on the page."""
    race = alone(forker(), thread("T1", READ), child(st("A", 1)))
    race.to("T1", COMMIT)
    assert race.label("F") == "dup_mm:mm_init"
    race.to("F", "down_write:acquire")
    assert race.blocked("F")
    race.finish("T1")
    race.finish("F", "C")
    assert race.run.execution.faults == {"C": "segv"}
    assert race.pte("A", "child") & PAGE_PRESENT
    assert race.props() == []


def test_an_inaccessible_page_is_kept_where_hardware_does_not_see_it() -> None:
    """PROTNONE: present for the kernel alone; the contents come back."""
    race = alone(
        thread("T1", NONE, Post("none"), Wait("seen"), READ),
        thread("T2", Wait("none"), ld("A")),
        thread("T3", Wait("go"), ld("A")),
        thread("T4", Post("seen"), Post("go")),
    )
    race.to("T1", "semaphore:wait")
    assert race.pte("A") & (PAGE_PRESENT | PAGE_PROTNONE | PAGE_RW) == PAGE_PROTNONE
    assert pte_dirty(race.pte("A"))
    assert (race.folio("A").refcount, race.folio("A").mapcount) == (1, 1)
    race.finish("T2", "T4", "T1", "T3")
    assert race.run.execution.faults == {"T2": "segv"}
    assert race.register("T3", "r") == 5
    assert race.props() == []


def test_a_fast_pin_refuses_an_inaccessible_page() -> None:
    """As hardware would; the slow path refuses it by its VMA."""
    race = alone(thread("T1", Pin("A", write=False)), page=PageSpec("A", prot="none"))
    race.finish("T1")
    assert "gup_fast_pte_range:try_grab_folio_fast" not in race.labels("T1")
    assert race.world.pins == []
    assert race.props() == []


@pytest.mark.parametrize("pin", ["", "rw"])
def test_fork_hands_an_inaccessible_page_on(pin: str) -> None:
    """Shared, or copied if it is pinned; the child finds it when it may."""
    page = PageSpec("A", init=(5,), prot="none", pin=pin)
    race = alone(forker(), child(READ, ld("A"), Exit()), page=page)
    race.finish("F")
    assert race.pte("A", "child") & (PAGE_PRESENT | PAGE_PROTNONE) == PAGE_PROTNONE
    assert (race.folio("A") is race.folio("A", "child")) == (not pin)
    race.finish("C")
    assert race.register("C", "r") == 5
    assert race.props() == []


def test_an_inaccessible_page_can_be_thrown_away() -> None:
    """Its frame is freed, and reads as zero when it may be read."""
    zap = Madvise("A", "dontneed")
    page = PageSpec("A", init=(5,), prot="none")
    race = alone(thread("T1", zap, READ, ld("A")), page=page)
    folio = race.folio("A")
    race.finish("T1")
    assert folio.free
    assert race.register("T1", "r") == 0
    assert race.props() == []


def test_an_inaccessible_page_can_be_swapped_out() -> None:
    """mprotect leaves a swap entry alone; the fault maps it with the rights of then."""
    kswapd = Thread("kswapd", (SwapOut("A"),), "kernel")
    page = PageSpec("A", init=(5,), prot="none")
    race = alone(thread("T1", WRITE, ld("A")), kswapd, page=page)
    race.finish("kswapd")
    assert race.pte("A") & PTE_SWAP
    race.finish("T1")
    assert race.register("T1", "r") == 5
    assert race.pte("A") & (PAGE_PRESENT | PAGE_RW) == PAGE_PRESENT | PAGE_RW
    assert race.props() == []


def test_only_the_page_named_changes() -> None:
    """Its VMA is split off, above and below."""
    names = ("A", "B", "C")
    race = Race(
        program(
            names,
            thread("T1", Mprotect("B", "r")),
            thread("T2", st("A", 1), st("C", 3), st("B", 2)),
        )
    )
    race.finish("T1")
    vmas = [
        (vma.vm_start, vma.vm_end, vma.vm_flags & VM_WRITE) for vma in race.mm().vmas
    ]
    assert vmas == [(0, 1, VM_WRITE), (1, 2, 0), (2, 3, VM_WRITE)]
    race.finish("T2")
    assert [race.value(name) for name in names] == [1, 0, 3]
    assert race.run.execution.faults == {"T2": "segv"}
    assert race.props() == []


def test_a_reader_that_found_the_vma_before_it_was_split_looks_again() -> None:
    """It would read-lock the part that its address is not in any more."""
    pages = [PageSpec("A", words=2), PageSpec("B", words=2, read_only=True)]
    race = Race(program(pages, thread("T1", READ), thread("T2", st("B", 1))))
    race.past("T2", "vma_start_read:early_test")
    race.finish("T1")
    race.to("T2", "down_read:acquire")
    assert race.mm().vmas[0].vm_refcnt == 1
    race.finish("T2")
    assert race.value("B") == 1
    assert race.props() == []


def test_a_kill_while_it_waits_leaves_everything_as_it_was() -> None:
    """For mmap_lock, or for the readers of the VMA."""
    for label in ("down_write:acquire", "vma_start_write:wait_for_readers"):
        race = alone(
            forker(),
            thread("T1", READ),
            thread("T2", st("A", 1)),
            thread("K", Kill("T1")),
            page=PageSpec("A", words=2, read_only=True),
        )
        if label == "down_write:acquire":
            race.past("F", "vma_start_write:refcount_sub")
        else:
            race.past("T2", "vma_start_read:recheck")
        race.to("T1", label)
        assert race.blocked("T1")
        race.finish("K", "T1")
        assert race.mm().vmas[0].vm_flags & VM_WRITE
        assert race.props() == []


def test_a_mapping_that_is_inaccessible_at_first_gives_nothing() -> None:
    """prot=none and prot=r of a page."""
    for prot, fault in (("none", {"T1": "segv"}), ("r", {})):
        page = PageSpec("A", init=(5,), prot=prot)
        race = alone(
            thread("T1", Load("A", 0, "r")), thread("T2", st("A", 1)), page=page
        )
        race.finish("T1", "T2")
        assert race.run.execution.faults == {**fault, "T2": "segv"}
        assert race.value("A") == 5
        assert race.props() == []
