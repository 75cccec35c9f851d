"""The run that passes: clean, and as much like the failing one as can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkfuzz.cli.stored import open_stored
from forkfuzz.engine import Schedule
from forkfuzz.harness.run import Run
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import open_program
from forkfuzz.scenarios.program import PageSpec, Program, Thread, Wait
from forkfuzz.shrink import nearest_passing
from forkfuzz.strategies import Replay, RoundRobin

REGRESSIONS = Path(__file__).parents[2] / "corpus" / "regressions"
EXHIBITS = sorted(REGRESSIONS.glob("*.schedule"))


@pytest.mark.parametrize("path", EXHIBITS, ids=lambda path: path.stem)
def test_each_exhibit_has_a_run_that_passes(path: Path) -> None:
    """It replays, is clean, and parts from the failing one after a first step."""
    stored = open_stored(str(path), Path())
    result = Run(stored.program, stored.rules, Replay(stored.decisions)).execute()
    passing = nearest_passing(stored.program, stored.rules, result)
    assert passing is not None
    assert passing.violations == ()
    assert passing.decisions[0] == result.decisions[0]
    schedule = Schedule.of(passing.decisions, passing.task_names)
    again = Run(stored.program, stored.rules, Replay(schedule.decisions)).execute()
    assert again.trace() == passing.trace()


def test_a_clean_run_needs_none() -> None:
    """There is nothing to compare it with."""
    program, rules = open_program("mp"), parse_rules("seed")
    strategy = RoundRobin()
    strategy.begin()
    result = Run(program, rules, strategy).execute()
    assert nearest_passing(program, rules, result) is None


def test_a_bug_of_every_run_has_none() -> None:
    """A thread that waits for what nobody posts does so in every run."""
    program = Program("waits", (PageSpec("A"),), (Thread("T1", (Wait("never"),)),))
    strategy = RoundRobin()
    strategy.begin()
    result = Run(program, parse_rules("seed"), strategy).execute()
    assert [v.prop for v in result.violations] == ["run.stuck"]
    assert nearest_passing(program, parse_rules("seed"), result) is None
