"""The guard that closes a hole is named, and only that one."""

from __future__ import annotations

from exhaustive.test_witness import IN_PAGE, MAINLINE, child_is_torn
from forkfuzz.exhaustive.bisect import Bisection, Closes, Outcome, bisect, missing
from forkfuzz.rules import Rules
from forkfuzz.search import Limits, Progress


def test_the_guard_that_mainline_lacks() -> None:
    """Of the five that it lacks, one closes the tear."""
    assert missing(MAINLINE) == [
        "pinned_copy",
        "child_unlock",
        "guard_flush",
        "mprotect_flags",
        "split_flags",
    ]
    for outcome in (Outcome("snapshot.torn"), Outcome(end=child_is_torn)):
        found = bisect(IN_PAGE, MAINLINE, outcome, Limits())
        assert found.possible is Closes.NO
        assert [(g.field, g.closes) for g in found.guards] == [
            ("pinned_copy", Closes.YES),
            ("child_unlock", Closes.NO),
            ("guard_flush", Closes.NO),
            ("mprotect_flags", Closes.NO),
            ("split_flags", Closes.NO),
        ]
        assert all(guard.states for guard in found.guards)


def test_a_group_of_properties() -> None:
    """``snapshot`` is any of its properties."""
    found = bisect(IN_PAGE, MAINLINE, Outcome("snapshot"), Limits())
    assert found.possible is Closes.NO
    assert found.guards[0].closes is Closes.YES


def test_what_is_impossible_already_needs_no_guard() -> None:
    """Then none is tried."""
    found = bisect(IN_PAGE, Rules(), Outcome("snapshot.torn"), Limits())
    assert found == Bisection(Closes.YES, [])
    found = bisect(IN_PAGE, MAINLINE, Outcome("pin.diverged"), Limits(states=3))
    assert found == Bisection(Closes.UNKNOWN, [])


def interrupted_in(search: int) -> Bisection:
    """Ask for the tear; press Ctrl-C in one of the searches, once that has seen it."""
    begun = 0

    def tick(progress: Progress) -> None:
        nonlocal begun
        begun += progress.runs == 1
        if begun == search and progress.runs == 60:
            raise KeyboardInterrupt

    return bisect(IN_PAGE, MAINLINE, Outcome("snapshot.torn"), Limits(), tick)


def test_an_interrupt_ends_all_although_the_outcome_was_seen_by_then() -> None:
    """What is known so far is kept; no further search begins."""
    found = interrupted_in(1)
    assert found == Bisection(Closes.NO, [], interrupted=True)
    found = interrupted_in(3)
    assert found.interrupted
    assert [(g.field, g.closes) for g in found.guards] == [
        ("pinned_copy", Closes.YES),
        ("child_unlock", Closes.NO),
    ]
