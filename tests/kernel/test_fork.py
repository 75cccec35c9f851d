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
    Fork,
    Kill,
    Madvise,
    PageSpec,
    Pin,
    Statement,
    Unpin,
)

CUT = "vma_end_write_all:mm_lock_seqcount_end"
FLUSH = "flush_tlb_mm_range:inc_mm_tlb_gen"
ACKED = "flush_tlb_mm_range:wait_for_acks"


def forks(rules: str = "seed", *pages: PageSpec | str) -> Race:
    """Return a race in which F has forked, with T1 on another CPU."""
    race = Race(program(pages or ["A"], forker(), thread("T1", st("A", 1))), rules)
    race.finish("F")
    return race


def order(race: Race, *labels: str) -> list[str]:
    """Return those of F's steps that are among *labels*."""
    return [label for label in race.labels("F") if label in labels]


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
    spec = PageSpec("A", untouched=True)
    race = Race(
        program([spec], thread("T1", Madvise("A", "guard")), forker(), child(ld("A")))
    )
    race.finish("T1", "F")
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


# Pages that may be pinned.


def pinned(rules: str = "seed") -> Race:
    """Return a race of a fork, a pinned page A, an ordinary B, and a writer."""
    specs = [PageSpec("A", words=2, pin="rw"), PageSpec("B")]
    return Race(program(specs, forker(), thread("T1", st("A", 1), st("B", 1))), rules)


def early_copy(rules: str) -> str:
    """Return the early copy in short: P protect, F flush, W acks, c word, S set."""
    race = pinned(rules)
    race.finish("F")
    letters = {
        "copy_present_page:ptep_set_wrprotect": "P",
        FLUSH: "F",
        ACKED: "W",
        "copy_present_page:copy_mc_user_highpage": "c",
        "copy_present_page:set_pte_at": "S",
        "arch_leave_lazy_mmu_mode:set_pte": "Q",
        "dup_mmap:child_visible": "|",
    }
    found = [letters[label] for label in race.labels("F") if label in letters]
    return "".join(found[: found.index("|")])


@pytest.mark.parametrize(
    ("value", "steps"),
    [
        ("protect_flush_copy", "PFWccS"),
        ("copy_only", "ccS"),
        ("protect_copy", "PccS"),
        ("flush_copy", "FWccS"),
        ("copy_protect_flush", "ccPFWS"),
        ("lazy_queue", "FWccSQ"),
    ],
)
def test_rules_say_what_happens_around_an_early_copy(value: str, steps: str) -> None:
    """4.4.1 and 4.4.2, word by word, and the mutants."""
    assert early_copy(f"seed,pinned_copy={value}") == steps


def test_without_a_preallocated_page_nothing_is_touched_and_the_locks_are_dropped() -> (
    None
):
    """E1, T8, T9: -EAGAIN, allocate with no lock held, read everything again."""
    race = pinned()
    before = race.pte("A")
    race.to("F", "copy_pte_range:folio_prealloc")
    assert race.pte("A") == before
    assert race.folio("A").refcount == 1025
    assert not race.mm().ptl.writer
    assert not race.mm("child").ptl.writer
    assert race.mm().write_protect_seq == 1
    race.past("F", "copy_pte_range:ptep_get")
    assert race.labels("F").count("copy_pte_range:ptep_get") == 2


def test_the_decision_is_made_anew_after_the_locks_were_dropped() -> None:
    """Unpinned in the gap: the page is shared, the spare page given back."""
    spec = PageSpec("A", pin="rw")
    race = Race(program([spec], forker(), thread("T1", Unpin("A"))))
    race.to("F", "copy_pte_range:folio_prealloc")
    race.finish("T1")
    race.finish("F")
    assert race.folio("A") is race.folio("A", "child")
    assert "copy_present_page:set_pte_at" not in race.labels("F")
    assert race.props() == []


def test_protect_flush_and_copy_are_one_hold_of_both_page_table_locks() -> None:
    """No fault can come between them; the acknowledgements arrive meanwhile."""
    race = pinned()
    race.fill("cpu1", "A")
    race.to("F", "copy_present_page:ptep_set_wrprotect")
    while race.label("F") != "__copy_present_ptes:set_ptes":
        assert race.mm().ptl.writer
        assert race.mm("child").ptl.writer
        race.all_acks()
        race.step("F")


def test_the_child_gets_a_writable_exclusive_copy_and_the_parent_keeps_all() -> None:
    """E3, E4: the parent's mark, frame and pins stay; its first store reuses."""
    race = pinned()
    race.finish("F")
    parent, copy = race.folio("A"), race.folio("A", "child")
    assert copy is not parent
    assert (copy.refcount, copy.mapcount, copy.anon_exclusive) == (1, 1, True)
    assert race.pte("A", "child") & (PAGE_RW | PAGE_DIRTY) == PAGE_RW | PAGE_DIRTY
    assert (parent.refcount, parent.mapcount, parent.anon_exclusive) == (1025, 1, True)
    assert not race.pte("A") & PAGE_RW
    race.finish("T1")
    assert race.folio("A") is parent
    assert "wp_page_copy:copy_user_page" not in race.labels("T1")[:12]
    assert race.props() == []


def test_losing_the_mark_on_an_early_copy_makes_the_next_store_leave_the_device() -> (
    None
):
    """MUT19."""
    race = pinned("seed,pinned_keeps_exclusive=off")
    race.finish("F", "T1")
    assert {"pin.not-exclusive", "pin.diverged"} <= set(race.props())


@pytest.mark.parametrize(
    ("refs", "has_pinned", "copied"),
    [(1022, True, True), (1021, True, False), (1022, False, False), (1023, True, True)],
)
def test_1024_references_with_forks_own_look_like_a_pin(
    refs: int, has_pinned: bool, copied: bool
) -> None:
    """B2 before B4: one mapping, fork's own and 1022 others are enough."""
    race = forks("seed", PageSpec("A", refs=refs, has_pinned=has_pinned))
    assert (race.folio("A") is not race.folio("A", "child")) == copied


def test_testing_pins_before_taking_the_own_reference_needs_one_more() -> None:
    """MUT17: a negative control; 1023 references are no longer enough."""
    rules = "seed,pin_test=before_ref"
    few = forks(rules, PageSpec("A", refs=1022, has_pinned=True))
    assert few.folio("A") is few.folio("A", "child")
    many = forks(rules, PageSpec("A", refs=1023, has_pinned=True))
    assert many.folio("A") is not many.folio("A", "child")
    real = forks(rules, PageSpec("A", pin="rw"))
    assert real.folio("A") is not real.folio("A", "child")


def test_a_stricter_bias_needs_one_more() -> None:
    """MUT18: a negative control; a real pin still counts."""
    rules = "seed,pin_bias=above"
    few = forks(rules, PageSpec("A", refs=1022, has_pinned=True))
    assert few.folio("A") is few.folio("A", "child")
    real = forks(rules, PageSpec("A", pin="rw"))
    assert real.folio("A") is not real.folio("A", "child")


def second_fork(rules: str) -> Race:
    """Return a race whose F forks twice; A looks pinned throughout."""
    spec = PageSpec("A", refs=1100, has_pinned=False)
    race = Race(program([spec], forker(Pin("A", get=True), Fork())), rules)
    race.to("F", "gup_fast:local_irq_save")
    race.mm().has_pinned = True
    race.finish("F")
    return race


def test_a_page_shared_since_the_first_fork_is_not_copied_early_by_the_second() -> None:
    """B5 asks for PAE too: maybe pinned but not exclusive is simply shared."""
    race = second_fork("seed")
    assert race.folio("A") is race.folio("A", "child") is race.folio("A", "child2")


def test_ignoring_the_mark_copies_it_early_all_the_same() -> None:
    """MUT17, the other half."""
    race = second_fork("seed,pin_test=ignore_exclusive")
    assert race.folio("A", "child2") is not race.folio("A")


def test_without_early_cow_a_pinned_page_is_shared() -> None:
    """v5.8."""
    race = pinned("seed,early_cow=off")
    race.finish("F")
    assert race.folio("A") is race.folio("A", "child")
    assert "pin.diverged" in race.props()


def test_fork_gives_way_to_a_spinning_fault_after_some_entries() -> None:
    """T1: it drops the locks and goes on at the same entry."""
    names = [PageSpec(c) for c in "ABCDEF"] + [PageSpec("Z", vma=1, read_only=True)]
    race = Race(program(names, forker(), thread("T1", st("Z", 1))))
    race.past("F", "__copy_present_ptes:set_ptes")
    race.to("T1", "spin_lock:acquire")
    race.answer("copy_pte_range:spin_needbreak", 1)
    race.to("F", "spin_unlock:release")
    assert race.labels("F").count("__copy_present_ptes:set_ptes") == 4
    race.past("F", "spin_unlock:release")
    race.step("T1")
    assert race.props() == []
    assert race.labels("F").count("__copy_present_ptes:set_ptes") == 7


# Failure.

SITES = ("dup_mmap", "vm_area_dup", "copy_present_page")


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("rules", ["seed", "mainline"])
def test_a_fork_that_fails_leaves_nothing_of_the_child(site: str, rules: str) -> None:
    """F30, F16: no entry, no VMA, counts as before, both locks free, TLBs flushed."""
    specs = [PageSpec("A", words=2), PageSpec("B", pin="rw"), PageSpec("C", vma=1)]
    stores: list[Statement] = [st("A", 1), st("B", 2), st("C", 3)]
    stores += [ld("A", "a"), ld("B", "b")]
    race = Race(
        program(specs, forker(*stores), thread("T1", *stores), fail_sites=(site,)),
        rules,
    )
    race.fill("cpu1", "A")
    race.to("F", "store:translate")
    assert race.run.execution.children == {1: None}
    gone = race.mm("child")
    assert not any(gone.page_table.entries)
    assert gone.vmas == []
    assert (race.mm().mm_lock_seq, race.mm().write_protect_seq % 2) == (2, 0)
    assert not race.mm().mmap_lock.writer
    assert race.cpu("cpu1").tlb == {}
    assert [race.folio(p).refcount for p in "ABC"] == [1, 1025, 1]
    assert race.props() == []
    assert [race.register("F", r) for r in "ab"] == [1, 2]


def test_after_a_failed_fork_a_page_left_read_only_is_reused() -> None:
    """It lost W and the mark; its sole reference gives both back."""
    specs = [PageSpec("A", words=2), PageSpec("B", pin="rw")]
    program_ = program(specs, forker(st("A", 1)), fail_sites=("copy_present_page",))
    race = Race(program_)
    race.to("F", "store:translate")
    folio = race.folio("A")
    assert not race.pte("A") & PAGE_RW
    assert not folio.anon_exclusive
    race.finish("F")
    assert race.folio("A") is folio
    assert folio.anon_exclusive


def test_a_killed_fork_gives_up_before_it_has_anything() -> None:
    """F2 is killable: no mmap_lock, no child."""
    race = Race(
        program(
            ["A"], forker(), thread("T1", Pin("A", fast=False)), thread("K", Kill("F"))
        )
    )
    race.to("T1", "spin_lock:acquire")
    race.to("F", "down_write:acquire")
    race.finish("K")
    race.finish("F")
    assert race.run.execution.children == {1: None}
    assert not race.mm().mmap_lock.writer
    assert race.props() == []


def test_a_second_fork_after_a_failed_one_works() -> None:
    """The site fails once."""
    race = Race(
        program(
            ["A"],
            forker(st("A", 4), Fork()),
            child(ld("A"), fork=2),
            fail_sites=("vm_area_dup",),
        )
    )
    assert race.props() == []
    assert race.register("C", "r") == 4
    assert [mm.name for mm in race.world.mms] == ["parent", "child", "child2"]
