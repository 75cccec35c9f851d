"""The guard that closes a hole is named, and only that one."""

from __future__ import annotations

from exhaustive.test_witness import IN_PAGE, MAINLINE, child_is_torn
from forkfuzz.exhaustive.bisect import Closes, Outcome, bisect, missing
from forkfuzz.rules import Rules
from forkfuzz.search import Limits


def test_the_guard_that_mainline_lacks() -> None:
    """Of the four that it lacks, one closes the tear."""
    assert missing(MAINLINE) == [
        "pinned_copy",
        "child_unlock",
        "mprotect_flags",
        "split_flags",
    ]
    for outcome in (Outcome("snapshot.torn"), Outcome(end=child_is_torn)):
        possible, guards = bisect(IN_PAGE, MAINLINE, outcome, Limits())
        assert possible is Closes.NO
        assert [(g.field, g.closes) for g in guards] == [
            ("pinned_copy", Closes.YES),
            ("child_unlock", Closes.NO),
            ("mprotect_flags", Closes.NO),
            ("split_flags", Closes.NO),
        ]
        assert all(guard.states for guard in guards)


def test_a_group_of_properties() -> None:
    """``snapshot`` is any of its properties."""
    possible, guards = bisect(IN_PAGE, MAINLINE, Outcome("snapshot"), Limits())
    assert possible is Closes.NO
    assert guards[0].closes is Closes.YES


def test_what_is_impossible_already_needs_no_guard() -> None:
    """Then none is tried."""
    found = bisect(IN_PAGE, Rules(), Outcome("snapshot.torn"), Limits())
    assert found == (Closes.YES, [])
    found = bisect(IN_PAGE, MAINLINE, Outcome("pin.diverged"), Limits(states=3))
    assert found == (Closes.UNKNOWN, [])
