"""pin.not-exclusive, pin.diverged: a device and its process."""

from __future__ import annotations

from driving import Race, forker, program, st, thread
from forkfuzz.checkers.pins import PinChecker
from forkfuzz.scenarios.program import Madvise, PageSpec, Pin
from staging import RO, RW, Stage


def test_a_pin_of_an_exclusive_page_is_in_order() -> None:
    """And stays so while nothing changes."""
    here = Stage(PinChecker)
    here.pin()
    here.set(here.parent, "A", here.folio(), RO)
    here.set(here.parent, "A", here.folio(), RW)
    assert here.props() == []


def test_a_pin_of_a_page_without_the_mark_is_reported() -> None:
    """I4, when the pin succeeds."""
    here = Stage(PinChecker)
    here.folio().anon_exclusive = False
    here.pin()
    assert here.props() == ["pin.not-exclusive"]


def test_a_get_reference_promises_nothing() -> None:
    """Near miss: FOLL_GET."""
    here = Stage(PinChecker)
    here.folio().anon_exclusive = False
    here.pin(pinned=False)
    here.set(here.parent, "A", here.alloc(), RW)
    assert here.props() == []


def test_a_pinned_page_that_loses_its_mark_is_reported() -> None:
    """I4, at fork for instance; not once it is unpinned."""
    here = Stage(PinChecker)
    pin = here.pin()
    here.checker.unpinned(pin)
    here.folio().anon_exclusive = False
    here.checker.exclusive_changed(here.folio())
    assert here.props() == []
    here.checker.exclusive_changed(here.folio())
    there = Stage(PinChecker)
    there.pin()
    there.folio().anon_exclusive = False
    there.checker.exclusive_changed(there.folio())
    assert there.props() == ["pin.not-exclusive"]


def test_an_owner_that_maps_another_frame_has_diverged() -> None:
    """I5: COW away from the device."""
    here = Stage(PinChecker)
    here.pin()
    here.set(here.parent, "A", None, 0)
    assert here.props() == []
    here.set(here.parent, "A", here.alloc(), RW)
    assert here.props() == ["pin.diverged"]


def test_a_child_that_maps_the_devices_frame_has_diverged() -> None:
    """I5, the other half."""
    here = Stage(PinChecker)
    here.pin()
    child_mm = here.fork()
    here.set(child_mm, "A", here.folio(), RO)
    assert here.props() == ["pin.diverged"]


def test_an_entry_that_is_empty_for_a_moment_leads_where_it_did() -> None:
    """But not once khugepaged has copied the page: then a pin is of another one."""
    for copied, props in ((False, []), (True, ["pin.diverged"])):
        here = Stage(PinChecker)
        pin = here.pin()
        here.checker.unpinned(pin)
        here.set(here.parent, "A", None, 0)
        if copied:
            here.checker.collapse_copied(here.parent, here.vpn("A"))
        here.checker.pinned(pin)
        assert here.props() == props


def test_a_child_with_a_copy_is_in_order() -> None:
    """Trap: the early copy, and false-positive pins."""
    here = Stage(PinChecker)
    here.pin()
    child_mm = here.fork()
    here.copy(child_mm)
    assert here.props() == []


def test_an_owner_that_throws_the_page_away_detaches_its_pins() -> None:
    """MADV_DONTNEED on a pinned page: nothing is promised any more."""
    here = Stage(PinChecker)
    here.pin()
    here.zap(here.parent)
    here.set(here.parent, "A", here.alloc(), RW)
    assert here.props() == []


def test_a_child_that_throws_its_page_away_detaches_nobody_elses_pins() -> None:
    """Near miss: the zap was in another address space."""
    here = Stage(PinChecker)
    here.pin()
    child_mm = here.fork()
    here.copy(child_mm)
    here.zap(child_mm)
    here.set(here.parent, "A", here.alloc(), RW)
    assert here.props() == ["pin.diverged"]


def test_a_pin_that_finds_another_frame_mapped_has_diverged_already() -> None:
    """The entry changed between the look-up and the end of the pin."""
    here = Stage(PinChecker)
    old, vpn = here.folio(), here.vpn("A")
    pin = here.pin()
    here.checker.unpinned(pin)
    here.set(here.parent, "A", here.alloc(), RW)
    assert here.world.frames[pin.pfn] is old
    assert pin.vpn == vpn
    here.checker.pinned(pin)
    assert here.props() == ["pin.diverged"]


def test_the_first_store_to_a_pinned_page_after_fork_faults_and_reuses() -> None:
    """Trap: the fault is due, a copy is not."""
    race = Race(program([PageSpec("A", pin="rw")], forker(), thread("T1", st("A", 1))))
    race.finish("F")
    pinned = race.folio("A")
    race.finish("T1")
    assert "wp_page_reuse:set_pte" in race.labels("T1")
    assert race.folio("A") is pinned
    assert race.props() == []


def test_reuse_by_refcount_copies_a_pinned_page_away() -> None:
    """C10: any read-only entry is enough."""
    page = PageSpec("A", pin="rw", read_only=True)
    race = Race(program([page], thread("T1", st("A", 1))), "seed,reuse=refcount")
    assert race.props() == ["pin.diverged"]


def test_a_pin_without_the_flag_set_first_is_missed_by_fork() -> None:
    """MUT16: H1 last, so fork does not even look at the count."""
    race = Race(
        program(["A"], forker(), thread("T1", Pin("A"))), "seed,has_pinned_first=off"
    )
    race.past("T1", "gup_fast:recheck_write_protect_seq")
    race.finish("F", "T1")
    assert {"pin.diverged", "pin.not-exclusive"} & set(race.props())


def test_with_the_flag_first_fork_copies() -> None:
    """The same order with the guard in force."""
    race = Race(program(["A"], forker(), thread("T1", Pin("A"))))
    race.past("T1", "gup_fast:recheck_write_protect_seq")
    race.finish("F")
    assert race.props() == []
    assert race.folio("A") is not race.folio("A", "child")


def test_a_page_thrown_away_while_it_is_being_pinned_leaves_a_detached_pin() -> None:
    """The reference was taken, then came zap and a new page, then success."""
    here = Stage(PinChecker)
    pin = here.pin()
    here.checker.unpinned(pin)
    here.zap(here.parent)
    here.set(here.parent, "A", here.alloc(), RW)
    here.checker.pinned(pin)
    assert here.props() == []


def test_a_pin_that_succeeds_while_the_entry_is_cleared_is_followed() -> None:
    """The page is still there, so the pin binds its owner."""
    here = Stage(PinChecker)
    folio = here.folio()
    pin = here.pin()
    here.checker.unpinned(pin)
    here.set(here.parent, "A", None, 0)
    here.checker.pinned(pin)
    assert here.props() == []
    here.set(here.parent, "A", here.alloc(), RW)
    assert here.props() == ["pin.diverged"]
    assert here.world.frames[pin.pfn] is folio


def test_the_model_can_throw_a_page_away_while_it_is_being_pinned() -> None:
    """A slow pin has its reference; MADV_DONTNEED and a fault come before its end."""
    race = Race(
        program(
            ["A"],
            thread("T1", Pin("A", fast=False)),
            thread("T2", Madvise("A", "dontneed")),
            thread("T3", st("A", 3)),
        )
    )
    race.past("T1", "spin_unlock:release")
    race.finish("T2", "T3", "T1")
    assert race.world.pins[0].pfn != race.folio("A").pfn
    assert race.props() == []
