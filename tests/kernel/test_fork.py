"""fork(): the order of its steps, what each entry becomes, and what failure leaves."""

from __future__ import annotations

import pytest

from driving import Race, child, forker, ld, program, st, thread
from forkfuzz.mm.pgtable import (
    PAGE_ACCESSED,
    PAGE_DIRTY,
    PAGE_RW,
    PAGE_SAVED_DIRTY,
    pte_dirty,
)
from forkfuzz.scenarios.program import (
    Madvise,
    PageSpec,
)

CUT = "vma_end_write_all:mm_lock_seqcount_end"
FLUSH = "flush_tlb_mm_range:inc_mm_tlb_gen"
ACKED = "flush_tlb_mm_range:wait_for_acks"


def forks(rules: str = "seed", *pages: PageSpec | str) -> Race:
    """Return a race in which F has forked, with T1 on another CPU."""
    race = Race(program(pages or ["A"], forker(), thread("T1", st("A", 1))), rules)
    race.finish("F")
    return race


def test_fork_takes_its_steps_in_the_order_of_dup_mmap() -> None:
    """F2, F5, F6, F8, F10, F14 with its steps, F15, F18, F17, F19, F20, F22."""
    assert forks().labels("F") == [
        "dup_mm:mm_init",
        "down_write:acquire",
        "mmap_write_lock:mm_lock_seqcount_begin",
        "down_write:acquire",
        "mmap_write_lock:mm_lock_seqcount_begin",
        "dup_mmap:dup_vma_tree",
        "vma_start_write:refcount_add",
        "vma_start_write:wait_for_readers",
        "vma_start_write:set_vm_lock_seq",
        "vma_start_write:refcount_sub",
        "dup_mmap:vm_area_dup",
        "copy_page_range:write_protect_seq_begin",
        "spin_lock:acquire",
        "spin_lock:acquire",
        "copy_pte_range:ptep_get",
        "copy_present_ptes:folio_get",
        "folio_try_dup_anon_rmap_pte:folio_needs_cow_for_dma",
        "folio_try_dup_anon_rmap_pte:ClearPageAnonExclusive",
        "folio_try_dup_anon_rmap_pte:mapcount_inc",
        "__copy_present_ptes:wrprotect_ptes",
        "__copy_present_ptes:set_ptes",
        "spin_unlock:release",
        "spin_unlock:release",
        "copy_page_range:write_protect_seq_end",
        "dup_mmap:child_visible",
        FLUSH,
        "flush_tlb_mm_range:send_ipis",
        "flush_tlb_mm_range:flush_local",
        ACKED,
        CUT,
        "up_write:release",
        CUT,
        "up_write:release",
        "copy_mm:child_runnable",
    ]


def unlock_order(rules: str) -> list[str]:
    """Return the end of fork in short: C child, F flush, W acks, U cut, R release."""
    race = Race(program(["A"], forker(), thread("T1", st("A", 1))), rules)
    found = []
    for letter, label, obj in (
        ("F", FLUSH, ""),
        ("W", ACKED, ""),
        ("C", CUT, "mm_lock_seq:child"),
        ("U", CUT, "mm_lock_seq:parent"),
        ("R", "up_write:release", "mmap_lock:parent"),
    ):
        found.append((letter, label, obj))
    steps: list[str] = []
    while race.label("F") != "done":
        task = race.task("F")
        for letter, label, obj in found:
            if task.label == label and obj in ("", task.access.obj):
                steps.append(letter)
        race.all_acks()
        race.step("F")
    return steps


@pytest.mark.parametrize(
    ("rules", "steps"),
    [
        ("seed", "FWCUR"),
        ("mainline", "CFWUR"),
        ("seed,unlock_order=seq_then_flush", "UFWCR"),
        ("mainline,unlock_order=seq_then_flush", "CUFWR"),
        ("seed,final_flush=after_unlock", "CURFW"),
        ("seed,final_flush=none", "CUR"),
        ("seed,final_flush=no_ack", "FCUR"),
        ("seed,final_flush=skip_cpu", "FWCUR"),
    ],
)
def test_rules_move_the_steps_at_the_end_of_fork(rules: str, steps: str) -> None:
    """F17 to F20 of protocol and mutants."""
    assert "".join(unlock_order(rules)) == steps


def test_skipping_a_cpu_leaves_its_translations_alone() -> None:
    """MUT3: the lowest-numbered other CPU is not interrupted."""
    race = Race(
        program(["A"], forker(), thread("T1", st("A", 1)), thread("T2", st("A", 2))),
        "seed,final_flush=skip_cpu",
    )
    race.fill("cpu1", "A")
    race.fill("cpu2", "A")
    race.finish("F")
    assert race.cpu("cpu1").tlb
    assert not race.cpu("cpu2").tlb


def test_the_child_cannot_run_before_fork_has_returned() -> None:
    """Its first load is after the cut."""
    race = Race(program(["A"], forker(), child(ld("A"))))
    race.to("F", "copy_mm:child_runnable")
    assert race.blocked("C")
    race.step("F")
    assert race.runnable("C")


# One entry.


def test_a_shared_page_is_write_protected_and_loses_its_mark_without_a_flush() -> None:
    """B2, B4 to B9; the flush comes once, at the end."""
    race = Race(program(["A", "B"], forker(), thread("T1", st("A", 1))))
    race.fill("cpu1", "A")
    race.past("F", "copy_page_range:write_protect_seq_end")
    folio = race.folio("A")
    assert folio is race.folio("A", "child")
    assert (folio.refcount, folio.mapcount, folio.anon_exclusive) == (2, 2, False)
    assert not race.pte("A") & PAGE_RW
    assert not race.pte("A", "child") & PAGE_RW
    assert FLUSH not in race.labels("F")
    assert race.cpu("cpu1").tlb[0] & PAGE_RW


def test_the_childs_entry_is_old_but_as_dirty_as_the_parents() -> None:
    """B8: A is cleared, D is kept in software."""
    race = forks()
    assert race.pte("A") & PAGE_ACCESSED
    assert not race.pte("A", "child") & PAGE_ACCESSED
    assert race.pte("A", "child") & (PAGE_SAVED_DIRTY | PAGE_DIRTY) == PAGE_SAVED_DIRTY


def test_the_childs_entry_of_a_page_copied_early_is_new() -> None:
    """Made of the protection of its VMA, which has A on x86."""
    race = forks("seed", PageSpec("A", pin="rw"))
    assert race.pte("A", "child") & PAGE_ACCESSED
    assert race.pte("A", "child") & (PAGE_RW | PAGE_DIRTY) == PAGE_RW | PAGE_DIRTY


def test_the_childs_entry_of_a_clean_page_is_clean() -> None:
    """D is copied, not invented."""
    race = forks("seed", PageSpec("A", clean=True))
    assert not pte_dirty(race.pte("A", "child"))


def test_shared_mappings_are_not_copied_at_all_without_an_anon_vma() -> None:
    """CR1: the child refaults to the same frame; the parent keeps W and D."""
    race = forks("seed", PageSpec("A", shared=True))
    assert race.pte("A") & (PAGE_RW | PAGE_DIRTY) == PAGE_RW | PAGE_DIRTY
    assert race.pte("A", "child") == 0
    assert race.mm("child").vmas[0].shmem is race.mm().vmas[0].shmem


def test_a_shared_entry_that_is_copied_is_clean_and_keeps_w() -> None:
    """B7 protects COW mappings only, B8 cleans VM_SHARED entries."""
    specs = [PageSpec("A", shared=True), PageSpec("B", shared=True)]
    race = Race(program(specs, thread("T1", Madvise("B", "guard")), forker()))
    race.finish("T1")
    race.finish("F")
    assert race.pte("A", "child") & PAGE_RW
    assert not pte_dirty(race.pte("A", "child"))
    assert race.pte("A") & PAGE_DIRTY
    assert race.props() == []


def test_the_zero_page_is_shared_without_touching_any_count() -> None:
    """B1: no folio behind a special entry."""
    untouched = PageSpec("A", untouched=True)
    race = Race(
        program([untouched, "B"], thread("T1", ld("A")), forker(), child(st("A", 5)))
    )
    race.finish("T1")
    before = race.world.frames[0].refcount
    race.finish("F")
    assert race.pte("A", "child") >> 12 == 0
    assert race.pte("A", "child")
    assert race.world.frames[0].refcount == before
    assert race.props() == []


def test_a_vma_never_touched_is_not_walked() -> None:
    """No anon_vma: the child refaults."""
    race = forks("seed", PageSpec("A", untouched=True))
    assert "copy_pte_range:ptep_get" not in race.labels("F")
    assert not race.mm("child").vmas[0].anon_vma


def test_guard_markers_are_copied_even_without_an_anon_vma() -> None:
    """VM_COPY_ON_FORK."""
    spec = PageSpec("A", untouched=True, file=True)
    race = Race(
        program([spec], thread("T1", Madvise("A", "guard")), forker(), child(ld("A")))
    )
    race.finish("T1", "F")
    assert not race.mm().vmas[0].anon_vma
    assert race.pte("A", "child") == race.pte("A") != 0
    assert race.props() == []
    assert race.run.execution.faults == {"C": "segv"}


def test_dontfork_and_wipeonfork_leave_the_child_without_the_memory() -> None:
    """F9: no VMA, though it is locked; F11: a VMA without pages."""
    specs = [
        PageSpec("A", dontfork=True, vma=0),
        PageSpec("B", wipeonfork=True, init=(3,), vma=1),
    ]
    race = Race(program(specs, forker(), child(ld("B"), ld("A", "a"))))
    race.finish("F")
    assert [vma.vm_start for vma in race.mm("child").vmas] == [1]
    assert race.labels("F").count("vma_start_write:set_vm_lock_seq") == 2
    assert race.pte("B") & PAGE_RW
    assert race.props() == []
    assert race.register("C", "r") == 0
    assert race.run.execution.faults == {"C": "segv"}


def test_has_pinned_is_not_inherited_and_never_cleared() -> None:
    """MMF_HAS_PINNED is not in the inherit mask; unpinning does not clear it."""
    race = forks("seed", PageSpec("A", has_pinned=True))
    assert race.mm().has_pinned
    assert not race.mm("child").has_pinned


def test_write_protect_seq_is_odd_only_while_a_cow_vmas_tables_are_walked() -> None:
    """CR4 to CR6, once for each VMA, not until the cut."""
    specs = [
        PageSpec("A", vma=0),
        PageSpec("B", shared=True, vma=1),
        PageSpec("C", vma=2),
    ]
    race = Race(program(specs, forker()))
    race.to("F", "copy_pte_range:ptep_get")
    assert race.mm().write_protect_seq == 1
    race.past("F", "copy_page_range:write_protect_seq_end")
    assert race.mm().write_protect_seq == 2
    race.past("F", "copy_page_range:write_protect_seq_end")
    assert race.mm().write_protect_seq == 4
    race.finish("F")
    assert race.mm().write_protect_seq == 4
