"""snapshot.torn, snapshot.stale: what devices wrote is not promised, all else is."""

from __future__ import annotations

from forkfuzz.checkers.snapshot import SnapshotChecker
from staging import RW, Stage

AB = ("A", "B")


def stage() -> Stage[SnapshotChecker]:
    """Return a stage of two pages."""
    return Stage(SnapshotChecker, AB)


def test_what_a_device_wrote_during_fork_may_be_missing() -> None:
    """Trap: device writes tear the copy of a pinned page, a documented exception."""
    here = stage()
    pin = here.pin("A")
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.dma(pin, 1)
    here.store(2, "B")
    here.share(child_mm, "B")
    here.cut(child_mm)
    assert here.props() == []


def test_a_cpu_store_to_a_page_that_a_device_wrote_must_not_be_missing() -> None:
    """C1x: CPU stores obey the cut even there."""
    here = stage()
    pin = here.pin("A")
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.dma(pin, 1)
    here.store(2, "A", index=1)
    here.share(child_mm, "B")
    here.cut(child_mm)
    assert here.props() == ["snapshot.stale"]


def test_a_cpu_store_that_a_device_overwrote_must_not_be_missing_either() -> None:
    """The child's copy is older than the store."""
    here = stage()
    pin = here.pin("A")
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.store(2, "A")
    here.dma(pin, 1)
    here.share(child_mm, "B")
    here.cut(child_mm)
    assert here.props() == ["snapshot.stale"]


def test_a_cpu_store_that_the_child_has_under_a_devices_is_in_order() -> None:
    """Near miss: copied after the store, before the device's."""
    here = stage()
    pin = here.pin("A")
    child_mm = here.fork()
    here.store(2, "A")
    here.copy(child_mm, "A")
    here.dma(pin, 1)
    here.share(child_mm, "B")
    here.cut(child_mm)
    assert here.props() == []


def test_a_device_that_writes_another_process_page_exempts_nothing() -> None:
    """The first child's own copy is not the page that the second fork copies."""
    here = Stage(SnapshotChecker)
    here.store(5)
    first = here.fork()
    here.copy(first)
    here.cut(first)
    pin = here.pin(mm=first)
    second = here.fork()
    here.copy(second)
    here.dma(pin, 9)
    here.zap(here.parent)
    here.cut(second)
    assert here.props() == ["snapshot.stale"]


def test_a_device_that_writes_a_page_thrown_away_exempts_nothing() -> None:
    """The reference is detached: what the parent has there now is another page."""
    here = Stage(SnapshotChecker)
    pin = here.pin()
    here.zap(here.parent)
    here.set(here.parent, "A", here.alloc(), RW)
    here.store(5)
    child_mm = here.fork()
    here.copy(child_mm)
    here.dma(pin, 1)
    here.zap(here.parent)
    here.cut(child_mm)
    assert here.props() == ["snapshot.stale"]


def test_a_device_write_before_fork_exempts_nothing() -> None:
    """Only writes between the lock and the cut do."""
    here = stage()
    pin = here.pin("A")
    here.dma(pin, 1)
    child_mm = here.fork()
    new = here.copy(child_mm, "A")
    new.words[0] = 0
    here.share(child_mm, "B")
    here.cut(child_mm)
    assert here.props() != []
