"""The whole message about a violation."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from driving import forker, program
from forkfuzz.errors import UsageError
from forkfuzz.report import Recording, assumptions, violation_text
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import Program, open_program
from forkfuzz.shrink import Shrunk


def test_the_message_has_all_that_one_needs(torn: Recording) -> None:
    """What, where, under which rules, the table, how it was found, and what next."""
    text = violation_text(
        torn,
        signature="7c1e90ab",
        found_after=212,
        seconds=0.4,
        shrunk=Shrunk(torn.program, attrs.evolve(torn.result, steps=41), 1, 96, 9),
    )
    lines = text.split("\n")
    assert lines[0].startswith("VIOLATION snapshot.torn  scenario mp rounds=1  rules")
    assert lines[0].endswith("  sig 7c1e90ab")
    assert "   F (fork)                          T1" in lines
    assert (
        "  found after 212 runs (0.4 s); shrunk 96 -> 41 steps, 9 -> 1 preemption"
        in lines
    )
    assert "  assumes: sequentially consistent memory" in text
    assert lines[-3:] == [
        "  Reproduce with:       forkfuzz replay 7c1e90ab",
        "  As a unit test:       forkfuzz show 7c1e90ab --as pytest",
        "  For a commit message: forkfuzz show 7c1e90ab --as race",
    ]


def test_what_is_not_known_is_left_out(torn: Recording) -> None:
    """Without a count of runs there is no line about it; the signature is computed."""
    text = violation_text(torn)
    violation = torn.result.headline()
    assert violation is not None
    assert "found after" not in text
    assert f"forkfuzz replay {violation.signature('mainline')}" in text


def test_one_run_is_singular(torn: Recording) -> None:
    """Nobody finds anything after 1 runs."""
    assert "\n  found after 1 run\n" in violation_text(torn, found_after=1)


def test_long_rules_go_below_the_headline(torn: Recording) -> None:
    """Nothing is wider than 75 columns."""
    rules = "v6.4.0,final_flush=none,child_unlock=after_flush,reuse=mapcount"
    text = violation_text(attrs.evolve(torn, rules=parse_rules(rules)))
    lines = text.split("\n")
    assert lines[0].startswith("VIOLATION snapshot.torn  ")
    assert lines[1] == "  scenario mp rounds=1"
    assert lines[2].startswith("  rules ")
    assert max(map(len, lines)) <= 75


def test_a_run_without_violation_has_no_message(
    record_one: Callable[[Program, str], Recording],
) -> None:
    """Asking for one is a mistake of the caller."""
    recording = record_one(program(["A"], forker()), "seed")
    with pytest.raises(
        UsageError, match=r"^the run of 'test' has no violation to report$"
    ):
        violation_text(recording)


def test_assumptions_follow_the_program() -> None:
    """Lax hardware, and no spontaneous TLB events, are said."""
    mp = open_program("mp")
    assert "hardware re-checks P, W and the frame when it sets D" in assumptions(mp)
    lax = attrs.evolve(mp, hw_dirty_lax=True, hardware_events=0)
    assert assumptions(lax)[-2:] == (
        "no TLB fill or evict but those that accesses make",
        "hardware re-checks only P when it sets D",
    )
