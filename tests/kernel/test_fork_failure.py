"""A fork that fails: nothing of the child is left, and the parent does not notice."""

from __future__ import annotations

import pytest

from driving import Race, child, forker, ld, program, st, thread
from forkfuzz.mm.pgtable import (
    PAGE_RW,
)
from forkfuzz.scenarios.program import (
    Fork,
    Kill,
    PageSpec,
    Pin,
    Statement,
)

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
