"""Reading through a FOLL_GET reference, and waiting for one."""

from __future__ import annotations

from driving import Race, child, forker, program, st, thread
from forkfuzz.engine import Outcome
from forkfuzz.scenarios.program import (
    Exit,
    Munmap,
    PageSpec,
    Peek,
    Pin,
    Thread,
    Unpin,
)

PAGE = PageSpec("A", words=2, init=(5, 6))
GET = Pin("A", get=True)
PEEK = Peek("A", 1, "s")


def peeks(*threads: Thread, page: PageSpec = PAGE) -> Race:
    """Return a race of a fork and threads about page A."""
    return Race(program([page], forker(), *threads))


def test_it_waits_for_the_reference_of_another_thread_of_its_process() -> None:
    """And then reads the page that it leads to."""
    race = peeks(thread("T1", PEEK), thread("T2", GET))
    race.to("T1", "peek:wait_for_reference")
    assert race.blocked("T1")
    race.finish("T2", "T1")
    assert race.register("T1", "s") == 6
    assert race.props() == []


def test_a_reference_of_another_process_does_not_do() -> None:
    """Nothing is read if there never is one."""
    race = peeks(thread("T1", GET), child(PEEK))
    race.finish("T1", "F", "C")
    assert race.run.execution.registers == {}
    assert race.end().outcome is Outcome.FINISHED


def test_a_pin_does_not_do() -> None:
    """It is a device that reads through that."""
    race = peeks(thread("T1", PEEK), thread("T2", Pin("A")))
    race.finish("T1", "T2")
    assert race.run.execution.registers == {}
    assert race.props() == []


def test_nothing_is_read_after_the_reference_was_given_back() -> None:
    """Nor is it waited for."""
    race = peeks(thread("T1", GET, Unpin("A"), PEEK))
    race.finish("T1")
    assert race.run.execution.registers == {}
    assert race.props() == []


def test_a_reference_that_could_not_be_had_is_not_waited_for() -> None:
    """Not even if the same thread asks again later."""
    race = peeks(thread("T1", Munmap("A"), GET, PEEK, GET))
    race.finish("T1")
    assert race.run.execution.registers == {}
    assert race.props() == []


def test_a_thread_that_ends_early_is_not_waited_for() -> None:
    """Its reference will not come any more."""
    page = PageSpec("A", words=2, prot="r")
    race = peeks(thread("T1", PEEK), thread("T2", st("A", 1), GET), page=page)
    race.to("T1", "peek:wait_for_reference")
    assert race.blocked("T1")
    race.finish("T2", "T1")
    assert race.run.execution.faults == {"T2": "segv"}
    assert race.props() == []


def test_the_child_reads_after_it_has_unmapped_the_page_and_the_parent_stored() -> None:
    """The old contents: the parent's store went elsewhere."""
    race = peeks(thread("T1", st("A", 9, 1)), child(GET, Munmap("A"), PEEK, Exit()))
    race.finish("F", "C", "T1")
    assert race.register("C", "s") == 6
    assert race.value("A", 1) == 9
    assert race.props() == []
