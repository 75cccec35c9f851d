"""Witnesses are plainest, replay, and say truly that there are none plainer."""

from __future__ import annotations

import pytest

from forkfuzz.exhaustive import Plainest, decide, plainest_end, plainest_violation
from forkfuzz.harness import Run
from forkfuzz.harness.trial import with_lazy_tlb
from forkfuzz.rules import Rules, parse_rules
from forkfuzz.scenarios import program as p
from forkfuzz.search import Limits
from forkfuzz.strategies import Replay

IN_PAGE = p.Program(
    "in-page",
    (p.PageSpec("A", words=2, pin="rw"),),
    (
        p.Thread("T1", (p.Store("A", 0, 1), p.Store("A", 1, 1))),
        p.Thread("F", (p.Fork(),)),
    ),
)
MAINLINE = parse_rules("mainline")


def replayed(program: p.Program, rules: Rules, found: Plainest) -> Run:
    """Run a witness again."""
    strategy = Replay(found.schedule.decisions)
    strategy.begin()
    run = Run(with_lazy_tlb(program), rules, strategy)
    run.execute()
    return run


@pytest.mark.parametrize(
    ("prop", "preemptions"), [("snapshot.torn", 1), ("snapshot.stale", 0)]
)
def test_witness_of_a_violation(prop: str, preemptions: int) -> None:
    """It breaks the property again, and with fewer preemptions no run does."""
    found = plainest_violation(IN_PAGE, MAINLINE, prop)
    assert found is not None
    assert found.preemptions == preemptions
    run = replayed(IN_PAGE, MAINLINE, found)
    assert prop in [violation.prop for violation in run.violations()]
    if preemptions:
        fewer = Limits(preemptions=preemptions - 1)
        decided = decide(IN_PAGE, MAINLINE, lambda _run: None, fewer)
        assert prop not in decided.properties


def child_is_torn(run: Run) -> bool:
    """Return whether the child has the second store without the first."""
    world = run.world
    child = next((mm for mm in world.mms if mm.parent is not None), None)
    if child is None:
        return False
    words = world.frames[child.page_table.entries[0] >> 12].words
    return [world.stores[store][1] for store in words] == [0, 1]


def test_witness_of_an_end() -> None:
    """It ends so again; its header says what it is a run of."""
    found = plainest_end(IN_PAGE, MAINLINE, child_is_torn)
    assert found is not None
    assert child_is_torn(replayed(IN_PAGE, MAINLINE, found))
    assert found.schedule.header["rules"] == "mainline"
    sure = f"1 preemption, none with fewer ({found.states} states)"
    assert str(found) == f"{found.steps} steps, {sure}"


def test_no_witness_where_there_is_none() -> None:
    """The documented protocol has none; nor is one found within too few states."""
    assert plainest_end(IN_PAGE, Rules(), child_is_torn) is None
    assert plainest_violation(IN_PAGE, Rules(), "snapshot.torn") is None
    few = plainest_violation(IN_PAGE, MAINLINE, "snapshot.torn", max_states=5)
    assert few is None
