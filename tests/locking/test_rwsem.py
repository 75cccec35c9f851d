"""rwsem: who may hold it with whom, and what ends a wait."""

from __future__ import annotations

from driving import Race, forker, ld, program, st, thread
from forkfuzz.scenarios.program import Kill, Madvise, PageSpec, Pin, Statement

ACQUIRED_W = "mmap_write_lock:mm_lock_seqcount_begin"


def slow(page: str) -> Statement:
    """Return a pin by the slow path, which holds mmap_lock for reading."""
    return Pin(page, fast=False)


def test_readers_share_and_keep_a_writer_out() -> None:
    """Two slow pins run side by side; fork waits for both."""
    race = Race(
        program(["A"], forker(), thread("T1", slow("A")), thread("T2", slow("A")))
    )
    race.to("T1", "spin_lock:acquire")
    race.to("T2", "spin_lock:acquire")
    race.to("F", "down_write:acquire")
    assert race.mm().mmap_lock.readers == 2
    assert race.blocked("F")
    race.finish("T1")
    assert race.blocked("F")
    race.finish("T2")
    race.step("F")
    assert race.mm().mmap_lock.writer


def test_a_writer_keeps_readers_and_writers_out() -> None:
    """While fork holds mmap_lock, a slow pin and another fork wait."""
    race = Race(
        program(
            ["A"],
            forker(),
            thread("T1", slow("A")),
            thread("T2", Madvise("A", "dontfork")),
        )
    )
    race.to("F", ACQUIRED_W)
    race.to("T1", "down_read:acquire")
    race.to("T2", "down_write:acquire")
    assert race.blocked("T1", "T2")
    race.finish("F")
    assert race.runnable("T1")
    assert race.runnable("T2")


def test_a_pending_writer_does_not_have_to_keep_new_readers_out() -> None:
    """Reader stealing: any compatible waiter may win."""
    race = Race(
        program(["A"], forker(), thread("T1", slow("A")), thread("T2", slow("A")))
    )
    race.to("T1", "spin_lock:acquire")
    race.to("F", "down_write:acquire")
    race.to("T2", "spin_lock:acquire")
    assert race.mm().mmap_lock.readers == 2


def test_any_waiter_may_win_when_the_writer_leaves() -> None:
    """The order of arrival decides nothing."""
    for winner, loser in (("T1", "T2"), ("T2", "T1")):
        race = Race(
            program(
                ["A"],
                forker(),
                thread("T1", Madvise("A", "dontfork")),
                thread("T2", Madvise("A", "dontfork")),
            )
        )
        race.to("F", ACQUIRED_W)
        race.to("T1", "down_write:acquire")
        race.to("T2", "down_write:acquire")
        race.finish("F")
        race.step(winner)
        assert race.blocked(loser)


def test_a_trylock_fails_instead_of_waiting() -> None:
    """vmf_anon_prepare under the VMA lock goes back for mmap_lock."""
    race = Race(
        program([PageSpec("A", untouched=True)], forker(), thread("T1", st("A", 1)))
    )
    race.to("F", ACQUIRED_W)
    race.to("T1", "down_read_trylock:acquire")
    race.step("T1")
    assert race.mm().mmap_lock.readers == 0
    race.to("T1", "down_read:acquire")
    assert race.blocked("T1")


def test_a_fatal_signal_ends_a_killable_wait_for_the_writer_and_for_a_reader() -> None:
    """Both leave without the lock: -EINTR."""
    race = Race(
        program(
            ["A"],
            forker(),
            thread("T1", slow("A")),
            thread("T2", Madvise("A", "dontfork")),
            thread("K", Kill("T1"), Kill("T2")),
        )
    )
    race.to("F", ACQUIRED_W)
    race.to("T1", "down_read:acquire")
    race.to("T2", "down_write:acquire")
    race.finish("K")
    race.finish("T1", "T2")
    assert race.mm().mmap_lock.readers == 0
    assert race.mm().mmap_lock.writer  # fork's
    assert race.world.pins == []
    assert race.props() == []


def test_a_fault_that_is_killed_while_it_waits_ends_its_thread() -> None:
    """The store never happens."""
    race = Race(
        program(
            [PageSpec("A", read_only=True)],
            forker(),
            thread("T1", st("A", 1)),
            thread("K", Kill("T1")),
        )
    )
    race.past("F", "vma_start_write:refcount_sub")
    race.to("T1", "down_read:acquire")
    race.finish("K")
    race.finish("T1")
    assert race.run.execution.faults == {"T1": "killed"}
    assert race.props() == []
    assert race.value("A") == 0


def test_a_sleeping_cpu_is_lazy_and_a_spinning_one_is_not() -> None:
    """Only a thread that sleeps leaves its CPU to idle."""
    race = Race(
        program(["A", "B"], forker(), thread("T1", st("A", 1)), thread("T2", ld("B")))
    )
    race.past("F", "__copy_present_ptes:wrprotect_ptes")
    race.to("T1", "down_read:acquire")
    assert race.cpu("cpu1").is_lazy
    assert not race.cpu("cpu2").is_lazy
    race.finish("F")
    race.step("T1")
    assert not race.cpu("cpu1").is_lazy


def test_the_sequence_count_and_the_semaphore_are_released_in_two_steps() -> None:
    """After the first, faults under VMA locks go on; mmap_lock waiters do not yet."""
    race = Race(
        program(["A"], forker(), thread("T1", slow("A")), thread("T2", st("A", 1)))
    )
    race.past("F", "__copy_present_ptes:set_ptes")
    race.to("T1", "down_read:acquire")
    race.cut()
    assert race.mm().mm_lock_seq == 2
    assert race.mm().mmap_lock.writer
    assert race.blocked("T1")
    race.finish("T2")
    assert race.value("A") == 1
    race.step("F")
    assert race.runnable("T1")
