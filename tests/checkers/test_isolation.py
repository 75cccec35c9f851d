"""snapshot.leak-to-child, snapshot.leak-to-parent: two memories after the cut."""

from __future__ import annotations

import pytest

from driving import Race, child, device, forker, ld, program, st, thread
from forkfuzz.checkers.isolation import IsolationChecker
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.scenarios import open_program
from forkfuzz.scenarios.program import DmaStore, PageSpec, Pin, Post, Wait
from staging import Stage


def shared() -> tuple[Stage[IsolationChecker], MmStruct]:
    """Return a stage on which A is shared with a child that runs on CPU 1."""
    here = Stage(IsolationChecker)
    child_mm = here.fork()
    here.share(child_mm)
    here.cut(child_mm)
    here.run_child(child_mm)
    return here, child_mm


def test_a_store_of_the_parent_to_a_shared_frame_after_the_cut_leaks() -> None:
    """Through a stale entry, without a fault."""
    here, _ = shared()
    here.store(1, cpu=0)
    (violation,) = here.checker.violations
    assert violation.prop == "snapshot.leak-to-child"
    assert "made in parent after the fork, is in a page mapped by child1" in (
        violation.message
    )


def test_a_store_of_the_child_to_a_shared_frame_leaks_to_the_parent() -> None:
    """The other direction."""
    here, _ = shared()
    here.store(1, cpu=1)
    assert here.props() == ["snapshot.leak-to-parent"]


def test_a_store_before_the_cut_to_a_shared_frame_is_in_order() -> None:
    """Trap: such stores are meant to be seen by both."""
    here = Stage(IsolationChecker)
    child_mm = here.fork()
    here.share(child_mm)
    here.store(1)
    here.cut(child_mm)
    here.run_child(child_mm)
    here.load(cpu=1)
    assert here.props() == []


def test_a_store_to_ones_own_copy_is_in_order() -> None:
    """Near miss: another frame."""
    here, _ = shared()
    here.set(here.parent, "A", here.alloc(), 2)
    here.store(1, cpu=0)
    assert here.props() == []


def test_reading_the_others_later_store_leaks_even_if_nothing_is_mapped_any_more() -> (
    None
):
    """The copy was made after the store: seen at the load."""
    here, child_mm = shared()
    old = here.folio()
    here.set(child_mm, "A", here.alloc(), 2)
    store = here.store(1, cpu=0, folio=old)
    here.folio("A", child_mm).words[0] = store
    here.load(cpu=1)
    assert here.props() == ["snapshot.leak-to-child"]


def moved(*, late: bool) -> Stage[IsolationChecker]:
    """Let khugepaged copy the child's page before, or after, the parent's store."""
    here, child_mm = shared()
    old, copy = here.folio(), here.alloc()
    here.set(child_mm, "A", None, 0)
    store = here.store(1, cpu=0, folio=old)
    if late:
        copy.words[0] = store
    here.set(child_mm, "A", copy, 2)
    here.checker.finish()
    return here


def test_a_store_that_is_in_the_child_at_the_end_leaks_even_if_nobody_reads_it() -> (
    None
):
    """No entry led to the frame at the time of the store."""
    here = moved(late=True)
    (violation,) = here.checker.violations
    assert violation.prop == "snapshot.leak-to-child"
    assert violation.points == ("end-of-run",)
    assert "made in parent after the fork, is in a page held by child1" in (
        violation.message
    )


def test_a_store_after_the_copy_does_not_leak() -> None:
    """Near miss."""
    assert moved(late=False).props() == []


def test_a_leak_is_told_once() -> None:
    """At the store; the end of the run adds nothing."""
    here, _ = shared()
    here.store(1, cpu=0)
    here.checker.finish()
    assert here.props() == ["snapshot.leak-to-child"]


def test_a_devices_store_is_that_of_whose_page_it_is() -> None:
    """The child must not map what the parent has pinned."""
    here, _ = shared()
    here.dma(here.pin(), 1)
    (violation,) = here.checker.violations
    assert violation.prop == "snapshot.leak-to-child"
    assert violation.message == (
        "A[0] = 1 by dev, made in parent after the fork, is in a page mapped by child1"
    )


def test_a_devices_store_before_the_cut_may_be_in_the_child() -> None:
    """Near miss: the early copy has it, or has not."""
    here = Stage(IsolationChecker)
    child_mm = here.fork()
    here.dma(here.pin(), 1)
    here.copy(child_mm)
    here.cut(child_mm)
    here.dma(here.world.pins[0], 2)
    here.run_child(child_mm)
    here.load(cpu=1)
    here.checker.finish()
    assert here.props() == []


def test_reading_what_the_parent_stored_before_the_cut_is_inheritance() -> None:
    """Near miss of the last one."""
    here = Stage(IsolationChecker)
    here.store(1)
    child_mm = here.fork()
    here.copy(child_mm)
    here.cut(child_mm)
    here.run_child(child_mm)
    here.load(cpu=1)
    assert here.props() == []


def test_shared_mappings_are_one_memory() -> None:
    """Trap: MAP_SHARED is not isolated, on purpose."""
    here = Stage(IsolationChecker, [PageSpec("A", shared=True)])
    child_mm = here.fork()
    here.set(child_mm, "A", here.folio(), 2)
    here.cut(child_mm)
    here.run_child(child_mm)
    here.store(1, cpu=0)
    here.load(cpu=1)
    here.store(2, cpu=1)
    here.load(cpu=0)
    assert here.props() == []


def test_a_store_into_a_page_that_the_child_only_references_leaks() -> None:
    """C9: no mapping is left, but a pipe can be read."""
    here, child_mm = shared()
    here.pin(mm=child_mm, pinned=False)
    here.zap(child_mm)
    here.store(42, cpu=0)
    assert here.props() == ["snapshot.leak-to-child"]
    assert "referenced by child1" in here.checker.violations[0].message


def test_a_reference_that_was_given_back_sees_nothing() -> None:
    """Near miss."""
    here, child_mm = shared()
    pin = here.pin(mm=child_mm, pinned=False)
    here.zap(child_mm)
    pin.released = True
    here.store(42, cpu=0)
    assert here.props() == []


def test_siblings_are_isolated_from_each_other() -> None:
    """Two children share a frame; neither may store to it."""
    here = Stage(IsolationChecker)
    first = here.fork()
    here.share(first)
    here.cut(first)
    second = here.fork()
    here.share(second)
    here.cut(second)
    here.run_child(second)
    here.set(here.parent, "A", here.alloc(), 2)
    here.store(1, cpu=1)
    assert here.props() == ["snapshot.leak-to-child"]


# Race tables.


@pytest.mark.parametrize("flush", ["none", "after_unlock", "skip_cpu", "no_ack"])
def test_a_missing_late_or_partial_flush_lets_a_store_through_a_stale_entry(
    flush: str,
) -> None:
    """C5, MUT1 to MUT4."""
    race = Race(
        program(["A"], forker(), thread("T1", st("A", 1)), child(ld("A"))),
        f"seed,final_flush={flush}",
    )
    race.fill("cpu1", "A")
    race.cut()
    race.op("T1")
    props = race.props()
    assert "snapshot.leak-to-child" in props
    assert "tlb.stale-writable" in props


def test_a_cut_before_the_flush_lets_it_through_too() -> None:
    """MUT14."""
    race = Race(
        program(["A"], forker(), thread("T1", st("A", 1)), child(ld("A"))),
        "seed,unlock_order=seq_then_flush",
    )
    race.fill("cpu1", "A")
    race.cut()
    race.op("T1")
    assert {"snapshot.leak-to-child", "tlb.stale-writable"} <= set(race.props())


def test_the_flush_before_the_unlock_leaves_nothing_to_store_through() -> None:
    """The same order under the documented protocol."""
    race = Race(program(["A"], forker(), thread("T1", st("A", 1)), child(ld("A"))))
    race.fill("cpu1", "A")
    race.cut()
    assert race.cpu("cpu1").tlb == {}
    assert race.props() == []
    assert race.register("C", "r") == 0


def test_dropping_the_old_page_before_the_flush_lets_the_child_reuse_it() -> None:
    """MUT21: the parent still reads through its old translation."""
    race = Race(
        program(
            ["A"],
            forker(),
            thread("T1", st("A", 1)),
            thread("T2", ld("A", index=1)),
            child(st("A", 9, index=1)),
        ),
        "seed,rmap_drop=before_flush",
    )
    race.finish("F")
    race.fill("cpu2", "A")
    race.to("T1", "wp_page_copy:ptep_clear")
    race.finish("C")
    race.op("T2")
    assert "snapshot.leak-to-parent" in race.props()


def test_dropping_it_after_the_flush_makes_the_child_copy() -> None:
    """The same order with the guard in force."""
    race = Race(
        program(
            ["A"],
            forker(),
            thread("T1", st("A", 1)),
            thread("T2", ld("A", index=1)),
            child(st("A", 9, index=1)),
        )
    )
    race.finish("F")
    race.fill("cpu2", "A")
    race.to("T1", "wp_page_copy:ptep_clear")
    race.finish("C")
    race.op("T2")
    assert race.props() == []


def test_reuse_by_mapcount_leaks_to_a_child_that_kept_a_reference() -> None:
    """C9, MUT23."""
    race = Race(open_program("vmsplice"), "seed,reuse=mapcount")
    assert "snapshot.leak-to-child" in race.props()
    assert Race(open_program("vmsplice")).props() == []


def test_a_device_of_the_parent_may_write_after_the_cut() -> None:
    """The pinned frame is the parent's alone; the child has a copy."""
    race = Race(
        program(
            [PageSpec("A", pin="rw")],
            forker(Post("go")),
            device(Wait("go"), DmaStore("A", 0, 5)),
            child(ld("A")),
        )
    )
    race.finish("F", "dev")
    assert race.props() == []
    assert race.register("C", "r") == 0


def test_a_fast_pin_in_the_child_is_the_childs() -> None:
    """It breaks COW for the child; the parent sees nothing of it."""
    race = Race(
        program(
            ["A"],
            forker(),
            thread("T1", ld("A")),
            child(Pin("A"), Post("pinned")),
            device(Wait("pinned"), DmaStore("A", 0, 5)),
        )
    )
    race.finish("F", "C", "dev", "T1")
    assert race.props() == []
    assert race.register("T1", "r") == 0
