"""lock.vma-overlap, lock.order."""

from __future__ import annotations

from forkfuzz.checkers.locks import LockOrderChecker, VmaLockChecker
from forkfuzz.mm.locks import RwSemaphore, SpinLock
from staging import Stage

A, B = RwSemaphore("mmap_lock:a"), RwSemaphore("mmap_lock:b")
PTL = SpinLock("ptl:a")


def test_a_reader_in_a_write_locked_vma_is_reported() -> None:
    """I12, whichever came first."""
    here = Stage(VmaLockChecker)
    vma = here.parent.vmas[0]
    here.checker.vma_write_locked(here.cpu(), vma)
    here.checker.vma_read_locked(here.cpu(1), vma)
    assert here.props() == ["lock.vma-overlap"]
    there = Stage(VmaLockChecker)
    vma = there.parent.vmas[0]
    there.checker.vma_read_locked(there.cpu(1), vma)
    there.checker.vma_write_locked(there.cpu(), vma)
    assert there.props() == ["lock.vma-overlap"]


def test_readers_and_writers_that_take_turns_are_in_order() -> None:
    """Several readers, then a writer, then a reader."""
    here = Stage(VmaLockChecker)
    vma = here.parent.vmas[0]
    for _ in range(2):
        here.checker.vma_read_locked(here.cpu(), vma)
    for _ in range(2):
        here.checker.vma_read_unlocked(here.cpu(), vma)
    here.checker.vma_write_locked(here.cpu(), vma)
    here.checker.vma_write_unlocked(here.cpu(), here.parent)
    here.checker.vma_read_locked(here.cpu(1), vma)
    assert here.props() == []


def test_the_end_of_another_mms_writer_does_not_unlock_this_one() -> None:
    """fork unlocks the child first."""
    here = Stage(VmaLockChecker)
    child_mm = here.fork()
    here.checker.vma_write_locked(here.cpu(), here.parent.vmas[0])
    here.checker.vma_write_unlocked(here.cpu(), child_mm)
    here.checker.vma_read_locked(here.cpu(1), here.parent.vmas[0])
    assert here.props() == ["lock.vma-overlap"]


def take(here: Stage[LockOrderChecker], *locks: RwSemaphore | SpinLock) -> None:
    """Take locks one under the other on CPU 0, and drop them."""
    for lock in locks:
        here.checker.acquiring(here.cpu(), lock, sleeps=not isinstance(lock, SpinLock))
        here.checker.acquired(here.cpu(), lock)
    for lock in reversed(locks):
        here.checker.released(here.cpu(), lock)


def test_one_order_always_is_in_order() -> None:
    """Nested as fork does, twice."""
    here = Stage(LockOrderChecker)
    take(here, A, B, PTL)
    take(here, A, PTL)
    here.checker.ended(here.cpu())
    assert here.props() == []


def test_two_orders_of_two_locks_are_reported_without_a_deadlock() -> None:
    """I13: that they could meet is enough."""
    here = Stage(LockOrderChecker)
    take(here, A, B)
    take(here, B, A)
    assert here.props() == ["lock.order"]


def test_a_cycle_through_a_third_lock_is_reported() -> None:
    """A then B, B then C, C then A."""
    third = RwSemaphore("mmap_lock:c")
    here = Stage(LockOrderChecker)
    take(here, A, B)
    take(here, B, third)
    assert here.props() == []
    take(here, third, A)
    assert here.props() == ["lock.order"]


def test_sleeping_under_a_page_table_lock_is_reported() -> None:
    """Nothing sleeps under a spinlock; spinning for another is in order."""
    here = Stage(LockOrderChecker)
    take(here, PTL, SpinLock("ptl:b"))
    assert here.props() == []
    take(here, PTL, A)
    assert here.props() == ["lock.order"]


def test_waiting_for_a_lock_with_interrupts_off_is_reported() -> None:
    """The argument why flushes under page-table locks end (MUT30)."""
    here = Stage(LockOrderChecker)
    here.cpu().irqs_enabled = False
    take(here, PTL)
    assert "with interrupts off" in here.checker.violations[0].message


def test_sleeping_for_mmap_lock_under_a_vma_read_lock_is_reported() -> None:
    """MUT29; a trylock, which does not ask, is in order."""
    here = Stage(LockOrderChecker)
    vma = here.parent.vmas[0]
    here.checker.vma_read_locked(here.cpu(), vma)
    here.checker.acquired(here.cpu(), A)
    here.checker.released(here.cpu(), A)
    assert here.props() == []
    take(here, A)
    assert here.props() == ["lock.order"]


def test_a_lock_taken_back_to_user_mode_is_reported() -> None:
    """Of any kind."""
    here = Stage(LockOrderChecker)
    here.checker.acquired(here.cpu(), A)
    here.checker.ended(here.cpu())
    assert here.checker.violations[0].message == (
        "cpu0 returns to user mode holding mmap_lock:a"
    )
    there = Stage(LockOrderChecker)
    there.checker.vma_read_locked(there.cpu(), there.parent.vmas[0])
    there.checker.ended(there.cpu())
    assert there.props() == ["lock.order"]
