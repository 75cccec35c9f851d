"""tlb.stale-writable, tlb.stale-readable, tlb.two-frames."""

from __future__ import annotations

import pytest

from driving import Race, forker, ld, program, st, thread
from forkfuzz.checkers.tlb import (
    StaleChecker,
    TwoFramesChecker,
)
from forkfuzz.mm.mm_types import VM_READ, MmStruct
from forkfuzz.mm.pgtable import PAGE_DIRTY, PAGE_RW
from forkfuzz.scenarios.program import PageSpec
from staging import RO, RW, Stage


def test_a_writable_entry_for_a_shared_page_at_the_cut_is_stale() -> None:
    """I1."""
    here = Stage(StaleChecker)
    here.fill(cpu=1)
    child_mm = here.fork()
    here.share(child_mm)
    here.cut(child_mm)
    assert here.props() == ["tlb.stale-writable"]
    assert here.checker.violations[0].message == (
        "cpu1 can still store to A in frame 1, which another mm maps"
    )


def test_a_read_only_entry_for_a_shared_page_is_in_order() -> None:
    """Near miss: it lets nobody store."""
    here = Stage(StaleChecker)
    child_mm = here.fork()
    here.share(child_mm)
    here.fill(cpu=1)
    here.cut(child_mm)
    assert here.props() == []


def test_a_lazy_cpus_entry_is_in_order() -> None:
    """It compares generations before its thread runs again."""
    here = Stage(StaleChecker)
    here.fill(cpu=1)
    here.cpu(1).is_lazy = True
    child_mm = here.fork()
    here.share(child_mm)
    here.cut(child_mm)
    assert here.props() == []


def test_a_writable_entry_for_a_page_copied_early_is_in_order() -> None:
    """The parent may store to its own frame: the child has another."""
    here = Stage(StaleChecker)
    here.fill(cpu=1)
    child_mm = here.fork()
    here.copy(child_mm)
    here.cut(child_mm)
    assert here.props() == []


def test_a_flush_that_leaves_a_writable_entry_to_a_shared_page_is_reported() -> None:
    """Also after the cut, at each completed flush."""
    here = Stage(StaleChecker)
    child_mm = here.fork()
    here.share(child_mm)
    here.cut(child_mm)
    here.cpu(1).tlb[0] = here.parent.page_table.entries[0] | RW
    here.checker.flushed(here.parent, None)
    assert here.props() == ["tlb.stale-writable"]


def test_a_page_flush_is_not_held_responsible_for_other_pages() -> None:
    """Near miss: the entry is of a page that was not flushed."""
    here = Stage(StaleChecker, ["A", "B"])
    here.fill("A", cpu=1)
    here.set(here.parent, "A", None, 0)
    here.checker.flushed(here.parent, 1)
    assert here.props() == []
    here.checker.flushed(here.parent, 0)
    assert here.props() == ["tlb.stale-writable"]


def test_an_entry_of_a_zap_whose_flush_is_pending_is_in_order() -> None:
    """MADV_DONTNEED drops the VMA lock first: fork may pass it."""
    here = Stage(StaleChecker)
    here.fill(cpu=1)
    here.parent.tlb_flush_pending = 1
    here.zap(here.parent)
    child_mm = here.fork()
    here.cut(child_mm)
    assert here.props() == []


def test_a_pending_flush_does_not_excuse_what_was_not_thrown_away() -> None:
    """Near miss: the flush to come is for another page."""
    here = Stage(StaleChecker, ["A", "B"])
    for page in ("A", "B"):
        here.fill(page, cpu=1)
    here.parent.tlb_flush_pending = 1
    here.zap(here.parent, "B")
    here.set(here.parent, "A", here.alloc(), RW)
    here.checker.flushed(here.parent, None)
    assert here.props() == ["tlb.stale-writable"]
    assert "store to A" in here.checker.violations[0].message


def test_shared_mappings_keep_their_writable_entries() -> None:
    """Trap: VM_SHARED."""
    here = Stage(StaleChecker, [PageSpec("A", shared=True)])
    here.fill(cpu=1)
    child_mm = here.fork()
    here.set(child_mm, "A", here.folio(), RW)
    here.cut(child_mm)
    assert here.props() == []


def collapse(here: Stage[StaleChecker], *, copied: bool) -> MmStruct:
    """Share A with a child, and let khugepaged take it out of the child's table."""
    child_mm = here.fork()
    here.share(child_mm)
    here.cut(child_mm)
    here.set(child_mm, "A", None, 0)
    if copied:
        here.checker.collapse_copied(child_mm, here.vpn("A"))
    return child_mm


def test_the_parent_may_reuse_a_page_that_khugepaged_has_copied() -> None:
    """The child's entry is still empty, but it will lead to the copy."""
    here = Stage(StaleChecker)
    child_mm = collapse(here, copied=True)
    here.set(here.parent, "A", here.folio(), RW)
    here.fill(cpu=1)
    here.checker.flushed(here.parent, None)
    here.set(child_mm, "A", here.alloc(), RW)
    here.checker.flushed(here.parent, None)
    assert here.props() == []


def test_a_page_that_khugepaged_is_about_to_copy_is_still_shared() -> None:
    """Near miss: what is stored now gets into the copy."""
    here = Stage(StaleChecker)
    collapse(here, copied=False)
    here.set(here.parent, "A", here.folio(), RW)
    here.fill(cpu=1)
    here.checker.flushed(here.parent, None)
    assert here.props() == ["tlb.stale-writable"]
    assert here.checker.violations[0].message == (
        "cpu1 can still store to A in frame 1, which another mm maps"
    )


# Two frames.


def test_a_new_frame_while_a_cpu_uses_the_old_one_is_reported() -> None:
    """I11, C14: set before flush."""
    here = Stage(TwoFramesChecker)
    here.fill(cpu=1)
    here.set(here.parent, "A", here.alloc(), RW)
    assert here.props() == ["tlb.two-frames"]


def test_two_read_only_frames_are_in_order() -> None:
    """Near miss: nobody can store to either."""
    here = Stage(TwoFramesChecker)
    here.set(here.parent, "A", here.folio(), RO)
    here.fill(cpu=1)
    here.set(here.parent, "A", here.alloc(), RO)
    assert here.props() == []


def test_a_read_only_entry_to_the_old_frame_is_reported_if_the_new_is_writable() -> (
    None
):
    """Stale read-only entries matter too."""
    here = Stage(TwoFramesChecker)
    here.set(here.parent, "A", here.folio(), RO)
    here.fill(cpu=1)
    here.set(here.parent, "A", here.alloc(), RW)
    assert here.props() == ["tlb.two-frames"]


def test_a_gather_does_not_excuse_what_it_has_nothing_to_do_with() -> None:
    """Near miss: its flush is for another page."""
    here = Stage(TwoFramesChecker, ["A", "B"])
    for page in ("A", "B"):
        here.fill(page, cpu=1)
    here.parent.tlb_flush_pending = 1
    here.zap(here.parent, "B")
    here.set(here.parent, "A", here.alloc(), RW)
    assert here.props() == ["tlb.two-frames"]


def test_a_gather_does_not_excuse_what_was_looked_up_since() -> None:
    """The CPU uses the new frame; when that changes, another flush is due."""
    here = Stage(TwoFramesChecker)
    here.fill(cpu=1)
    here.parent.tlb_flush_pending = 1
    here.zap(here.parent)
    states = [here.checker.state()]
    here.set(here.parent, "A", here.alloc(), RW)
    here.fill(cpu=1)
    states.append(here.checker.state())
    here.set(here.parent, "A", here.alloc(), RW)
    assert here.props() == ["tlb.two-frames"]
    assert states[0] != states[1]


def test_marking_an_old_copy_as_dirty_is_no_look_up() -> None:
    """Some processors check no more than P of the entry in memory."""
    here = Stage(TwoFramesChecker)
    here.fill(cpu=1)
    old = here.cpu(1).tlb[0]
    here.parent.tlb_flush_pending = 1
    here.zap(here.parent)
    here.set(here.parent, "A", here.alloc(), RW)
    here.checker.filled(here.cpu(1), 0, old)
    here.set(here.parent, "A", here.folio(), RO)
    assert here.props() == []


def test_a_change_of_rights_to_the_same_frame_is_in_order() -> None:
    """No flush is due for an upgrade."""
    here = Stage(TwoFramesChecker)
    here.set(here.parent, "A", here.folio(), RO)
    here.fill(cpu=1)
    here.set(here.parent, "A", here.folio(), RW)
    assert here.props() == []


def test_a_page_that_is_being_thrown_away_may_get_a_new_frame() -> None:
    """Its flush is pending, and it was promised nothing."""
    here = Stage(TwoFramesChecker)
    here.fill(cpu=1)
    here.parent.tlb_flush_pending = 1
    here.zap(here.parent)
    here.set(here.parent, "A", here.alloc(), RW)
    assert here.props() == []


def test_setting_before_flushing_is_seen_in_the_model() -> None:
    """MUT20, and the same order with the guard in force."""
    for rules, props in (
        ("seed,cow_order=set_then_flush", ["tlb.two-frames"]),
        ("seed", []),
    ):
        race = Race(
            program(["A"], forker(), thread("T1", st("A", 1)), thread("T2", ld("A"))),
            rules,
        )
        race.finish("F")
        race.fill("cpu2", "A")
        race.finish("T1", "T2")
        assert race.props() == props


# Use after free.


def zap_by(here: Stage[StaleChecker], cpu: int, *, first: bool) -> None:
    """Let a call on a CPU look at the page; the first one throws it away."""
    if first:
        here.parent.tlb_flush_pending += 1
        here.zap(here.parent)
    here.checker.zap_looked(here.cpu(cpu), here.parent, here.vpn("A"))


def test_a_call_that_says_that_a_page_is_gone_must_be_right() -> None:
    """Nobody can still store to it, whoever threw it away."""
    here = Stage(StaleChecker)
    here.fill(cpu=1)
    zap_by(here, 1, first=True)
    zap_by(here, 0, first=False)
    here.checker.zap_ended(here.cpu(0), here.parent)
    assert here.props() == ["tlb.stale-writable"]
    assert here.checker.violations[0].message == (
        "cpu1 can still store to A in frame 1, which parent has thrown away"
    )


def test_a_page_that_is_gone_may_be_there_again_when_the_call_returns() -> None:
    """Somebody has looked it up since, and may use what there is now."""
    here = Stage(StaleChecker)
    here.fill(cpu=1)
    zap_by(here, 0, first=True)
    here.set(here.parent, "A", here.alloc(), RW)
    here.fill(cpu=1)
    here.checker.zap_ended(here.cpu(0), here.parent)
    assert here.props() == []


def test_a_call_does_not_answer_for_what_is_thrown_away_later() -> None:
    """That has a flush of its own to come."""
    here = Stage(StaleChecker)
    zap_by(here, 0, first=True)
    here.set(here.parent, "A", here.alloc(), RW)
    here.fill(cpu=1)
    zap_by(here, 1, first=True)
    here.checker.zap_ended(here.cpu(0), here.parent)
    assert here.props() == []
    here.checker.zap_ended(here.cpu(1), here.parent)
    assert here.props() == ["tlb.stale-writable"]


def mark_dirty(here: Stage[StaleChecker], cpu: int) -> None:
    """Let a CPU set D in the copy that it has."""
    here.cpu(cpu).tlb[0] |= PAGE_DIRTY
    here.checker.filled(here.cpu(cpu), 0, here.cpu(cpu).tlb[0])


def test_after_a_zap_nobody_reads_what_is_gone_either() -> None:
    """A translation without W is enough for that."""
    here = Stage(StaleChecker)
    here.set(here.parent, "A", here.folio(), RO)
    here.fill(cpu=1)
    zap_by(here, 0, first=True)
    here.checker.zap_ended(here.cpu(0), here.parent)
    assert here.props() == ["tlb.stale-readable"]
    assert here.checker.violations[0].message == (
        "cpu1 can still read A in frame 1, which parent has thrown away"
    )


def test_setting_d_in_a_stale_copy_does_not_make_it_fresh() -> None:
    """Hardware that does not check the entry sets D in what it has."""
    here = Stage(StaleChecker)
    here.set(here.parent, "A", here.folio(), PAGE_RW)
    here.fill(cpu=1)
    zap_by(here, 0, first=True)
    mark_dirty(here, 1)
    here.checker.zap_ended(here.cpu(0), here.parent)
    assert here.props() == ["tlb.stale-writable"]


def test_an_entry_that_was_evicted_does_not_matter() -> None:
    """Nor does one on a CPU that is idle."""
    for kind in ("evicted", "lazy"):
        here = Stage(StaleChecker)
        here.fill(cpu=1)
        zap_by(here, 0, first=True)
        if kind == "evicted":
            here.cpu(1).tlb.clear()
        here.cpu(1).is_lazy = kind == "lazy"
        here.checker.zap_ended(here.cpu(0), here.parent)
        assert here.props() == []


def test_after_mprotect_no_cpu_can_store() -> None:
    """Whatever the entry says by then."""
    for bits, found in ((RW, ["tlb.stale-writable"]), (RO, [])):
        here = Stage(StaleChecker)
        here.set(here.parent, "A", here.folio(), bits)
        here.fill(cpu=1)
        here.set(here.parent, "A", here.folio(), RO)
        here.checker.write_protected(here.parent, here.vpn("A"))
        assert here.props() == found


@pytest.mark.parametrize("gone", [False, True], ids=["in place", "thrown away"])
@pytest.mark.parametrize("rights", [0, VM_READ], ids=["closed", "readable"])
def test_after_mprotect_no_cpu_can_read_what_is_closed(
    rights: int, *, gone: bool
) -> None:
    """Whatever the entry says by then: another thread may be throwing the page away."""
    here = Stage(StaleChecker)
    here.set(here.parent, "A", here.folio(), RO)
    here.fill(cpu=1)
    if gone:
        zap_by(here, 1, first=True)
    here.parent.vmas[0].vm_flags = rights
    here.checker.write_protected(here.parent, here.vpn("A"))
    assert here.props() == ([] if rights else ["tlb.stale-readable"])


def test_whether_khugepaged_has_copied_a_page_is_part_of_the_state() -> None:
    """The entry is empty before and after."""
    states = []
    for copied in (False, True):
        here = Stage(StaleChecker)
        collapse(here, copied=copied)
        states.append(here.checker.state())
    assert states[0] != states[1]


def test_what_may_still_be_used_is_part_of_the_state() -> None:
    """Two runs that differ in it are judged differently later."""
    states = []
    for cached in (False, True):
        here = Stage(StaleChecker)
        if cached:
            here.fill(cpu=1)
        zap_by(here, 0, first=True)
        states.append(here.checker.state())
    assert states[0] != states[1]
