"""snapshot.torn, snapshot.stale: what is reported, and what must not be."""

from __future__ import annotations

from forkfuzz.checkers import Severity
from forkfuzz.checkers.snapshot import SnapshotChecker
from forkfuzz.scenarios.program import (
    PageSpec,
)
from staging import Stage

AB = ("A", "B")


def stage() -> Stage[SnapshotChecker]:
    """Return a stage of two pages."""
    return Stage(SnapshotChecker, AB)


# Hand-made histories.


def test_a_child_equal_to_its_parent_at_the_cut_is_in_order() -> None:
    """Shared, or copied and never stored to again."""
    here = stage()
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.share(child_mm, "B")
    here.cut(child_mm)
    assert here.props() == []


def test_stores_before_the_flush_that_the_child_sees_too_are_in_order() -> None:
    """Trap: a stale entry may keep storing to a shared frame until the flush."""
    here = stage()
    child_mm = here.fork()
    for page in AB:
        here.share(child_mm, page)
        here.store(1, page)
    here.cut(child_mm)
    assert here.props() == []


def test_a_lost_store_followed_by_one_that_the_child_has_is_torn_for_a_program() -> (
    None
):
    """Program order: A then B by one thread; the child has B alone."""
    here = stage()
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.store(1, "A")
    here.store(2, "B")
    here.share(child_mm, "B")
    here.cut(child_mm)
    (violation,) = here.checker.violations
    assert violation.prop == "snapshot.torn"
    assert violation.severity is Severity.PROGRAM
    assert violation.message == (
        "child has B[0] = 2 by T0 but not A[0] = 1 by T0, which came before it"
    )
    assert [(ref.place, ref.value) for ref in violation.pair] == [
        ("A[0]", 1),
        ("B[0]", 2),
    ]


def test_the_same_by_two_threads_that_know_nothing_of_each_other_is_contract() -> None:
    """No program can tell the order of the two stores."""
    here = stage()
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.store(1, "A", cpu=0)
    here.store(2, "B", cpu=1)
    here.share(child_mm, "B")
    here.cut(child_mm)
    (violation,) = here.checker.violations
    assert (violation.prop, violation.severity) == ("snapshot.torn", Severity.CONTRACT)


def test_a_load_that_reads_the_lost_store_makes_the_order_known() -> None:
    """T1 reads A = 1 and then stores B: happened before, across threads."""
    here = stage()
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.store(1, "A", cpu=0)
    here.load("A", cpu=1)
    here.store(2, "B", cpu=1)
    here.share(child_mm, "B")
    here.cut(child_mm)
    assert here.checker.violations[0].severity is Severity.PROGRAM


def test_a_wait_for_the_thread_that_stored_makes_the_order_known() -> None:
    """T0 stores A and posts; T1 waits and stores B: the program made the order."""
    here = stage()
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.store(1, "A", cpu=0)
    here.hand_over(0, 1)
    here.store(2, "B", cpu=1)
    here.share(child_mm, "B")
    here.cut(child_mm)
    assert here.checker.violations[0].severity is Severity.PROGRAM


def test_a_post_says_nothing_of_what_its_thread_does_later() -> None:
    """Near miss: the store comes after the post."""
    here = stage()
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.hand_over(0, 1)
    here.store(1, "A", cpu=0)
    here.store(2, "B", cpu=1)
    here.share(child_mm, "B")
    here.cut(child_mm)
    assert here.checker.violations[0].severity is Severity.CONTRACT


def test_a_wait_takes_the_oldest_post_alone() -> None:
    """T1 has waited once: for T2, who stored nothing, not for T0, who came later."""
    for waits, severity in ((1, Severity.CONTRACT), (2, Severity.PROGRAM)):
        here = Stage(SnapshotChecker, AB, cpus=3)
        child_mm = here.fork()
        here.copy(child_mm, "A")
        here.checker.posted(here.cpu(2), "s")
        here.store(1, "A", cpu=0)
        here.checker.posted(here.cpu(0), "s")
        states = [here.checker.state()]
        for _ in range(waits):
            here.checker.awaited(here.cpu(1), "s")
            states.append(here.checker.state())
        here.store(2, "B", cpu=1)
        here.share(child_mm, "B")
        here.cut(child_mm)
        assert here.checker.violations[0].severity is severity
        assert len(set(states)) == len(states)


def test_words_of_one_page_can_be_torn_too() -> None:
    """Word 1 was copied after the store to it, word 0 before."""
    here = stage()
    child_mm = here.fork()
    new = here.copy(child_mm, "A")
    here.store(1, "A", index=0)
    here.store(2, "A", index=1)
    new.words[1] = here.folio("A").words[1]
    here.checker.word_copied(here.folio("A"), new, 1, new.words[1])
    here.share(child_mm, "B")
    here.cut(child_mm)
    assert here.props() == ["snapshot.torn"]


def test_a_child_that_lacks_only_the_newest_stores_is_stale() -> None:
    """The parent was like that once, only too early."""
    here = stage()
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.share(child_mm, "B")
    here.store(1, "A")
    here.cut(child_mm)
    (violation,) = here.checker.violations
    assert (violation.prop, violation.severity) == ("snapshot.stale", Severity.CONTRACT)
    assert violation.message == "child lacks A[0] = 1 by T0, made before the cut"


def test_a_child_as_the_parent_was_when_fork_began_is_stale() -> None:
    """That A is empty again by the cut does not make the child's A a later one."""
    here = stage()
    child_mm = here.fork()
    for page in AB:
        here.copy(child_mm, page)
    here.store(5, "A")
    here.store(1, "B")
    here.zap(here.parent, "A")
    here.cut(child_mm)
    (violation,) = here.checker.violations
    assert (violation.prop, violation.severity) == ("snapshot.stale", Severity.CONTRACT)
    assert violation.message == "child lacks B[0] = 1 by T0, made before the cut"


def test_the_pair_of_a_torn_child_is_one_that_no_time_explains() -> None:
    """Strangers made D and what it came after; A and B alone are explained."""
    here = Stage(SnapshotChecker, ("A", "B", "C", "D"), cpus=3)
    child_mm = here.fork()
    for page in "ABC":
        here.copy(child_mm, page)
    here.store(5, "A", cpu=0)
    here.store(1, "B", cpu=0)
    here.zap(here.parent, "A")
    here.store(3, "C", cpu=1)
    here.store(4, "D", cpu=2)
    here.share(child_mm, "D")
    here.cut(child_mm)
    (violation,) = here.checker.violations
    assert (violation.prop, violation.severity) == ("snapshot.torn", Severity.CONTRACT)
    assert [ref.place for ref in violation.pair] == ["B[0]", "D[0]"]


def test_a_time_before_fork_explains_nothing() -> None:
    """The parent was like that once, but not since fork began."""
    here = stage()
    here.store(5, "A")
    here.store(5, "B")
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.zap(here.parent, "A")
    here.zap(here.parent, "B")
    here.cut(child_mm)
    assert here.props() == ["snapshot.torn"]


def test_three_words_can_be_torn_though_no_two_of_them_are() -> None:
    """Each two of the child's values were there at a time, all three never."""
    here = Stage(SnapshotChecker, ("A", "B", "C"))
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.copy(child_mm, "B")
    here.store(5, "A")
    here.store(1, "C")
    here.store(2, "B")
    here.zap(here.parent, "A")
    here.share(child_mm, "C")
    here.cut(child_mm)
    assert here.props() == ["snapshot.torn"]


def test_a_store_after_the_cut_is_nobodys_business_here() -> None:
    """The child need not have it."""
    here = stage()
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.share(child_mm, "B")
    here.cut(child_mm)
    here.store(1, "A")
    assert here.props() == []


def test_a_store_that_went_to_the_childs_frame_alone_is_reported() -> None:
    """The lost store of 2023: the parent copied away under it."""
    here = stage()
    child_mm = here.fork()
    here.share(child_mm, "A")
    here.share(child_mm, "B")
    old, new = here.folio("A"), here.alloc()
    here.set(here.parent, "A", new, 2)
    here.store(7, "A", folio=old)
    here.cut(child_mm)
    assert here.props() == ["snapshot.torn"]


def test_shared_dontfork_and_wipeonfork_memory_is_not_compared() -> None:
    """Trap: the child has other memory there, or none."""
    specs = [
        PageSpec("A", init=(1,), dontfork=True, vma=0),
        PageSpec("B", init=(2,), wipeonfork=True, vma=1),
        PageSpec("C", init=(3,), shared=True, vma=2),
    ]
    here = Stage(SnapshotChecker, specs)
    child_mm = here.fork()
    here.cut(child_mm)
    assert here.props() == []


def test_private_memory_that_is_missing_in_the_child_is_reported() -> None:
    """Near miss of the last one: an ordinary page not handed on."""
    here = Stage(SnapshotChecker, [PageSpec("A", init=(1,))])
    child_mm = here.fork()
    here.cut(child_mm)
    assert here.props() != []


def test_an_entry_cleared_for_a_moment_is_not_an_empty_page() -> None:
    """A fault between clear and set, in a VMA that fork has not reached."""
    here = stage()
    here.store(1, "A")
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.share(child_mm, "B")
    here.set(here.parent, "A", None, 0)
    here.cut(child_mm)
    assert here.props() == []


def test_a_page_thrown_away_before_the_cut_is_empty() -> None:
    """The child that has its old contents is wrong."""
    here = stage()
    here.store(1, "A")
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.share(child_mm, "B")
    here.zap(here.parent, "A")
    here.cut(child_mm)
    assert here.props() == ["snapshot.stale"]


def test_two_pages_thrown_away_in_order_can_be_torn() -> None:
    """The child has old A and new B: the hole of locking fewer VMAs."""
    here = stage()
    for page in AB:
        here.store(5, page)
    child_mm = here.fork()
    here.copy(child_mm, "A")
    here.zap(here.parent, "A")
    here.zap(here.parent, "B")
    here.cut(child_mm)
    assert here.props() == ["snapshot.torn"]


def test_a_failed_fork_is_not_judged() -> None:
    """There is no child to compare."""
    here = stage()
    child_mm = here.fork()
    here.checker.fork_failed(here.parent, child_mm)
    here.store(1, "A")
    assert here.props() == []


def test_the_second_fork_is_judged_against_the_parent_of_its_own_time() -> None:
    """What the first child lacks rightly, the second must have."""
    here = stage()
    first = here.fork()
    for page in AB:
        here.share(first, page)
    here.cut(first)
    new = here.alloc()
    here.set(here.parent, "A", new, 2)
    here.store(1, "A")
    second = here.fork()
    here.set(second, "A", here.folio("A", first), 0)
    here.share(second, "B")
    here.cut(second)
    assert here.props() == ["snapshot.stale"]
