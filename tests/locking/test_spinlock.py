"""The page-table lock: its waiters spin with interrupts on."""

from __future__ import annotations

from driving import Race, forker, program, st, thread
from forkfuzz.scenarios.program import PageSpec

RO = [PageSpec("A", read_only=True), PageSpec("B", read_only=True)]


def test_there_is_one_holder_at_a_time() -> None:
    """The second one can go on when the first has dropped the lock."""
    race = Race(program(RO, thread("T1", st("A", 1)), thread("T2", st("B", 1))))
    lock = race.mm().ptl
    race.past("T1", "spin_lock:acquire")
    race.to("T2", "spin_lock:acquire")
    assert race.blocked("T2")
    race.past("T1", "spin_unlock:release")
    race.step("T2")
    assert lock.writer


def test_a_cpu_that_spins_acknowledges_shootdowns() -> None:
    """So a holder of the lock may wait for acknowledgements: no deadlock."""
    pages = [PageSpec("A", pin="rw"), PageSpec("B", read_only=True)]
    rules = "seed,vma_lock=none"
    race = Race(program(pages, forker(), thread("T1", st("B", 1))), rules)
    race.past("F", "copy_present_page:ptep_set_wrprotect")
    race.to("T1", "spin_lock:acquire")
    race.to("F", "flush_tlb_mm_range:wait_for_acks")
    assert race.blocked("T1", "F")
    assert not race.cpu("cpu1").is_lazy
    race.ack("cpu1")
    assert race.runnable("F")
