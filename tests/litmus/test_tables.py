"""The race tables of two litmus tests tell the races that the kernel's history tells."""

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
    rest = iter(table)
    for step in RACES[name, prop]:
        assert any(step in line for line in rest), (step, table)
