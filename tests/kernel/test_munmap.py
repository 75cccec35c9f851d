"""munmap(): the VMA goes first, then its pages, under a downgraded lock."""

from __future__ import annotations

from driving import Race, child, forker, ld, program, st, thread
from forkfuzz.mm.pgtable import NONE
from forkfuzz.scenarios.program import (
    DmaStore,
    Exit,
    Kill,
    Madvise,
    Munmap,
    PageSpec,
    Peek,
    Pin,
    SwapOut,
    Thread,
)

PAGE = PageSpec("A", words=2, init=(5,))
UNMAP = Munmap("A")
FLUSH = "flush_tlb_mm_range:inc_mm_tlb_gen"
GONE = "do_vmi_align_munmap:vma_iter_clear_gfp"
ZAP = "zap_pte_range:ptep_get_and_clear_full"


def alone(*threads: Thread, rules: str = "seed", page: PageSpec = PAGE) -> Race:
    """Return a race of threads about page A, in a VMA of its own."""
    return Race(program([page, PageSpec("B", words=2, vma=1)], *threads), rules)


def test_it_takes_its_steps_in_the_order_of_the_kernel() -> None:
    """VMA lock, detach, downgrade; zap, flush, free; only then the lock."""
    race = alone(thread("T1", UNMAP))
    race.finish("T1")
    assert race.labels("T1") == [
        "down_write:acquire",
        "mmap_write_lock:mm_lock_seqcount_begin",
        "vma_start_write:refcount_add",
        "vma_start_write:wait_for_readers",
        "vma_start_write:set_vm_lock_seq",
        "vma_start_write:refcount_sub",
        "vma_mark_detached:refcount_dec",
        GONE,
        "vma_end_write_all:mm_lock_seqcount_end",
        "downgrade_write:release",
        "tlb_gather_mmu:inc_tlb_flush_pending",
        "spin_lock:acquire",
        "zap_pte_range:ptep_get",
        ZAP,
        "zap_pte_range:folio_remove_rmap_pte",
        "spin_unlock:release",
        FLUSH,
        "flush_tlb_mm_range:send_ipis",
        "flush_tlb_mm_range:flush_local",
        "flush_tlb_mm_range:wait_for_acks",
        "tlb_finish_mmu:folio_put",
        "tlb_finish_mmu:dec_tlb_flush_pending",
        "up_read:release",
    ]
    assert race.props() == []


def test_what_is_unmapped_is_freed_and_faults() -> None:
    """The other page stays."""
    race = alone(thread("T1", UNMAP, st("B", 1), ld("A")))
    folio = race.folio("A")
    race.finish("T1")
    assert folio.free
    assert race.pte("A") == NONE
    assert [vma.vm_start for vma in race.mm().vmas] == [1]
    assert race.value("B") == 1
    assert race.run.execution.faults == {"T1": "segv"}
    assert race.props() == []


def test_a_cached_translation_works_until_the_flush() -> None:
    """The frame is not freed before it."""
    race = alone(thread("T1", UNMAP), thread("T2", st("A", 1), ld("A")))
    folio = race.folio("A")
    race.fill("cpu1", "A")
    race.to("T1", FLUSH)
    race.op("T2")
    assert folio.words[0]
    assert folio.refcount
    race.finish("T1", "T2")
    assert folio.free
    assert race.run.execution.faults == {"T2": "segv"}
    assert race.props() == []


def test_freeing_before_the_flush_lets_a_store_reach_a_freed_frame() -> None:
    """The gather's order is that of MADV_DONTNEED."""
    race = alone(
        thread("T1", UNMAP), thread("T2", st("A", 1)), rules="seed,zap_flush=after_free"
    )
    race.fill("cpu1", "A")
    race.past("T1", "tlb_finish_mmu:folio_put")
    race.op("T2")
    assert "tlb.use-after-free" in race.props()


def test_a_fault_that_was_first_is_waited_for() -> None:
    """Its store goes to the page that is then unmapped."""
    page = PageSpec("A", words=2, read_only=True)
    race = alone(thread("T1", UNMAP), thread("T2", st("A", 1)), page=page)
    race.past("T2", "vma_start_read:recheck")
    race.to("T1", "vma_start_write:wait_for_readers")
    assert race.blocked("T1")
    race.past("T2", "vma_end_read:refcount_dec")
    race.op("T2")
    assert race.value("A") == 1
    race.finish("T1")
    assert race.run.execution.faults == {}
    assert race.props() == []


def test_a_reader_that_comes_too_late_looks_again() -> None:
    """It found the VMA before it was locked, and finds it detached."""
    page = PageSpec("A", words=2, read_only=True)
    race = alone(thread("T1", UNMAP), thread("T2", st("A", 1)), page=page)
    race.to("T2", "vma_start_read:refcount_inc")
    race.past("T1", "vma_mark_detached:refcount_dec")
    race.step("T2")
    assert race.label("T2") == "vma_start_read:early_test"
    race.finish("T1", "T2")
    assert race.run.execution.faults == {"T2": "segv"}
    assert race.props() == []


def test_a_reader_that_is_about_to_give_up_is_waited_for() -> None:
    """It has raised the count of a VMA that is write-locked already."""
    page = PageSpec("A", words=2, read_only=True)
    race = alone(thread("T1", UNMAP), thread("T2", st("A", 1)), page=page)
    race.to("T2", "vma_start_read:refcount_inc")
    race.past("T1", "vma_start_write:refcount_sub")
    race.step("T2")
    race.to("T1", "vma_mark_detached:wait_for_readers")
    assert race.blocked("T1")
    race.past("T2", "vma_end_read:refcount_dec")
    race.finish("T1", "T2")
    assert race.run.execution.faults == {"T2": "segv"}
    assert race.props() == []


def test_faults_elsewhere_go_on_after_the_downgrade_and_fork_does_not() -> None:
    """Readers share mmap_lock with the zap; a writer has to wait."""
    other = PageSpec("B", words=2, vma=1, untouched=True)
    race = Race(
        program([PAGE, other], forker(), thread("T1", UNMAP), thread("T2", st("B", 1)))
    )
    race.past("T1", "downgrade_write:release")
    race.to("F", "down_write:acquire")
    assert race.blocked("F")
    race.finish("T2")
    assert race.value("B") == 1
    race.finish("T1", "F")
    assert race.pte("A", "child") == NONE
    assert race.props() == []


def test_the_page_alone_goes_from_a_vma_of_several() -> None:
    """What is below and above it keeps working."""
    names = ("A", "B", "C")
    race = Race(program(names, thread("T1", Munmap("B"), st("A", 1), st("C", 3))))
    race.finish("T1")
    assert [(vma.vm_start, vma.vm_end) for vma in race.mm().vmas] == [(0, 1), (2, 3)]
    assert (race.value("A"), race.value("C")) == (1, 3)
    assert race.props() == []


def test_a_page_that_a_device_uses_outlives_its_mapping() -> None:
    """The device keeps its reference; nothing is promised to the process."""
    page = PageSpec("A", words=2, pin="rw")
    dev = Thread("dev", (DmaStore("A", 0, 7),), "device")
    race = alone(thread("T1", UNMAP), dev, page=page)
    folio = race.folio("A")
    race.finish("T1", "dev")
    assert not folio.free
    assert race.world.stores[folio.words[0]][1] == 7
    assert race.props() == []


def test_shared_memory_goes_with_its_last_mapping() -> None:
    """Not with the parent's; what one process stored the other finds."""
    page = PageSpec("A", words=2, shared=True)
    race = alone(
        forker(UNMAP), thread("T1", st("A", 1)), child(ld("A"), UNMAP), page=page
    )
    folio = race.folio("A")
    race.finish("T1", "F")
    assert (folio.refcount, folio.mapcount, folio.free) == (1, 0, False)
    race.finish("C")
    assert race.register("C", "r") == 1
    assert folio.free
    assert race.props() == []


def test_shared_memory_goes_with_the_exit_of_its_last_user() -> None:
    """The object is given up there too."""
    page = PageSpec("A", words=2, shared=True)
    race = alone(forker(UNMAP), child(Exit()), page=page)
    folio = race.folio("A")
    race.finish("F", "C")
    assert folio.free
    assert race.props() == []


def test_shared_memory_that_two_give_up_at_once_is_given_up_once() -> None:
    """Both find nobody else who maps it."""
    page = PageSpec("A", words=2, shared=True)
    race = alone(forker(UNMAP), child(UNMAP), page=page)
    folio = race.folio("A")
    race.past("F", "copy_mm:child_runnable")
    race.past("C", GONE)
    race.to("F", "remove_vma:fput")
    race.to("C", "remove_vma:fput")
    race.finish("F", "C")
    assert (folio.refcount, folio.free) == (0, True)
    assert race.props() == []


def test_a_swap_entry_is_given_up() -> None:
    """And with it the page in the swap cache."""
    kswapd = Thread("kswapd", (SwapOut("A"),), "kernel")
    race = alone(thread("T1", UNMAP), kswapd)
    folio = race.folio("A")
    race.finish("kswapd", "T1")
    assert folio.free
    assert race.props() == []


def test_two_calls_for_one_page_and_a_zap_between_them() -> None:
    """The second finds nothing, and MADV_DONTNEED neither."""
    race = alone(
        thread("T1", UNMAP), thread("T2", Madvise("A", "dontneed")), thread("T3", UNMAP)
    )
    race.past("T1", GONE)
    race.to("T3", "down_write:acquire")
    assert race.blocked("T3")
    race.finish("T1", "T2", "T3")
    assert ZAP not in race.labels("T3")
    assert ZAP not in race.labels("T2")
    assert race.props() == []


def test_a_kill_while_it_waits_leaves_the_mapping() -> None:
    """For mmap_lock, or for the readers of the VMA."""
    for label in ("down_write:acquire", "vma_start_write:wait_for_readers"):
        race = alone(
            forker(),
            thread("T1", UNMAP),
            thread("T2", st("A", 1)),
            thread("K", Kill("T1")),
            page=PageSpec("A", words=2, read_only=True),
        )
        if label == "down_write:acquire":
            race.past("F", "vma_start_write:refcount_sub")
        else:
            race.past("T2", "vma_start_read:recheck")
        race.to("T1", label)
        race.finish("K", "T1")
        assert race.mm().find_vma(0) is not None
        assert race.props() == []


def test_a_reference_reads_what_the_parent_stores_where_reuse_is_by_mapcount() -> None:
    """CVE-2020-29374: the child unmaps, and keeps what vmsplice would."""
    race = alone(
        forker(),
        thread("T1", st("A", 42)),
        child(Pin("A", get=True), UNMAP, Peek("A", 0, "s")),
        rules="seed,reuse=mapcount",
    )
    race.finish("F")
    race.to("C", "peek:wait_for_reference")
    race.finish("T1")
    race.finish("C")
    assert race.register("C", "s") == 42
    assert race.props() == ["snapshot.leak-to-child"]


def test_a_reference_reads_the_old_page_otherwise() -> None:
    """The parent's store goes to a page of its own."""
    race = alone(
        forker(),
        thread("T1", st("A", 42)),
        child(Pin("A", get=True), UNMAP, Peek("A", 0, "s")),
    )
    race.finish("F")
    race.to("C", "peek:wait_for_reference")
    race.finish("T1", "C")
    assert race.register("C", "s") == 5
    assert race.props() == []
