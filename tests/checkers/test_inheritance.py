"""child.inherited: what madvise has kept from the child."""

from __future__ import annotations

import pytest

from forkfuzz.checkers.inheritance import InheritanceChecker
from forkfuzz.mm.mm_types import VM_DONTCOPY, VM_WIPEONFORK
from staging import Stage


def test_a_page_copied_although_it_was_to_be_left_out_is_reported() -> None:
    """MADV_DONTFORK: the child has no VMA there."""
    here = Stage(InheritanceChecker)
    here.parent.vmas[0].vm_flags |= VM_DONTCOPY
    child_mm = here.fork()
    here.cut(child_mm)
    assert here.props() == ["child.inherited"]
    assert here.checker.violations[0].message == (
        "child1 has A, which is MADV_DONTFORK"
    )


def test_a_page_copied_although_it_was_to_be_wiped_is_reported() -> None:
    """MADV_WIPEONFORK: the child has a VMA, and nothing in it."""
    here = Stage(InheritanceChecker)
    here.parent.vmas[0].vm_flags |= VM_WIPEONFORK
    child_mm = here.fork()
    here.share(child_mm)
    here.cut(child_mm)
    assert here.props() == ["child.inherited"]
    assert here.checker.violations[0].message == (
        "child1 maps A, which is MADV_WIPEONFORK"
    )


@pytest.mark.parametrize("flag", [0, VM_DONTCOPY, VM_WIPEONFORK])
def test_what_is_left_out_or_wiped_as_asked_is_in_order(flag: int) -> None:
    """As is what nobody asked to keep from the child."""
    here = Stage(InheritanceChecker)
    here.parent.vmas[0].vm_flags |= flag
    child_mm = here.fork()
    if flag == VM_DONTCOPY:
        child_mm.vmas.clear()
    if not flag:
        here.share(child_mm)
    here.cut(child_mm)
    assert here.props() == []
