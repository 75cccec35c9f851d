"""The race tables of litmus tests tell the races that the kernel's history tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkfuzz.exhaustive import plainest_violation
from forkfuzz.harness.trial import with_lazy_tlb
from forkfuzz.litmus import load
from forkfuzz.report import race_table, record

FOLDER = Path(__file__).parent

RACES = {
    # A fast pin between fork's test and its write-protection: the child gets a page
    # that a device writes to.
    ("gup-fast", "pin.diverged"): [
        "folio_needs_cow_for_dma(A): no",
        "pin_user_pages(A): frame 1",
        "ClearPageAnonExclusive(A)",
        "wrprotect(A), share",
        "flush_tlb_mm(oldmm)",
        "<- the cut",
    ],
    # The fault takes the lock of its VMA, which fork has not taken, and moves the
    # page away; the next store still goes to memory that the child shares.
    ("no-vma-lock", "snapshot.torn"): [
        "mmap_write_lock(oldmm)",
        "wrprotect(A), share",
        "store to A faults",
        "vma_start_read(vma0)",
        "wp_page_copy(A): copy to frame",
        "A[0] = 1",
        "B[0] = 1",
        "flush_tlb_mm(oldmm)",
        "<- the cut",
    ],
    # The fault has not come to its end when the child reuses the page.
    ("rmap-drop-early", "snapshot.leak-to-parent"): [
        "<- the cut",
        "wp_page_copy(A)  A[0]=0",
        "folio_remove_rmap_pte()",
        "do_wp_page(A): reuse frame",
        "A[0] = 2",
    ],
    # What fork overlooks was asked for long before.
    ("guard-mprotect", "snapshot.torn"): [
        "VM_MAYBE_GUARD",
        "madvise_guard_install(A)",
        "mprotect_fixup(vma0): vm_flags",
        "mmap_write_lock(oldmm)",
        "<- the cut",
    ],
    # The flag is set in one half of what was whole when its copy was made.
    ("guard-munmap", "snapshot.torn"): [
        "__split_vma(vma0): copies vm_flags",
        "VM_MAYBE_GUARD",
        "madvise_guard_install(B)",
        "mmap_write_lock(oldmm)",
        "<- the cut",
    ],
    # The reader looked before the writer came.
    ("vma-recheck-off", "snapshot.stale"): [
        "vma_start_read()  not write-locked",
        "vma_start_write(vma0)",
        "vm_refcnt++, read-locked",
        "wp_page_copy(A): copy to frame",
    ],
    # Who wrote what is found in the place of another value.
    ("gup-retry-drops-write", "parent.lost-store"): [
        "A[0] = 9 (DMA)",
        "do_anonymous_page(B): zero page",
        "load B[0] == 9",
    ],
    ("mprotect-no-flush", "tlb.stale-writable"): [
        "mprotect_fixup(vma0): vm_flags",
        "(TLB caches A, writable)",
        "change_pte_range(A): read-only",
    ],
    # The second thread has nothing to flush, the first has not flushed yet.
    ("two-zaps", "tlb.stale-writable"): [
        "zap_pte_range(A)",
        "flush_tlb_page(A) begins",
        "zap_pte_range(A): nothing there",
        "tlb_finish_mmu(): nothing to flush",
    ],
    # What can be read through a translation that nobody could write through.
    ("guard-zapped-ro", "tlb.stale-readable"): [
        "(TLB caches A)",
        "zap_pte_range(A)",
        "flush_tlb_page(A) begins",
        "madvise_guard_install(A)",
    ],
    ("swap-exclusive-kept", "snapshot.leak-to-child"): [
        "copy_nonpresent_pte(A)",
        "<- the cut",
        "do_swap_page(A): frame",
        "A[0] = 2",
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "prop"), RACES, ids=[name for name, _ in RACES])
def test_the_plainest_race_has_the_steps(name: str, prop: str) -> None:
    """In their order, within the columns of a commit message."""
    test = load(FOLDER / f"{name}.litmus")
    program = with_lazy_tlb(test.program)
    found = plainest_violation(program, test.rules, prop)
    assert found is not None
    recording = record(program, test.rules, found.schedule.decisions)
    (violation, *_) = [v for v in recording.result.violations if v.prop == prop]
    table = race_table(recording, violation)
    assert max(map(len, table)) <= 75
    if name == "guard-mprotect":
        assert violation.message.startswith("child has B made a guard by T1 but not A")
    rest = iter(table)
    for step in RACES[name, prop]:
        assert any(step in line for line in rest), (step, table)
