"""The guide: a schedule as turns, followed as far as the run allows."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forkfuzz.engine import Decision, Schedule
from forkfuzz.harness import Run, RunResult
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import SCENARIOS, open_program
from forkfuzz.shrink import Guide, Turn, turns_of, turns_of_decisions
from forkfuzz.strategies import Bytes, Pct, RandomWalk


def run_mp(strategy: Pct | RandomWalk | Bytes | Guide) -> RunResult:
    """Run a small scenario."""
    strategy.begin()
    return Run(open_program("mp"), parse_rules("mainline"), strategy).execute()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_run_is_its_turns(scenario: str) -> None:
    """Followed, the turns of a run give that run again, decision for decision."""
    program, rules = open_program(scenario), parse_rules("mainline")
    for strategy in (RandomWalk(3), Pct(3), Bytes(random.Random(3).randbytes(200))):
        strategy.begin()
        result = Run(program, rules, strategy).execute()
        guide = Guide(turns_of(result.decisions, result.task_names))
        assert Run(program, rules, guide).execute().trace() == result.trace()


def test_stored_decisions_have_the_same_turns() -> None:
    """A schedule from a file is followed as the run that it was stored from."""
    result = run_mp(RandomWalk(5))
    stored = Schedule.of(result.decisions, result.task_names).decisions
    assert turns_of_decisions(stored) == turns_of(result.decisions, result.task_names)


def test_steps_in_a_row_are_one_turn_with_its_outcomes() -> None:
    """An outcome belongs to the turn in which it was chosen."""
    decisions = [
        Decision("A", "a:one", 2, 0),
        Decision("", "choice:first", 3, 2),
        Decision("A", "a:two", 2, 0),
        Decision("B", "b:one", 1, 0),
        Decision("", "choice:second", 3, 1),
    ]
    assert turns_of_decisions(decisions) == (Turn("A", 2, (2,)), Turn("B", 1, (1,)))


def test_no_decisions_are_no_turns() -> None:
    """The guide then goes on without preemption."""
    assert turns_of_decisions([]) == ()
    guide = Guide(())
    assert run_mp(guide).outcome.value == "finished"
    assert guide.preemptions == 0


@given(st.lists(st.tuples(st.sampled_from(["F", "T1", "NOBODY"]), st.integers(1, 30))))
def test_turns_that_do_not_fit_are_passed_over(turns: list[tuple[str, int]]) -> None:
    """Whatever the turns are, the run comes to its end, and each time to the same."""
    guide = Guide([Turn(task, steps, (7, 0, 1)) for task, steps in turns])
    first, second = run_mp(guide), run_mp(guide)
    assert first.outcome.value == "finished"
    assert first.trace() == second.trace()


def test_a_guide_counts_preemptions() -> None:
    """As often as a task was stopped that could have gone on."""
    guide = Guide([Turn("F", 3), Turn("T1", 1), Turn("F", 2)])
    run_mp(guide)
    assert guide.preemptions == 2
