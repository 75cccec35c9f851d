"""Where a path leads: the same run as any other way, told up to its last step."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forkfuzz.cli.stored import open_stored
from forkfuzz.errors import UsageError
from forkfuzz.harness.run import Run
from forkfuzz.report import describe, record
from forkfuzz.rules import Rules, parse_rules
from forkfuzz.scenarios import Program, open_program
from forkfuzz.stepper import (
    Stops,
    View,
    look,
    path_of,
    preview,
    run_on,
    schedule_of,
)
from forkfuzz.strategies import Replay, make

REGRESSIONS = Path(__file__).parents[2] / "corpus" / "regressions"
EXHIBITS = sorted(REGRESSIONS.glob("*.schedule"))
MAINLINE = parse_rules("mainline")


def walked(program: Program, rules: Rules, seed: int, steps: int) -> View:
    """Answer as it comes, so many times."""
    answers = random.Random(seed)
    view = look(program, rules, ())
    for _ in range(steps):
        if view.question is None:
            break
        answer = answers.randrange(len(view.question.options))
        view = look(program, rules, (*view.path, answer))
    return view


@pytest.mark.parametrize("path", EXHIBITS, ids=lambda path: path.stem)
def test_the_path_of_a_stored_run_leads_to_the_same_run(path: Path) -> None:
    """Step by step, with the same violations."""
    stored = open_stored(str(path), Path())
    found = path_of(stored.program, stored.rules, stored.decisions)
    view = look(stored.program, stored.rules, found)
    recording = record(stored.program, stored.rules, stored.decisions)
    assert view.question is None
    assert view.recording.result.trace() == recording.result.trace()
    assert view.recording.steps == recording.steps
    assert len(view.moments) == len(recording.steps) + 1


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), steps=st.integers(0, 60), kept=st.integers(0, 60))
def test_what_is_told_later_does_not_depend_on_what_was_told_before(
    seed: int, steps: int, kept: int
) -> None:
    """Moments since a step are those of the whole path; so are the steps."""
    program = open_program("mp rounds=1")
    whole = walked(program, MAINLINE, seed, steps)
    later = look(program, MAINLINE, whole.path, since=kept)
    assert later.path == whole.path
    assert later.question == whole.question
    assert later.recording.steps == whole.recording.steps
    assert later.moments == (whole.moments[kept + 1 :] if kept else whole.moments)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), steps=st.integers(0, 60))
def test_a_step_is_told_as_it_was_told_before_it_was_taken(
    seed: int, steps: int
) -> None:
    """What an option is said to do, it does."""
    program = open_program("mp rounds=1")
    view = walked(program, MAINLINE, seed, steps)
    told = preview(program, MAINLINE, view)
    options = view.question.options if view.question else ()
    assert len(told) == len(options)
    for answer, option in enumerate(options):
        taken = look(program, MAINLINE, (*view.path, answer)).recording.steps[-1]
        assert option.task in ("", taken.task)
        assert told[answer] == [describe(event) for event in taken.events]


def test_a_strategy_goes_on_until_a_point() -> None:
    """Before the step, whoever is about to take it; and goes on past it."""
    program, label = open_program("mp rounds=1"), "wrprotect_ptes"
    stops = Stops(points=frozenset({f"__copy_present_ptes:{label}"}))
    view = run_on(program, MAINLINE, (), make("round-robin", 0), stops)
    assert view.question is not None
    at = [option for option in view.question.options if option.label in stops.points]
    assert at
    assert all(step.label not in stops.points for step in view.recording.steps)
    further = run_on(program, MAINLINE, view.path, make("round-robin", 0), stops)
    assert len(further.path) > len(view.path)


def test_a_strategy_goes_on_until_something_is_broken() -> None:
    """It stops right after that step; without a stop, at the end of the run."""
    stored = open_stored(str(EXHIBITS[1]), Path())
    program, rules = stored.program, stored.rules

    def run(properties: set[str]) -> View:
        stops = Stops(properties=frozenset(properties))
        return run_on(program, rules, (), Replay(stored.decisions), stops)

    (first, *_) = run(set()).recording.result.violations
    stopped = run({"any"})
    assert stopped.question is not None
    assert len(stopped.starts) == first.step
    assert run({first.prop}).path == stopped.path
    assert run({"page.refcount"}).question is None


def test_a_path_can_be_saved_and_replayed() -> None:
    """As a schedule, also of a run that is not over."""
    program = open_program("mp rounds=1")
    view = walked(program, MAINLINE, 7, 30)
    schedule = schedule_of(view, program.name)
    assert schedule.header["scenario"] == "mp rounds=1"
    strategy = Replay(schedule.decisions)
    result = Run(program, MAINLINE, strategy).execute()
    assert strategy.remaining == 0
    assert result.decisions[: len(view.path)] == view.recording.result.decisions


@pytest.mark.parametrize("path", [(99,), (0, -1), (0, 0, 10**9)])
def test_an_answer_that_is_not_offered_is_refused(path: tuple[int, ...]) -> None:
    """With its place, and what was offered."""
    with pytest.raises(UsageError, match=r"answer \d+ is -?\d+, expected 0 to \d+"):
        look(open_program("mp"), MAINLINE, path)
