"""snapshot.torn, snapshot.stale: a child that could not be looked at before it ran."""

from __future__ import annotations

from checkers.test_snapshot import stage
from forkfuzz.checkers.snapshot import SnapshotChecker
from forkfuzz.mm.folio import Folio
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.pgtable import PTE_MARKER_GUARD, Pte
from staging import RW, Stage


def held(here: Stage[SnapshotChecker], child_mm: MmStruct) -> None:
    """Make the cut while a kernel thread holds the child's page-table lock."""
    child_mm.ptl.writer = True
    here.cut(child_mm)
    here.run_child(child_mm)


def test_what_the_child_stores_before_it_could_be_compared_is_its_own() -> None:
    """khugepaged holds its page-table lock over the cut; a new entry is usable."""
    here = stage()
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.share(child_mm, "B")
    held(here, child_mm)
    here.store(9, "A", cpu=1)
    child_mm.ptl.writer = False
    here.checker.released(here.cpu(), child_mm.ptl)
    assert here.props() == []


def test_what_it_lacks_beside_its_own_stores_is_still_reported() -> None:
    """Near miss: another word of the page."""
    here = stage()
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.store(1, "A", index=1)
    here.share(child_mm, "B")
    held(here, child_mm)
    here.store(9, "A", cpu=1)
    child_mm.ptl.writer = False
    here.checker.released(here.cpu(), child_mm.ptl)
    assert here.props() == ["snapshot.stale"]


def collapsing(here: Stage[SnapshotChecker], child_mm: MmStruct) -> None:
    """Make the cut while khugepaged has taken A out of the child's page table."""
    here.set(child_mm, "A", None, 0)
    here.checker.collapse_begun(child_mm)
    here.cut(child_mm)


def collapsed(here: Stage[SnapshotChecker], child_mm: MmStruct, folio: Folio) -> None:
    """Let khugepaged put A back and drop the page-table lock."""
    here.set(child_mm, "A", folio, RW)
    here.checker.collapse_ended(child_mm)
    here.checker.released(here.cpu(), child_mm.ptl)


def test_what_the_child_throws_away_before_it_could_be_compared_is_its_own() -> None:
    """khugepaged moves another page, under no lock that a zap needs."""
    here = stage()
    here.store(5, "B")
    child_mm = here.fork()
    folio = here.copy(child_mm, "A")
    here.share(child_mm, "B")
    collapsing(here, child_mm)
    here.zap(child_mm, "B")
    collapsed(here, child_mm, folio)
    assert here.props() == []


def test_what_it_lacks_beside_what_it_threw_away_is_still_reported() -> None:
    """Near miss: the page that khugepaged moves."""
    here = stage()
    child_mm = here.fork()
    folio = here.copy(child_mm, "A")
    here.store(1, "A")
    here.share(child_mm, "B")
    collapsing(here, child_mm)
    here.zap(child_mm, "B")
    collapsed(here, child_mm, folio)
    assert here.props() == ["snapshot.stale"]


def test_a_guard_in_the_place_of_what_was_there_at_first_is_told_by_that() -> None:
    """The parent has never changed the page: it is its first value that is lost."""
    here = stage()
    child_mm = here.fork()
    here.store(1, "A")
    here.share(child_mm, "A")
    child_mm.page_table.entries[here.vpn("B")] = Pte(PTE_MARKER_GUARD)
    here.cut(child_mm)
    assert here.props() == ["snapshot.torn"]
    assert here.checker.violations[0].message == (
        "child has A[0] = 1 by T0 but not B[0] = 0 by init, which came before it"
    )


def test_a_guard_that_was_there_at_first_is_told_as_one() -> None:
    """A fork of a child begins with what that has; a guard has no value."""
    here = stage()
    here.parent.page_table.entries[here.vpn("B")] = Pte(PTE_MARKER_GUARD)
    here.checker.start(here.world, here.machine)
    child_mm = here.fork()
    here.store(1, "A")
    here.share(child_mm, "A")
    here.cut(child_mm)
    assert here.checker.violations[0].message == (
        "child has A[0] = 1 by T0 but not B made a guard, which came before it"
    )


def test_a_child_may_fork_before_it_could_be_compared() -> None:
    """Reclaim holds its page-table lock over the cut, but not its mmap_lock."""
    here = stage()
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.share(child_mm, "B")
    held(here, child_mm)
    grandchild = MmStruct("child1-child", here.world, child_mm)
    here.world.mms.append(grandchild)
    here.checker.fork_called(child_mm, grandchild)
    child_mm.ptl.writer = False
    here.checker.released(here.cpu(), child_mm.ptl)
    assert here.props() == []
