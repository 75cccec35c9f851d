"""The per-VMA locks: V1 to V9 of the reader, W1 to W5 of the writer."""

from __future__ import annotations

from driving import Race, forker, program, st, thread
from forkfuzz.mm.mm_types import VM_REFCNT_EXCLUDE_READERS_FLAG
from forkfuzz.scenarios.program import Kill, Madvise, PageSpec

RO = PageSpec("A", read_only=True)
LOCKED = "handle_pte_fault:ptep_get_lockless"
"""Where a fault stands once it has its lock."""


def upgrade(rules: str = "seed") -> Race:
    """Return a race of a fork and a store to a read-only, exclusive page."""
    return Race(program([RO], forker(), thread("T1", st("A", 1))), rules)


def test_a_fault_takes_and_drops_a_reference_on_the_vma_and_no_mmap_lock() -> None:
    """The common case: V1 to V9, no fallback."""
    race = upgrade()
    race.to("T1", LOCKED)
    assert race.mm().vmas[0].vm_refcnt == 2
    assert race.mm().mmap_lock.readers == 0
    race.finish("T1")
    assert race.mm().vmas[0].vm_refcnt == 1
    assert not any("down_read" in label for label in race.labels("T1"))


def test_a_writer_waits_until_the_readers_that_are_in_have_left() -> None:
    """vma_start_write drains: W2 keeps new ones out, W3 waits for the old."""
    race = upgrade()
    race.to("T1", LOCKED)
    race.to("F", "vma_start_write:wait_for_readers")
    assert race.mm().vmas[0].vm_refcnt == VM_REFCNT_EXCLUDE_READERS_FLAG + 2
    assert race.blocked("F")
    assert race.cpu("cpu0").is_lazy
    race.to("T1", "vma_end_read:refcount_dec")
    assert race.blocked("F")
    race.step("T1")
    assert race.runnable("F")


def test_a_vma_is_write_locked_only_once_its_sequence_number_is_stored() -> None:
    """Draining (W2, W3) comes before the store (W4), and that before W5."""
    race = upgrade()
    vma = race.mm().vmas[0]
    race.to("F", "vma_start_write:set_vm_lock_seq")
    assert vma.vm_lock_seq != race.mm().mm_lock_seq
    race.step("F")
    assert vma.vm_lock_seq == race.mm().mm_lock_seq
    assert vma.vm_refcnt == VM_REFCNT_EXCLUDE_READERS_FLAG + 1
    race.step("F")
    assert vma.vm_refcnt == 1


def test_a_reader_that_meets_a_draining_writer_falls_back() -> None:
    """V4 fails while the exclude flag is up; nothing is left behind."""
    race = upgrade()
    race.to("T1", "vma_start_read:refcount_inc")
    race.past("F", "vma_start_write:refcount_add")
    race.to("T1", "down_read:acquire")
    assert race.mm().vmas[0].vm_refcnt == VM_REFCNT_EXCLUDE_READERS_FLAG + 1
    assert race.blocked("T1")


def test_the_early_test_turns_a_reader_of_a_write_locked_vma_away() -> None:
    """V3: equal numbers, no reference is even tried."""
    race = upgrade()
    race.past("F", "vma_start_write:refcount_sub")
    race.to("T1", "down_read:acquire")
    assert race.labels("T1")[-1] == "vma_start_read:early_test"


def test_a_reader_that_passed_the_early_test_too_soon_is_caught_by_the_recheck() -> (
    None
):
    """V3, then W1 to W5, then V4 succeeds: only V6 sees the write lock."""
    race = upgrade()
    race.past("T1", "vma_start_read:early_test")
    race.past("F", "vma_start_write:refcount_sub")
    race.past("T1", "vma_start_read:refcount_inc")
    assert race.mm().vmas[0].vm_refcnt == 2
    race.past("T1", "vma_start_read:recheck")
    assert race.label("T1") == "vma_end_read:refcount_dec"
    race.step("T1")
    assert race.mm().vmas[0].vm_refcnt == 1
    race.finish("F")
    race.to("T1", "down_read:acquire")
    assert race.props() == []


def test_without_the_recheck_that_reader_enters_a_write_locked_vma() -> None:
    """MUT13: lock.vma-overlap."""
    race = upgrade("seed,vma_recheck=off")
    race.past("T1", "vma_start_read:early_test")
    race.past("F", "vma_start_write:refcount_sub")
    race.past("T1", "vma_start_read:refcount_inc")
    assert race.label("T1") == LOCKED
    assert "lock.vma-overlap" in race.props()


def test_one_increment_drops_the_write_locks_of_all_vmas() -> None:
    """There is no unlock of a single VMA."""
    specs = [PageSpec("A", vma=0), PageSpec("B", vma=1)]
    race = Race(program(specs, forker()))
    race.to_cut()
    mm = race.mm()
    assert [vma.vm_lock_seq for vma in mm.vmas] == [mm.mm_lock_seq] * 2
    race.step("F")
    assert all(vma.vm_lock_seq != mm.mm_lock_seq for vma in mm.vmas)


def test_a_fatal_signal_ends_the_wait_for_readers_and_lowers_the_flag() -> None:
    """-EINTR: fork fails, later readers come in again."""
    race = Race(
        program([RO], forker(), thread("T1", st("A", 1)), thread("K", Kill("F")))
    )
    race.to("T1", LOCKED)
    race.to("F", "vma_start_write:wait_for_readers")
    race.finish("K")
    race.finish("F")
    assert race.mm().vmas[0].vm_refcnt == 2
    assert race.run.execution.children == {1: None}
    race.finish("T1")
    assert race.mm().vmas[0].vm_refcnt == 1
    assert race.props() == []


def test_vma_locks_are_taken_one_after_the_other_as_fork_goes() -> None:
    """While fork copies the first VMA, faults in the second still run."""
    specs = [PageSpec("A", vma=0), PageSpec("B", vma=1, read_only=True)]
    race = Race(program(specs, forker(), thread("T1", st("B", 1))))
    race.past("F", "copy_page_range:write_protect_seq_end")
    race.finish("T1")
    assert not any("down_read" in label for label in race.labels("T1"))
    race.finish("F")
    assert race.value("B", mm="child") == 1
    assert race.props() == []


def test_a_vma_that_is_already_write_locked_is_not_locked_again() -> None:
    """W1 returns at once."""
    race = Race(program([RO], thread("T1", Madvise("A", "dontfork"))))
    race.to("T1", "madvise_update_vma:vm_flags")
    mm = race.mm()
    assert mm.vmas[0].vm_lock_seq == mm.mm_lock_seq
    assert mm.mm_lock_seq % 2 == 1
    race.finish("T1")
    assert mm.mm_lock_seq == 2
