"""pte.writable-shared, page.exclusive-shared, child.pte-flags, page.refcount."""

from __future__ import annotations

import pytest

from driving import Race, child, forker, program, st, thread
from forkfuzz.checkers.pages import ExclusiveChecker, RefcountChecker
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.pgtable import (
    NONE,
    PAGE_ACCESSED,
    PAGE_DIRTY,
    PAGE_SAVED_DIRTY,
    mk_swap_pte,
)
from forkfuzz.scenarios.program import Exit, Madvise, PageSpec, Pin, Unpin
from staging import RO, RW, Stage


def test_a_writable_entry_for_a_page_without_the_mark_is_reported() -> None:
    """I2."""
    here = Stage(ExclusiveChecker)
    here.folio().anon_exclusive = False
    here.set(here.parent, "A", here.folio(), RW)
    assert here.props() == ["pte.writable-shared"]


def unmark(here: Stage[ExclusiveChecker], *, exclusive: bool = False) -> None:
    """Change the mark of a page."""
    here.folio().anon_exclusive = exclusive
    here.checker.exclusive_changed(here.folio())


def test_a_mark_taken_from_a_page_whose_entry_keeps_w_is_reported() -> None:
    """I2: noticed when the page-table lock is dropped, or never, at the end."""
    for unlocked in (True, False):
        here = Stage(ExclusiveChecker)
        unmark(here)
        assert here.props() == []
        if unlocked:
            here.checker.released(here.cpu(), here.parent.ptl)
        else:
            here.checker.finish()
        assert here.props() == ["pte.writable-shared"]
        assert here.checker.violations[0].message == (
            "parent may write A in frame 1, which is not exclusive"
        )


def test_a_mark_may_go_before_w_under_the_page_table_lock() -> None:
    """Trap: that is the order in which fork shares a page."""
    here = Stage(ExclusiveChecker)
    unmark(here)
    here.checker.released(here.cpu(), here.parent.mmap_lock)
    here.set(here.parent, "A", here.folio(), RO)
    here.checker.released(here.cpu(), here.parent.ptl)
    here.checker.finish()
    assert here.props() == []


def test_a_mark_that_is_back_before_the_lock_is_dropped_is_in_order() -> None:
    """Near miss: so is an entry that is gone."""
    for gone in (True, False):
        here = Stage(ExclusiveChecker)
        unmark(here)
        if gone:
            here.set(here.parent, "A", None, 0)
        else:
            unmark(here, exclusive=True)
        here.checker.released(here.cpu(), here.parent.ptl)
        assert here.props() == []


def test_a_mark_that_is_gone_is_part_of_the_state() -> None:
    """Two runs that differ in it are judged differently when the lock is dropped."""
    here = Stage(ExclusiveChecker)
    before = here.checker.state()
    unmark(here)
    assert here.checker.state() != before


def test_a_read_only_entry_for_a_page_without_the_mark_is_in_order() -> None:
    """Trap: entries are left read-only after a failed fork, or by fork itself."""
    here = Stage(ExclusiveChecker)
    here.folio().anon_exclusive = False
    here.set(here.parent, "A", here.folio(), RO)
    assert here.props() == []


def test_a_writable_entry_for_shared_memory_is_in_order() -> None:
    """Only anonymous pages have the mark."""
    here = Stage(ExclusiveChecker, [PageSpec("A", shared=True)])
    here.set(here.parent, "A", here.folio(), RW)
    assert here.props() == []


def test_an_exclusive_page_mapped_twice_is_reported_whichever_comes_last() -> None:
    """I3: by the mapping, or by the mark."""
    here = Stage(ExclusiveChecker)
    here.folio().mapcount = 2
    here.checker.rmap_changed(here.folio())
    assert here.props() == ["page.exclusive-shared"]
    there = Stage(ExclusiveChecker)
    there.folio().mapcount = 2
    there.checker.exclusive_changed(there.folio())
    assert there.props() == ["page.exclusive-shared"]


def swap_out(here: Stage[ExclusiveChecker], mm: MmStruct, *, exclusive: bool) -> None:
    """Store a swap entry for the first frame."""
    new = mk_swap_pte(1, exclusive=exclusive)
    mm.page_table.entries[0] = new
    here.checker.pte_set(mm, 0, NONE, new)


def swapped_out(count: int) -> Stage[ExclusiveChecker]:
    """Return a stage whose page is in the swap cache, in so many entries soon."""
    here = Stage(ExclusiveChecker)
    here.folio().mapcount = 0
    here.folio().anon_exclusive = False
    here.folio().swap_count = count
    return here


def test_an_exclusive_swap_entry_for_a_slot_used_twice_is_reported() -> None:
    """I3: be it the entry that comes, or the one that was there."""
    for childs in (True, False):
        here = swapped_out(1)
        swap_out(here, here.parent, exclusive=True)
        assert here.props() == []
        here.world.frames[1].swap_count = 2
        swap_out(here, here.fork(), exclusive=childs)
        assert here.props() == ["page.exclusive-shared"]
        assert here.checker.violations[0].message == (
            "parent has the swap slot of A as exclusive, and it is used 2 times"
        )


def test_a_slot_used_twice_that_nobody_claims_is_in_order() -> None:
    """Near miss: fork has cleared the marker, before or after it counted."""
    for count in (1, 2):
        here = swapped_out(1)
        swap_out(here, here.parent, exclusive=True)
        here.world.frames[1].swap_count = count
        swap_out(here, here.parent, exclusive=False)
        here.world.frames[1].swap_count = 2
        swap_out(here, here.fork(), exclusive=False)
        assert here.props() == []


def test_an_exclusive_page_whose_slot_is_in_use_is_reported() -> None:
    """I3: one mm has swapped it in for itself, another has the entry still."""
    here = Stage(ExclusiveChecker)
    here.folio().swap_count = 1
    here.checker.exclusive_changed(here.folio())
    assert here.props() == ["page.exclusive-shared"]
    assert here.checker.violations[0].message == (
        "frame 1 is exclusive and mapped here, swapped out 1 times elsewhere"
    )


def test_a_shared_page_mapped_twice_is_in_order() -> None:
    """Near miss: the mark was cleared first."""
    here = Stage(ExclusiveChecker)
    here.folio().anon_exclusive = False
    here.folio().mapcount = 2
    here.checker.rmap_changed(here.folio())
    assert here.props() == []


def test_a_childs_entry_marked_as_accessed_is_reported() -> None:
    """I16: copied entries are old."""
    here = Stage(ExclusiveChecker)
    child_mm = here.fork()
    here.folio().anon_exclusive = False
    here.set(child_mm, "A", here.folio(), PAGE_ACCESSED)
    assert here.props() == ["child.pte-flags"]


def test_the_entry_of_a_copy_is_new_and_marked_as_accessed() -> None:
    """It is made of the VMA's protection, not of the parent's entry."""
    here = Stage(ExclusiveChecker)
    child_mm = here.fork()
    new = here.alloc()
    new.anon_exclusive = True
    here.set(child_mm, "A", new, PAGE_ACCESSED)
    assert here.props() == []


def test_a_childs_entry_may_be_marked_as_accessed_after_the_cut() -> None:
    """Near miss: its own fault did that."""
    here = Stage(ExclusiveChecker)
    child_mm = here.fork()
    here.cut(child_mm)
    here.folio().anon_exclusive = False
    here.set(child_mm, "A", here.folio(), PAGE_ACCESSED)
    assert here.props() == []


@pytest.mark.parametrize(
    ("shared", "bits", "props"),
    [
        (True, PAGE_SAVED_DIRTY, ["child.pte-flags"]),
        (True, PAGE_DIRTY, ["child.pte-flags"]),
        (True, 0, []),
        (False, PAGE_SAVED_DIRTY, []),
    ],
)
def test_a_childs_entry_is_clean_where_memory_is_shared(
    shared: bool, bits: int, props: list[str]
) -> None:
    """I16: for private memory D is kept."""
    here = Stage(ExclusiveChecker, [PageSpec("A", shared=shared)])
    child_mm = here.fork()
    here.folio().anon_exclusive = False
    here.set(child_mm, "A", here.folio(), bits)
    assert here.props() == props


def test_a_childs_entry_outside_its_vmas_is_reported() -> None:
    """MADV_DONTFORK memory got in, say."""
    here = Stage(ExclusiveChecker)
    child_mm = here.fork()
    child_mm.vmas.clear()
    here.folio().anon_exclusive = False
    here.set(child_mm, "A", here.folio(), RO)
    assert here.props() == ["child.pte-flags"]


# Counts.


def test_counts_that_add_up_are_in_order() -> None:
    """A mapping, a pin, and foreign references known from the start."""
    here = Stage(RefcountChecker, [PageSpec("A", refs=7)])
    here.pin()
    here.checker.finish()
    assert here.props() == []


@pytest.mark.parametrize("field", ["refcount", "mapcount"])
@pytest.mark.parametrize("error", [-1, 1])
def test_a_count_that_is_off_by_one_is_reported(field: str, error: int) -> None:
    """I6: a reference lost, or leaked."""
    here = Stage(RefcountChecker)
    setattr(here.folio(), field, getattr(here.folio(), field) + error)
    here.checker.finish()
    assert here.props() == ["page.refcount"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_swap_slot_has_as_many_entries_as_it_counts(count: int) -> None:
    """I6: an entry lost, or zapped without giving its slot up."""
    here = Stage(RefcountChecker, [PageSpec("A", swapped=True)])
    here.folio().swap_count = count
    here.checker.finish()
    assert here.props() == ([] if count == 1 else ["page.refcount"])
    if count == 2:
        assert here.checker.violations[0].message == (
            "the swap slot of frame 1 is counted 2 times; 1 entries use it"
        )


def test_an_entry_that_outlives_its_vma_is_reported() -> None:
    """After exit, say: the counts add up, but nobody will ever give the page up."""
    here = Stage(RefcountChecker)
    here.parent.vmas.clear()
    here.checker.finish()
    assert here.props() == ["page.refcount"]
    assert here.checker.violations[0].message == "parent maps A in no VMA"


def test_an_address_space_without_vmas_or_entries_is_in_order() -> None:
    """Near miss: exit, or a fork that failed, has taken everything down."""
    here = Stage(RefcountChecker)
    folio = here.folio()
    here.set(here.parent, "A", None, 0)
    folio.mapcount = 0
    here.free(folio)
    here.parent.vmas.clear()
    here.checker.finish()
    assert here.props() == []


def test_a_mapped_page_must_not_be_freed() -> None:
    """Noticed when it happens, not at the end."""
    here = Stage(RefcountChecker)
    here.free(here.folio())
    assert here.props() == ["page.refcount"]


def test_a_page_with_a_reference_left_must_not_be_freed() -> None:
    """The device goes on with it."""
    here = Stage(RefcountChecker)
    here.pin()
    folio = here.folio()
    here.set(here.parent, "A", None, 0)
    folio.mapcount = 0
    here.free(folio)
    assert here.props() == ["page.refcount"]


def test_a_reference_given_back_twice_is_noticed_when_the_page_is_free() -> None:
    """The next owner would lose one."""
    here = Stage(RefcountChecker)
    folio = here.alloc()
    here.free(folio)
    here.world.put_refs(folio)
    here.checker.finish()
    assert here.props() == ["page.refcount"]


def test_a_free_page_must_not_be_mapped_again() -> None:
    """Count and mappings agree, but the allocator hands the page to somebody else."""
    here = Stage(RefcountChecker)
    folio = here.folio()
    here.zap(here.parent)
    folio.mapcount = 0
    here.free(folio)
    folio.refcount = folio.mapcount = 1
    here.set(here.parent, "A", folio, RW)
    here.checker.finish()
    assert here.props() == ["page.refcount"]
    assert here.checker.violations[0].message == (
        "frame 1 has refcount 1, but went back to the allocator"
    )


def test_an_unmapped_page_may_be_freed() -> None:
    """Near miss."""
    here = Stage(RefcountChecker)
    folio = here.folio()
    here.set(here.parent, "A", None, 0)
    folio.mapcount = 0
    here.free(folio)
    here.checker.finish()
    assert here.props() == []


def test_counts_add_up_after_everything_that_changes_them() -> None:
    """fork, COW, pins of both kinds, zaps and exit in the model."""
    race = Race(
        program(
            [PageSpec("A", words=2, pin="rw"), "B", PageSpec("S", shared=True, vma=1)],
            forker(st("B", 1), Pin("B"), Unpin("B"), Madvise("A", "dontneed")),
            thread("T1", Pin("B", get=True), st("S", 2), Unpin("B")),
            child(st("A", 3), st("B", 4), st("S", 5), Exit()),
        )
    )
    assert race.props() == []
