"""Pages that may be pinned: how fork decides, and how it copies them."""

from __future__ import annotations

import pytest

from driving import Race, forker, program, st, thread
from forkfuzz.mm.pgtable import (
    PAGE_DIRTY,
    PAGE_RW,
)
from forkfuzz.scenarios.program import (
    Fork,
    PageSpec,
    Pin,
    Unpin,
)

FLUSH = "flush_tlb_mm_range:inc_mm_tlb_gen"
ACKED = "flush_tlb_mm_range:wait_for_acks"


def forks(rules: str = "seed", *pages: PageSpec | str) -> Race:
    """Return a race in which F has forked, with T1 on another CPU."""
    race = Race(program(pages or ["A"], forker(), thread("T1", st("A", 1))), rules)
    race.finish("F")
    return race


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
    assert "wp_page_copy:__wp_page_copy_user" not in race.labels("T1")[:12]
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
    race.answer("copy_pte_range:need_resched", 1)
    race.to("F", "spin_unlock:release")
    assert race.labels("F").count("__copy_present_ptes:set_ptes") == 4
    race.past("F", "spin_unlock:release")
    race.step("T1")
    assert race.props() == []
    assert race.labels("F").count("__copy_present_ptes:set_ptes") == 7
