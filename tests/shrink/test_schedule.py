"""Shrinking: the same violation, plainer, always in the same way."""

from __future__ import annotations

from functools import cache
from statistics import median

import attrs
import pytest

from forkfuzz.engine import Schedule
from forkfuzz.errors import InternalError
from forkfuzz.harness import Run, RunResult
from forkfuzz.rules import format_rules, parse_rules
from forkfuzz.scenarios import open_program
from forkfuzz.shrink import Guide, Shrunk, shrink_schedule, turns_of
from forkfuzz.shrink.attempt import MAX_RUNS, SPECULATION
from forkfuzz.strategies import Pct, Replay

KINDS = (
    ("mp", "mainline", "snapshot"),
    ("mp", "seed,final_flush=none", "tlb.stale-writable"),
    ("vmsplice", "v5.8", "snapshot.leak-to-child"),
    ("ro-pin", "v5.9", "pin.diverged"),
    ("cow-break", "seed,cow_order=set_then_flush", "tlb.two-frames"),
    ("cow-break", "seed,rmap_drop=before_flush", "page.refcount"),
    ("pin-fork-race", "seed,write_protect_seq=off", "pin.not-exclusive"),
)
"""Scenario, rules, and the start of the property that is found there."""

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[2])


@attrs.frozen
class Case:
    """A violation as found, and shrunk."""

    found: RunResult
    signature: str
    shrunk: Shrunk


@cache
def case_of(kind: tuple[str, str, str]) -> Case:
    """Find a violation of *kind*, and shrink it."""
    scenario, text, prop = kind
    program, rules = open_program(scenario), parse_rules(text)
    strategy = Pct(1)
    for _ in range(3000):
        strategy.begin()
        result = Run(program, rules, strategy).execute()
        for violation in result.violations:
            if violation.prop.startswith(prop):
                signature = violation.signature(format_rules(rules))
                shrunk = shrink_schedule(program, rules, result, signature)
                return Case(result, signature, shrunk)
    pytest.fail(f"no {prop} in 3000 runs of {scenario} under {text}")


def signatures(kind: tuple[str, str, str], result: RunResult) -> set[str]:
    """Return the signatures of all violations of a run."""
    spelled = format_rules(parse_rules(kind[1]))
    return {violation.signature(spelled) for violation in result.violations}


def hardware_events(result: RunResult) -> int:
    """Return how many fills and evictions the strategy chose."""
    return sum(label == SPECULATION for _, label, _, _ in result.decisions)


def cost(kind: tuple[str, str, str], result: RunResult) -> tuple[int, int]:
    """Return what a reader has to believe, and to read."""
    turns = turns_of(result.decisions, result.task_names)
    guide = Guide(turns)
    Run(open_program(kind[0]), parse_rules(kind[1]), guide).execute()
    return guide.preemptions + hardware_events(result), result.steps


@each_kind
def test_the_violation_is_kept(kind: tuple[str, str, str]) -> None:
    """The shrunk run shows the same bug, not merely another one."""
    case = case_of(kind)
    assert case.signature in signatures(kind, case.shrunk.result)


@each_kind
def test_what_is_shrunk_replays(kind: tuple[str, str, str]) -> None:
    """As a stored schedule, under the strict replay."""
    result = case_of(kind).shrunk.result
    stored = Schedule.of(result.decisions, result.task_names)
    replay = Replay(stored.decisions)
    again = Run(open_program(kind[0]), parse_rules(kind[1]), replay).execute()
    assert again.trace() == result.trace()
    assert replay.remaining == 0


@each_kind
def test_the_cost_never_grows(kind: tuple[str, str, str]) -> None:
    """Neither what a reader has to believe, nor, that being equal, what he reads."""
    case = case_of(kind)
    shrunk = case.shrunk
    assert cost(kind, shrunk.result) <= cost(kind, case.found)
    assert shrunk.preemptions <= shrunk.preemptions_before
    assert shrunk.steps_before == case.found.steps
    believed, _ = cost(kind, shrunk.result)
    assert believed == shrunk.preemptions + hardware_events(shrunk.result)


@each_kind
def test_shrinking_again_changes_nothing(kind: tuple[str, str, str]) -> None:
    """What is left is what no pass can make plainer."""
    case = case_of(kind)
    again = shrink_schedule(
        open_program(kind[0]), parse_rules(kind[1]), case.shrunk.result, case.signature
    )
    assert again.result.trace() == case.shrunk.result.trace()


def test_equal_runs_shrink_equally() -> None:
    """There is no chance in it."""
    case = case_of(KINDS[0])
    program, rules = open_program(KINDS[0][0]), parse_rules(KINDS[0][1])
    again = shrink_schedule(program, rules, case.found, case.signature)
    assert again.result.trace() == case.shrunk.result.trace()


def test_a_reader_has_little_to_believe() -> None:
    """Two preemptions or hardware events in the median, whatever the bug."""
    believed = [cost(kind, case_of(kind).shrunk.result)[0] for kind in KINDS]
    assert len({kind[2] for kind in KINDS}) >= 6
    assert median(believed) <= 2
    assert any(cost(kind, case_of(kind).found)[0] > 2 for kind in KINDS)


def test_a_violation_that_does_not_repeat_is_our_fault() -> None:
    """The signature is not that of any violation of the run."""
    case = case_of(KINDS[0])
    program, rules = open_program(KINDS[0][0]), parse_rules(KINDS[0][1])
    with pytest.raises(
        InternalError, match=r"^forkfuzz bug: the run with 00000000 does not repeat$"
    ):
        shrink_schedule(program, rules, case.found, "00000000")


def test_the_effort_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many runs the best so far is the answer."""
    case = case_of(KINDS[0])
    program, rules = open_program(KINDS[0][0]), parse_rules(KINDS[0][1])
    monkeypatch.setattr("forkfuzz.shrink.attempt.MAX_RUNS", 1)
    shrunk = shrink_schedule(program, rules, case.found, case.signature)
    assert MAX_RUNS > 1
    assert case.signature in signatures(KINDS[0], shrunk.result)
    assert shrunk.result.steps == case.found.steps
