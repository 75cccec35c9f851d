"""page.dirty-lost: a page that was written has to look so."""

from __future__ import annotations

import pytest

from forkfuzz.checkers.dirty import DirtyChecker
from forkfuzz.harness.run import Run
from forkfuzz.kernel import memory_copy
from forkfuzz.mm.pgtable import PAGE_DIRTY, PAGE_RW, PAGE_SAVED_DIRTY, Pte
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import open_program
from forkfuzz.strategies import Stay
from staging import RO, RW, Stage


@pytest.mark.parametrize("cleared", [True, False])
def test_a_dirty_entry_that_becomes_clean_is_reported(*, cleared: bool) -> None:
    """Also if it was empty for a moment."""
    here = Stage(DirtyChecker)
    folio = here.folio()
    here.set(here.parent, "A", folio, RW)
    if cleared:
        here.set(here.parent, "A", None, 0)
    here.set(here.parent, "A", folio, RO)
    assert here.props() == ["page.dirty-lost"]
    assert here.checker.violations[0].message == (
        "the entry of parent for A was dirty and is clean"
    )


def test_d_may_be_kept_in_software() -> None:
    """A read-only entry with D would be a shadow stack."""
    here = Stage(DirtyChecker)
    here.set(here.parent, "A", here.folio(), PAGE_RW | PAGE_DIRTY)
    here.set(here.parent, "A", here.folio(), PAGE_SAVED_DIRTY)
    assert here.props() == []


def test_another_page_in_its_place_may_be_clean() -> None:
    """As may the same one after it was thrown away."""
    here = Stage(DirtyChecker)
    folio = here.folio()
    here.set(here.parent, "A", folio, RW)
    here.set(here.parent, "A", here.alloc(), RO)
    here.set(here.parent, "A", folio, RW)
    here.zap(here.parent)
    here.set(here.parent, "A", folio, RO)
    assert here.props() == []


def test_a_fork_that_forgets_d_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if write-protecting cleared it."""
    monkeypatch.setattr(
        memory_copy,
        "pte_wrprotect",
        lambda pte: Pte(pte & ~(PAGE_RW | PAGE_DIRTY | PAGE_SAVED_DIRTY)),
    )
    strategy = Stay()
    strategy.begin()
    result = Run(open_program("mp"), parse_rules("seed"), strategy).execute()
    assert "page.dirty-lost" in {violation.prop for violation in result.violations}
