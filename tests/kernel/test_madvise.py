"""madvise(): zapping under the VMA lock, gathers, guards, flags."""

from __future__ import annotations

import pytest

from driving import Race, child, forker, ld, program, st, thread
from forkfuzz.kernel.protocol import Linux
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.mm_types import VM_DONTCOPY, VM_MAYBE_GUARD, VM_WIPEONFORK
from forkfuzz.mm.pgtable import PTE_MARKER_GUARD
from forkfuzz.scenarios.program import (
    Exit,
    Kill,
    Madvise,
    Munmap,
    PageSpec,
    SwapOut,
    Thread,
)

DONTNEED = Madvise("A", "dontneed")
ADVISE = Madvise("A", "dontfork")
KILLER = thread("K", Kill("T1"))
FLUSH = "flush_tlb_mm_range:inc_mm_tlb_gen"


def zap(rules: str = "seed") -> Race:
    """Return a race of a fork, MADV_DONTNEED by T1, and stores by T2."""
    return Race(
        program(
            [PageSpec("A", words=2, init=(5,)), "B"],
            forker(),
            thread("T1", DONTNEED),
            thread("T2", st("A", 7), ld("A")),
            thread("T3", DONTNEED),
        ),
        rules,
    )


def test_dontneed_takes_its_steps_in_the_order_of_the_gather() -> None:
    """M1 to M6, the VMA lock dropped between M3 and M4, the page freed after M4."""
    race = zap()
    race.finish("T1")
    assert race.labels("T1") == [
        "tlb_gather_mmu:inc_tlb_flush_pending",
        "vma_start_read:early_test",
        "vma_start_read:refcount_inc",
        "vma_start_read:recheck",
        "spin_lock:acquire",
        "zap_pte_range:ptep_get",
        "zap_pte_range:ptep_get_and_clear_full",
        "zap_pte_range:folio_remove_rmap_pte",
        "spin_unlock:release",
        "vma_end_read:refcount_dec",
        FLUSH,
        "flush_tlb_mm_range:send_ipis",
        "flush_tlb_mm_range:flush_local",
        "flush_tlb_mm_range:wait_for_acks",
        "tlb_finish_mmu:folio_put",
        "tlb_finish_mmu:dec_tlb_flush_pending",
    ]
    assert race.props() == []


def test_the_page_keeps_its_reference_until_the_flush() -> None:
    """mapcount goes at once, the frame is not freed while a TLB leads there."""
    race = zap()
    folio = race.folio("A")
    race.fill("cpu2", "A")
    race.to("T1", FLUSH)
    assert (folio.mapcount, folio.refcount, folio.free) == (0, 1, False)
    race.op("T2")
    assert folio.words[0]
    race.finish("T1")
    assert folio.free
    race.finish("T2")
    assert race.register("T2", "r") == 0
    assert race.props() == []


def test_freeing_before_the_flush_lets_a_store_reach_a_freed_frame() -> None:
    """MUT26."""
    race = zap("seed,zap_flush=after_free")
    race.fill("cpu2", "A")
    race.past("T1", "tlb_finish_mmu:folio_put")
    race.op("T2")
    assert "tlb.use-after-free" in race.props()


def test_fork_may_start_while_the_flush_is_pending() -> None:
    """The VMA lock is free by then; fork finds the entry empty and copies nothing."""
    race = zap()
    race.fill("cpu2", "A")
    race.to("T1", FLUSH)
    race.finish("F")
    assert race.pte("A", "child") == race.pte("A") == 0
    assert race.props() == []


def test_a_gather_that_finds_another_one_under_way_flushes_everything() -> None:
    """C15: the entry is gone already, but the translation may not be."""
    race = zap()
    race.fill("cpu2", "A")
    race.fill("cpu2", "B")
    race.to("T1", FLUSH)
    race.finish("T3")
    assert "zap_pte_range:ptep_get_and_clear_full" not in race.labels("T3")
    assert FLUSH in race.labels("T3")
    assert race.cpu("cpu2").tlb == {}
    assert race.props() == []


def test_a_gather_alone_that_zaps_nothing_flushes_nothing() -> None:
    """An empty entry and no other gather."""
    race = zap()
    race.finish("T1")
    race.finish("T3")
    assert FLUSH not in race.labels("T3")


def test_dontneed_falls_back_to_mmap_lock_while_fork_has_the_vma() -> None:
    """It waits for the end of fork, and keeps mmap_lock over the flush."""
    race = zap()
    race.past("F", "vma_start_write:refcount_sub")
    race.to("T1", "down_read:acquire")
    assert race.blocked("T1")
    race.finish("F")
    race.finish("T1")
    labels = race.labels("T1")
    assert labels.index("tlb_finish_mmu:dec_tlb_flush_pending") < labels.index(
        "up_read:release"
    )
    assert race.pte("A", "child")
    assert race.props() == []


def test_a_guard_region_replaces_the_page_and_marks_the_vma() -> None:
    """An entry that is not present, but not empty."""
    race = Race(program(["A"], thread("T1", Madvise("A", "guard"))))
    folio = race.folio("A")
    race.finish("T1")
    assert race.pte("A") == PTE_MARKER_GUARD
    assert folio.free
    assert race.props() == []


def test_a_guard_region_in_memory_never_touched_needs_mmap_lock() -> None:
    """For the anon_vma, which a mapping of a file can do without."""
    guard = thread("T1", Madvise("A", "guard"))
    race = Race(program([PageSpec("A", untouched=True)], guard))
    race.to("T1", "madvise_guard_install:vm_flags")
    assert race.mm().mmap_lock.readers == 1
    assert race.mm().vmas[0].vm_refcnt == 1
    race.finish("T1")
    assert race.mm().vmas[0].anon_vma
    assert race.props() == []
    race = Race(program([PageSpec("A", untouched=True, file=True)], guard))
    race.to("T1", "madvise_guard_install:vm_flags")
    assert race.mm().mmap_lock.readers == 0
    assert race.mm().vmas[0].vm_refcnt == 2
    race.finish("T1")
    assert not race.mm().vmas[0].anon_vma
    assert race.props() == []


def test_only_anonymous_private_memory_can_be_wiped_on_fork() -> None:
    """-EINVAL."""
    for page in (PageSpec("A", shared=True), PageSpec("A", file=True)):
        race = Race(program([page], thread("T1", Madvise("A", "wipeonfork"))))
        race.finish("T1")
        assert not race.mm().vmas[0].vm_flags & VM_WIPEONFORK
        assert race.props() == []


def test_flags_for_fork_are_set_under_the_vma_write_lock() -> None:
    """mmap_lock for writing, then vma_start_write."""
    for advice, flag in (("dontfork", VM_DONTCOPY), ("wipeonfork", VM_WIPEONFORK)):
        race = Race(program(["A"], thread("T1", Madvise("A", advice))))
        race.to("T1", "madvise_update_vma:vm_flags")
        assert race.mm().mmap_lock.writer
        assert race.mm().vmas[0].vm_lock_seq == race.mm().mm_lock_seq
        race.finish("T1")
        assert race.mm().vmas[0].vm_flags & flag
        assert race.props() == []


def test_a_child_that_exits_gives_every_page_back() -> None:
    """The parent is the sole owner again and reuses."""
    race = Race(program(["A"], forker(), thread("T1", st("A", 3)), child(Exit())))
    race.finish("F", "C")
    folio = race.folio("A")
    assert (folio.refcount, folio.mapcount) == (1, 1)
    race.finish("T1")
    assert race.folio("A") is folio
    assert race.props() == []


def test_an_exit_waits_for_reclaim_to_put_an_entry_back() -> None:
    """An entry that is empty while its lock is held is not gone."""
    kswapd = Thread("kswapd", (SwapOut("A"),), "kernel")
    race = Race(program(["A"], forker(), kswapd, child(Exit())))
    race.finish("F")
    while race.pte("A", "child"):
        race.to("kswapd", "try_to_unmap_one:ptep_get_and_clear")
        race.step("kswapd")
    race.to("C", "spin_lock:acquire")
    assert race.blocked("C")
    race.finish("kswapd", "C")
    assert race.pte("A", "child") == 0
    assert race.folio("A").swap_count == 1
    assert race.props() == []


@pytest.mark.parametrize("advice", ["dontneed", "guard"])
def test_madvise_waits_for_mmap_lock_as_a_reader_even_if_killed(advice: str) -> None:
    """mmap_read_lock, not the killable one: the page goes after fork."""
    page = PageSpec("A", init=(5,))
    race = Race(program([page], forker(), thread("T1", Madvise("A", advice)), KILLER))
    race.past("F", "vma_start_write:refcount_sub")
    race.to("T1", "down_read:acquire")
    race.finish("K")
    assert race.blocked("T1")
    race.finish("F", "T1")
    assert race.pte("A") == (PTE_MARKER_GUARD if advice == "guard" else 0)
    assert race.value("A", mm="child") == 5
    assert race.props() == []


def test_a_killed_wait_for_mmap_lock_leaves_the_flags_as_they_are() -> None:
    """-EINTR, without effect."""
    race = Race(
        program(["A"], forker(), thread("T1", Madvise("A", "dontfork")), KILLER)
    )
    race.past("F", "vma_start_write:refcount_sub")
    race.to("T1", "down_write:acquire")
    race.finish("K", "T1")
    assert not race.mm().vmas[0].vm_flags & VM_DONTCOPY
    assert race.props() == []


def test_a_killed_wait_for_readers_leaves_the_flags_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """-EINTR, too, and it is told."""
    told: dict[str, bool] = {}
    madvise = Linux.madvise

    async def noted(self: Linux, cpu: Cpu, vpn: int, advice: str) -> bool:
        told[advice] = await madvise(self, cpu, vpn, advice)
        return told[advice]

    monkeypatch.setattr(Linux, "madvise", noted)
    race = Race(program(["A"], thread("T1", ADVISE), KILLER, thread("T2", DONTNEED)))
    race.to("T2", "vma_end_read:refcount_dec")
    race.to("T1", "vma_start_write:wait_for_readers")
    race.finish("K")
    race.finish("T1")
    assert not race.mm().vmas[0].vm_flags & VM_DONTCOPY
    race.finish("T2")
    assert told == {"dontfork": False, "dontneed": True}
    assert race.props() == []


@pytest.mark.parametrize("madvise_lock", ["vma", "mmap"])
def test_which_lock_madvise_takes_and_when_it_announces_a_flush(
    madvise_lock: str,
) -> None:
    """Under the VMA lock the gather comes first; once mmap_lock did."""
    race = zap(f"seed,madvise_lock={madvise_lock}")
    race.to("T1", "zap_pte_range:ptep_get")
    assert race.mm().mmap_lock.readers == (madvise_lock == "mmap")
    gather = "tlb_gather_mmu:inc_tlb_flush_pending"
    assert race.labels("T1").index(gather) == (madvise_lock == "mmap")
    race.to("T1", FLUSH)
    race.to("F", "down_write:acquire")
    assert race.blocked("F") == (madvise_lock == "mmap")
    race.finish("T1")
    assert race.props() == []


@pytest.mark.parametrize("order", ["before", "after"])
def test_flags_that_are_made_too_early_lose_that_of_a_guard(order: str) -> None:
    """madvise_vma_behavior has new_flags from before vma_start_write."""
    race = Race(
        program(["A"], thread("T1", ADVISE), thread("T2", Madvise("A", "guard"))),
        f"seed,mprotect_flags={order}_vma_lock",
    )
    race.to("T2", "madvise_guard_install:vm_flags")
    race.to("T1", "vma_start_write:wait_for_readers")
    race.finish("T2", "T1")
    flags = race.mm().vmas[0].vm_flags
    assert flags & VM_DONTCOPY
    assert bool(flags & VM_MAYBE_GUARD) == (order == "after")
    assert race.props() == []


def test_a_guard_on_a_guard_changes_nothing() -> None:
    """The entry is what it should be already."""
    guard = Madvise("A", "guard")
    race = Race(program(["A"], thread("T1", guard, guard)))
    race.finish("T1")
    assert race.labels("T1").count("zap_pte_range:ptep_get_and_clear_full") == 1
    assert race.props() == []


def test_dontneed_leaves_a_guard_and_munmap_and_exit_take_it_away() -> None:
    """zap_drop_markers: only what goes as a whole loses its markers."""
    guard = Madvise("A", "guard")
    race = Race(program(["A"], thread("T1", guard, DONTNEED)))
    race.finish("T1")
    assert race.pte("A") == PTE_MARKER_GUARD
    assert race.props() == []
    race = Race(program(["A"], thread("T1", guard, Munmap("A"))))
    race.finish("T1")
    assert race.pte("A") == 0
    assert race.props() == []
    race = Race(program(["A"], forker(), thread("T1", guard), child(Exit())))
    race.finish("T1", "F")
    assert race.pte("A", "child") == PTE_MARKER_GUARD
    race.finish("C")
    assert race.pte("A", "child") == 0
    assert race.props() == []
