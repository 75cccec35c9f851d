"""fork.not-undone: what a fork that failed must not leave."""

from __future__ import annotations

from forkfuzz.checkers.undo import UndoChecker
from staging import RO, Stage


def failed() -> Stage[UndoChecker]:
    """Return a stage on which a fork is about to fail."""
    return Stage(UndoChecker)


def test_an_empty_child_is_undone() -> None:
    """No entry, no VMA."""
    here = failed()
    child_mm = here.fork()
    child_mm.vmas.clear()
    here.unlock()
    here.checker.fork_failed(here.parent, child_mm)
    assert here.props() == []


def test_a_lock_that_somebody_else_holds_by_then_is_in_order() -> None:
    """Fork has dropped its own; the flush after that takes a while."""
    here = failed()
    child_mm = here.fork()
    child_mm.vmas.clear()
    here.unlock()
    here.parent.mm_lock_seq = here.parent.write_protect_seq = 1
    here.checker.fork_failed(here.parent, child_mm)
    assert here.props() == []


def test_a_lock_that_another_fork_holds_by_then_is_in_order() -> None:
    """The other one locks the same VMAs, and has not come to its end."""
    here = failed()
    child_mm = here.fork()
    child_mm.vmas.clear()
    here.unlock()
    here.fork()
    here.checker.fork_failed(here.parent, child_mm)
    assert here.props() == []


def test_a_lock_that_is_never_dropped_is_reported() -> None:
    """Every fault under a VMA lock would wait."""
    here = failed()
    child_mm = here.fork()
    child_mm.vmas.clear()
    here.checker.fork_failed(here.parent, child_mm)
    assert here.props() == ["fork.not-undone"]


def test_an_entry_left_behind_is_reported() -> None:
    """I15."""
    here = failed()
    child_mm = here.fork()
    child_mm.vmas.clear()
    here.set(child_mm, "A", here.folio(), RO)
    here.unlock()
    here.checker.fork_failed(here.parent, child_mm)
    assert here.checker.violations[0].message == (
        "fork failed, but the child still maps A"
    )


def test_a_vma_left_behind_is_reported() -> None:
    """Faults could fill it."""
    here = failed()
    child_mm = here.fork()
    here.unlock()
    here.checker.fork_failed(here.parent, child_mm)
    assert here.props() == ["fork.not-undone"]


def test_an_odd_sequence_count_left_behind_is_reported() -> None:
    """Fast pins would never succeed again."""
    here = failed()
    child_mm = here.fork()
    child_mm.vmas.clear()
    here.parent.write_protect_seq = 1
    here.unlock()
    here.checker.fork_failed(here.parent, child_mm)
    assert here.props() == ["fork.not-undone"]


def test_a_parent_left_read_only_is_in_order() -> None:
    """Trap: entries recover by faults, when they are written."""
    here = failed()
    child_mm = here.fork()
    child_mm.vmas.clear()
    here.set(here.parent, "A", here.folio(), RO)
    here.folio().anon_exclusive = False
    here.unlock()
    here.checker.fork_failed(here.parent, child_mm)
    assert here.props() == []
