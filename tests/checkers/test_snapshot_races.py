"""snapshot.torn and snapshot.stale in the race tables, driven through the model."""

from __future__ import annotations

from driving import Race, child, device, forker, ld, program, st, thread
from forkfuzz.checkers import Severity
from forkfuzz.scenarios import open_program
from forkfuzz.scenarios.program import (
    DmaStore,
    Madvise,
    PageSpec,
    Pin,
    Post,
    Program,
    Wait,
)

PINNED = PageSpec("A", words=2, pin="rw")
COPY = "copy_present_page:copy_mc_user_highpage"


def horn(*, pinned: bool = True) -> Program:
    """Return A then B by T1, across a fork."""
    page = PINNED if pinned else PageSpec("A", words=2)
    return program([page, "B"], forker(), thread("T1", st("A", 1), st("B", 3)))


def test_rule_2_left_out_tears_across_pages() -> None:
    """MUT5, case 2: the copy of A completes, then A = 1, then B = 3."""
    race = Race(horn(), "mainline")
    race.past("F", "copy_present_page:set_pte_at")
    race.op("T1")
    race.op("T1")
    assert race.props() == ["snapshot.torn"]


def test_rule_2_left_out_tears_inside_a_page() -> None:
    """MUT5, case 1: both stores fall between two words of the copy."""
    pages: list[PageSpec | str] = [PINNED, "B"]
    writer = thread("T1", st("A", 1, 0), st("A", 2, 1))
    race = Race(program(pages, forker(), writer), "mainline")
    race.past("F", COPY)
    race.op("T1")
    race.op("T1")
    assert race.props() == ["snapshot.torn"]


def test_an_order_that_a_device_hands_on_is_known_too() -> None:
    """T1 stores A; T2 stores B when the device says so, which was told by T1."""
    race = Race(
        program(
            [PINNED, "B"],
            forker(),
            thread("T1", st("A", 1), Post("stored")),
            device(Wait("stored"), Post("go")),
            thread("T2", Wait("go"), st("B", 3)),
        ),
        "mainline",
    )
    race.past("F", "copy_present_page:set_pte_at")
    race.op("T1")
    race.finish("T1", "dev")
    race.step("T2")
    race.op("T2")
    (violation,) = race.end().violations
    assert (violation.prop, violation.severity) == ("snapshot.torn", Severity.PROGRAM)


def test_rule_2_blocks_the_store_until_the_unlock() -> None:
    """The same order under the documented protocol: the store faults and waits."""
    race = Race(horn())
    race.past("F", "copy_present_page:set_pte_at")
    race.to("T1", "down_read:acquire")
    assert race.blocked("T1")
    assert race.props() == []


def test_write_protection_without_a_flush_leaves_the_cached_entry() -> None:
    """MUT6."""
    race = Race(horn(), "seed,pinned_copy=protect_copy")
    race.fill("cpu1", "A")
    race.past("F", COPY)
    race.op("T1")
    race.op("T1")
    assert "snapshot.torn" in race.props()


def test_a_flush_without_write_protection_is_refilled() -> None:
    """MUT7."""
    race = Race(horn(), "seed,pinned_copy=flush_copy")
    race.past("F", COPY)
    race.op("T1")
    race.op("T1")
    assert "snapshot.torn" in race.props()


def test_protecting_after_the_copy_is_too_late() -> None:
    """MUT8."""
    race = Race(horn(), "seed,pinned_copy=copy_protect_flush")
    race.past("F", COPY)
    race.op("T1")
    race.op("T1")
    assert "snapshot.torn" in race.props()


def test_a_queued_write_protection_is_flushed_too_early() -> None:
    """MUT9, C2: patch 1/2 as posted."""
    race = Race(horn(), "patch1-posted")
    race.past("F", COPY)
    race.op("T1")
    race.op("T1")
    assert "snapshot.torn" in race.props()


def test_protecting_on_the_first_pass_only_is_enough() -> None:
    """MUT10, a negative control."""
    race = Race(horn(), "seed,protect_again=off")
    race.past("F", "copy_present_page:ptep_set_wrprotect")
    race.to("F", "copy_pte_range:folio_prealloc")
    race.to("T1", "down_read:acquire")
    assert race.props() == []


def test_without_vma_locks_a_fault_copies_the_page_away_from_the_cut() -> None:
    """R3a, C3b: A shared, store A by a fault, store B through its entry."""
    race = Race(horn(pinned=False), "seed,vma_lock=none")
    race.past("F", "__copy_present_ptes:set_ptes")
    assert race.labels("F").count("__copy_present_ptes:set_ptes") == 1
    race.to("T1", "spin_lock:acquire")
    assert race.blocked("T1")
    race.answer("copy_pte_range:need_resched", 1)
    assert race.props() == []


def wide(rules: str) -> Race:
    """Return a race over two VMAs: A is walked and its lock dropped before B."""
    specs = [PageSpec("A", words=2, vma=0), PageSpec("B", vma=1)]
    return Race(program(specs, forker(), thread("T1", st("A", 1), st("B", 3))), rules)


def test_without_vma_locks_the_child_is_torn_across_vmas() -> None:
    """MUT11: between the two walks the page-table lock is free."""
    race = wide("seed,vma_lock=none")
    race.past("F", "copy_page_range:write_protect_seq_end")
    race.to("T1", "store:write_word")
    race.step("T1")
    race.op("T1")
    assert "snapshot.torn" in race.props()


def test_locking_a_vma_after_its_walk_is_too_late() -> None:
    """MUT12: the fault came in before the lock."""
    race = wide("seed,vma_lock=after_walk")
    race.past("F", "copy_page_range:write_protect_seq_end")
    race.to("T1", "store:write_word")
    race.step("T1")
    race.op("T1")
    assert "snapshot.torn" in race.props()


def test_stores_in_vmas_that_fork_has_not_reached_are_seen_by_the_child() -> None:
    """MUT34, trap: pages are protected one at a time, and that is in order."""
    specs = [PageSpec("A", vma=0), PageSpec("B", vma=1, read_only=True)]
    race = Race(program(specs, forker(), thread("T1", st("B", 3), st("A", 1))))
    race.past("F", "copy_page_range:write_protect_seq_end")
    race.to("T1", "store:write_word")
    race.step("T1")
    race.to("T1", "down_read:acquire")
    assert race.props() == []
    assert (race.value("B", mm="child"), race.value("A", mm="child")) == (3, 0)


def test_a_store_attempted_before_the_unlock_that_completes_after_it_is_later() -> None:
    """Trap: a trapped store has not happened."""
    race = Race(horn(pinned=False))
    race.past("F", "copy_page_range:write_protect_seq_end")
    race.to("T1", "down_read:acquire")
    race.finish("F")
    race.finish("T1")
    assert race.props() == []
    assert race.value("A", mm="child") == 0


def test_upgrading_a_pinned_page_under_a_missing_vma_lock_tears_across_pages() -> None:
    """R3b: rule 2 applied, then the fault gives W back before the unlock."""
    specs = [PageSpec("A", words=2, pin="rw", vma=0), PageSpec("B", vma=1)]
    race = Race(
        program(specs, forker(), thread("T1", st("A", 1), st("B", 3))),
        "seed,vma_lock=none",
    )
    race.past("F", "copy_page_range:write_protect_seq_end")
    race.to("T1", "store:write_word")
    assert "wp_page_reuse:set_pte" in race.labels("T1")
    race.step("T1")
    race.op("T1")
    assert "snapshot.torn" in race.props()


def test_khugepaged_on_a_child_unlocked_too_early_tears_it() -> None:
    """MUT31, section 11: A is copied; A = 1, B = 1 by stale entries; B is copied."""
    race = Race(open_program("child-collapse rounds=1"), "mainline")
    race.fill("cpu1", "A")
    race.fill("cpu1", "B")
    race.to("F", "flush_tlb_mm_range:inc_mm_tlb_gen")
    race.past("khugepaged", "__collapse_huge_page_copy:copy_mc_user_highpage")
    race.op("T1")
    race.op("T1")
    race.finish("khugepaged")
    assert race.props() == ["snapshot.torn"]


def test_khugepaged_waits_for_a_child_unlocked_after_the_flush() -> None:
    """The same order under the documented protocol."""
    race = Race(open_program("child-collapse rounds=1"))
    race.to("F", "flush_tlb_mm_range:inc_mm_tlb_gen")
    race.to("khugepaged", "down_write:acquire")
    assert race.blocked("khugepaged")
    assert race.props() == []


def test_a_devices_data_may_be_missing_where_a_later_flag_is_there() -> None:
    """Xu's anomaly is documented, and allowed."""
    race = Race(
        program(
            [PINNED, "B"],
            forker(),
            device(DmaStore("A", 0, 1), DmaStore("A", 1, 2), Post("done")),
            thread("T1", Wait("done"), st("B", 1)),
            child(ld("A", "a"), ld("B", "b")),
        )
    )
    race.past("F", "copy_present_page:set_pte_at")
    race.finish("dev")
    race.step("T1")
    race.to("T1", "store:translate")
    race.fill("cpu1", "B")
    race.op("T1")
    assert race.props() == []
    assert (race.register("C", "a"), race.register("C", "b")) == (0, 1)


def test_a_false_positive_pin_costs_a_copy_and_nothing_else() -> None:
    """Trap: 1023 references and MMF_HAS_PINNED."""
    page = PageSpec("A", words=2, refs=1023, has_pinned=True)
    race = Race(program([page, "B"], forker(), thread("T1", st("A", 1), st("B", 2))))
    race.past("F", "copy_present_page:set_pte_at")
    assert race.props() == []
    assert race.folio("A") is not race.folio("A", "child")


def test_a_fast_pin_that_falls_back_is_in_order() -> None:
    """Trap: the transient reference may make fork copy."""
    race = Race(program(["A", "B"], forker(), thread("T1", Pin("A"), st("A", 1))))
    race.past("T1", "gup_fast_pte_range:try_grab_folio_fast")
    race.past("F", "copy_present_page:ptep_set_wrprotect", acks=False)
    assert race.props() == []


def test_zaps_in_order_under_the_vma_lock_wait_for_fork() -> None:
    """DONTNEED of A and B: the child has both or neither, or B alone is gone never."""
    race = Race(
        program(
            [PageSpec("A", init=(5,)), PageSpec("B", init=(5,))],
            forker(),
            thread("T1", Madvise("A", "dontneed"), Madvise("B", "dontneed")),
        )
    )
    race.past("F", "__copy_present_ptes:set_ptes")
    race.to("T1", "down_read:acquire")
    assert race.blocked("T1")
    assert race.props() == []
