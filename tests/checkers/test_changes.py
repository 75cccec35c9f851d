"""page.dirty-lost, pte.writable-forbidden: what an entry may not become."""

from __future__ import annotations

import pytest

from driving import Race, ld, program, thread
from forkfuzz.checkers.changes import ChangeChecker
from forkfuzz.harness.run import Run
from forkfuzz.kernel import memory_copy, swap
from forkfuzz.mm.mm_types import VM_READ, VM_WRITE
from forkfuzz.mm.pgtable import PAGE_DIRTY, PAGE_RW, PAGE_SAVED_DIRTY, Pte
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import open_program
from forkfuzz.scenarios.program import PageSpec
from forkfuzz.strategies import Stay
from staging import RO, RW, Stage


@pytest.mark.parametrize("cleared", [True, False])
def test_a_dirty_entry_that_becomes_clean_is_reported(*, cleared: bool) -> None:
    """Also if it was empty for a moment."""
    here = Stage(ChangeChecker)
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
    here = Stage(ChangeChecker)
    here.set(here.parent, "A", here.folio(), PAGE_RW | PAGE_DIRTY)
    here.set(here.parent, "A", here.folio(), PAGE_SAVED_DIRTY)
    assert here.props() == []


def test_another_page_in_its_place_may_be_clean() -> None:
    """As may the same one after it was thrown away."""
    here = Stage(ChangeChecker)
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


def test_w_that_the_vma_does_not_give_is_reported() -> None:
    """Wherever the entry had led before."""
    for before in ("none", "read-only", "another page"):
        here = Stage(ChangeChecker)
        folio = here.folio()
        here.parent.vmas[0].vm_flags &= ~VM_WRITE
        if before == "none":
            here.zap(here.parent)
        elif before == "another page":
            folio = here.alloc()
        else:
            here.set(here.parent, "A", folio, PAGE_DIRTY)
        assert here.props() == []
        here.set(here.parent, "A", folio, RW)
        assert here.props() == ["pte.writable-forbidden"]
        assert here.checker.violations[0].message == (
            "the entry of parent for A has W, which its VMA has not"
        )


def test_w_that_was_there_before_may_come_back_until_mprotect_takes_it() -> None:
    """Reclaim gives up, and puts back what it has taken out."""
    here = Stage(ChangeChecker)
    folio = here.folio()
    here.parent.vmas[0].vm_flags &= ~VM_WRITE
    here.set(here.parent, "A", None, 0)
    states = [here.checker.state()]
    here.set(here.parent, "A", folio, RW)
    states.append(here.checker.state())
    assert here.props() == []
    assert states[0] != states[1]


def test_w_that_the_vma_gives_is_in_order() -> None:
    """Near miss."""
    here = Stage(ChangeChecker)
    here.set(here.parent, "A", here.folio(), PAGE_DIRTY)
    here.set(here.parent, "A", here.folio(), RW)
    assert here.props() == []


@pytest.mark.parametrize("asks", [True, False])
def test_a_swap_in_that_does_not_ask_the_vma_is_found(
    monkeypatch: pytest.MonkeyPatch, *, asks: bool
) -> None:
    """An exclusive entry gives W back even for a load."""
    if not asks:
        monkeypatch.setattr(swap, "VM_WRITE", VM_READ)
    page = PageSpec("A", prot="r", swapped=True)
    race = Race(program([page], thread("T1", ld("A"))))
    race.finish("T1")
    assert ("pte.writable-forbidden" in race.props()) == (not asks)
